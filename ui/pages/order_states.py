"""What the page of an order says in each state."""

from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from services.errors import AFTER_STRIPE
from services.money import Money
from services.orders import PAID_STATUSES, WAITING_STATES, Booking, BookingState, CalendarGate, Order, State
from services.site import Site
from ui.components.builder import h, join
from ui.components.layout import contact_sentence
from ui.components.meetings import meeting, on_day

CLOSED = {
    CalendarGate.ENVIRONMENT: (
        'This order belongs to another set-up of this site, so its calendar is not shown here.'
    ),
    CalendarGate.TEST: 'This site is being tested: no real money moved, so no real hour can be booked.',
}
"""What is shown instead of a calendar, by the calendar gate."""
CALENDLY_IS_RIGHT = 'If you moved or cancelled it since, the latest e-mail from Calendly is right.'


@dataclass(frozen=True)
class View:
    """What an order's page shows.

    ``waits`` is true while the order can still become paid.
    """

    state: Markup
    receipt: Markup
    shows_calendar: bool
    waits: bool


@dataclass(frozen=True)
class OrderData:
    """Everything a view is made from.

    ``gate`` says whether there is a calendar, and if not, why. ``notified`` says whether Calendly delivers
    changes of bookings to this shop.
    """

    order: Order
    bookings: tuple[Booking, ...]
    gate: CalendarGate
    now: datetime
    notified: bool = True

    @property
    def booked(self) -> tuple[Booking, ...]:
        """The meetings that were not cancelled."""
        return tuple(booking for booking in self.bookings if booking.state is BookingState.ACTIVE)

    @property
    def to_come(self) -> bool:
        """Whether one of them is not over."""
        return any(booking.end > self.now for booking in self.booked)


def view(data: OrderData, site: Site) -> View:
    """Build the view of an order."""
    order = data.order
    build = {
        State.OPEN: _checking,
        State.PROCESSING: _processing,
        State.EXPIRED: _not_charged,
        State.FAILED: _not_charged,
        State.REFUNDED: _refunded,
        State.LOST: _lost,
        State.MISMATCH: _mismatch,
    }.get(order.state, _paid)
    return View(
        state=build(data, site),
        receipt=_receipt(order, site) if order.facts.payment_status in PAID_STATUSES else Markup(''),
        shows_calendar=order.opens_calendar and data.gate is CalendarGate.OPEN and not data.booked,
        waits=order.state in WAITING_STATES,
    )


def _checking(data: OrderData, site: Site) -> Markup:
    return join(
        h('h1', 'Checking your payment…', class_='busy'),
        h('p', AFTER_STRIPE),
        h('p', 'You do not have to do anything. You may close this page and come back to its address later.'),
        _check_now(data.order),
        contact_sentence(site.contact),
    )


def _processing(data: OrderData, site: Site) -> Markup:
    amount = data.order.purchase.price
    return join(
        h('h1', 'Your payment is under way', class_='busy'),
        h('p', f'Your bank is sending {amount}. With this way of paying that takes a few days.'),
        h('p', 'You do not have to do anything, and please do not pay again. The calendar opens on this page'
          ' as soon as the money arrives. You may close the page and come back to its address later.'),
        _reference(data.order),
        _check_now(data.order),
        contact_sentence(site.contact),
    )  # fmt: skip


def _paid(data: OrderData, site: Site) -> Markup:
    order = data.order
    closed = h('p', CLOSED[data.gate], class_='notice') if data.gate in CLOSED else None
    sentence = (
        f'You paid {order.paid} for your {order.purchase.title}. Your order is ',
        h('strong', order.reference),
        *((', and the receipt goes to ', h('strong', order.facts.email)) if order.facts.email else ()), '.',
    )  # fmt: skip
    return join(
        h('h1', '✓ Payment Successful!', class_='done'),
        h('p', *sentence),
        _part_refunded(order),
        closed,
        _meetings(data, site),
    )


def _part_refunded(order: Order) -> Markup | None:
    if not order.facts.amount_refunded:
        return None
    return h('p', f'{_refund(order)} of it was refunded.')


def _not_charged(data: OrderData, site: Site) -> Markup:
    failed = data.order.state is State.FAILED
    closed = 'The payment page was closed before anything was paid.'
    words = 'Your bank did not make the payment.' if failed else closed
    return join(
        h('h1', 'The payment was not made'),
        h('p', words, ' You were not charged for this order.'),
        h('p', h('a', 'Back to the session', href='/', class_='cta')),
        contact_sentence(site.contact),
    )


def _refunded(data: OrderData, site: Site) -> Markup:
    return join(
        h('h1', 'This order was refunded'),
        h(
            'p',
            f'{_refund(data.order)} went back the way it came. Banks need five to ten days to show it.',
        ),
        h('p', 'The calendar of this order is closed.'),
        _still_booked(data),
        _meetings(data, site),
        contact_sentence(site.contact),
    )


def _lost(data: OrderData, site: Site) -> Markup:
    return join(
        h('h1', 'The payment was taken back'),
        h('p', 'The bank returned the payment of this order to its owner, so the calendar is closed.'),
        _still_booked(data),
        _meetings(data, site),
        h('p', 'If you think this is a mistake:'),
        contact_sentence(site.contact),
    )


def _mismatch(data: OrderData, site: Site) -> Markup:
    if data.order.facts.payment_status not in PAID_STATUSES:
        return _processing(data, site)
    return join(
        h('h1', 'We have your payment and will write to you'),
        h('p', 'A person has to look at this payment first. Your payment is safe. Do not pay again.'),
        _reference(data.order),
        contact_sentence(site.contact),
    )


def _check_now(order: Order) -> Markup:
    """A link to the page itself, for browsers without script or websocket: nothing is updated there."""
    return h('p', h('a', 'Check now', href=f'/order/{order.token}'), class_='links')


def _reference(order: Order) -> Markup:
    return h('p', 'Your order is ', h('strong', order.reference), '.')


def _refund(order: Order) -> Money:
    return Money(order.facts.amount_refunded, order.paid.currency)


def _still_booked(data: OrderData) -> Markup | None:
    """What is said of a coming meeting whose payment was refunded or taken back."""
    if not data.to_come:
        return None
    return h('p', 'A session is still booked with it. Please cancel it, or ask us whether it takes place.')


def _meetings(data: OrderData, site: Site) -> Markup | None:
    """The meetings of an order, with what to bring below a coming one."""
    if not data.bookings:
        return None
    moved = {booking.replaces for booking in data.bookings}
    parts = [
        meeting(booking, data.order, data.now, moved=booking.invitee_id in moved) for booking in data.bookings
    ]
    if data.to_come and not data.notified:
        parts.append(h('p', CALENDLY_IS_RIGHT, class_='quiet'))
    return join(*parts, _bring(site) if data.to_come and data.order.opens_calendar else None)


def _bring(site: Site) -> Markup | None:
    if not site.order.bring:
        return None
    lines = (h('li', line) for line in site.order.bring)
    return join(h('h2', site.order.bring_title), h('ul', *lines, class_='dashes'))


def _receipt(order: Order, site: Site) -> Markup:
    """The receipt, to keep or print."""
    day = on_day(order.completed_at) if order.completed_at else ''
    lines = {
        'Session': order.purchase.title,
        'Paid': f'{order.paid}',
        'Refunded': str(_refund(order)) if order.facts.amount_refunded else '',
        'On': day,
        'Order': order.reference,
        'Receipt to': order.facts.email,
        'Sold by': site.business.name,
    }
    return join(*(join(h('dt', name), h('dd', text)) for name, text in lines.items() if text))
