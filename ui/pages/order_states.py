"""What the page of an order says in each of its states; words only, worked out from facts."""

from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from services.errors import AFTER_STRIPE
from services.money import Money
from services.orders import PAID_STATUSES, WAITING_STATES, Booking, Order, State
from services.site import Site
from ui.components.builder import h, join
from ui.components.elements import reach
from ui.components.meetings import meeting, on_day

CLOSED = {
    'environment': 'This order belongs to another set-up of this site, so its calendar is not shown here.',
    'test': 'This site is being tested: no real money moved, so no real hour can be booked.',
}
"""What is said instead of a calendar, by what Fulfilment.why_closed says."""
OWN_WORD = 'If you moved or cancelled it since, the latest e-mail from Calendly is right.'


@dataclass(frozen=True)
class View:
    """What an order's page shows: the state, the receipt below it, and whether the calendar belongs there."""

    state: Markup
    receipt: Markup
    wants_calendar: bool
    waits: bool


@dataclass(frozen=True)
class Seen:
    """All that the page knows of an order at one moment.

    ``closed`` is why there is no calendar, ``told`` whether we hear of meetings that are moved or cancelled.
    """

    order: Order
    bookings: tuple[Booking, ...]
    closed: str
    now: datetime
    told: bool = True

    @property
    def booked(self) -> tuple[Booking, ...]:
        """The meetings that stand."""
        return tuple(booking for booking in self.bookings if booking.state == 'active')

    @property
    def to_come(self) -> bool:
        """Whether one of them is not over."""
        return any(booking.end > self.now for booking in self.booked)


def view(seen: Seen, site: Site) -> View:
    """Draw an order as it is."""
    order = seen.order
    draw = {
        State.OPEN: _checking,
        State.PROCESSING: _processing,
        State.EXPIRED: _not_charged,
        State.FAILED: _not_charged,
        State.REFUNDED: _refunded,
        State.LOST: _lost,
        State.MISMATCH: _mismatch,
    }.get(order.state, _paid)
    return View(
        state=draw(seen, site),
        receipt=_receipt(order, site) if order.facts.payment_status in PAID_STATUSES else Markup(''),
        wants_calendar=order.opens_calendar and not seen.closed and not seen.booked,
        waits=order.state in WAITING_STATES,
    )


def _checking(seen: Seen, site: Site) -> Markup:
    return join(
        h('h1', 'Checking your payment…', class_='busy'),
        h('p', AFTER_STRIPE),
        h('p', 'You do not have to do anything. You may close this page and come back to its address later.'),
        _check_now(seen.order),
        reach(site.contact),
    )


def _processing(seen: Seen, site: Site) -> Markup:
    amount = seen.order.expected
    return join(
        h('h1', 'Your payment is under way', class_='busy'),
        h('p', f'Your bank is sending {amount}. With this way of paying that takes a few days.'),
        h('p', 'You do not have to do anything, and please do not pay again. The calendar opens on this page'
          ' as soon as the money arrives. You may close the page and come back to its address later.'),
        _reference(seen.order),
        _check_now(seen.order),
        reach(site.contact),
    )  # fmt: skip


def _paid(seen: Seen, site: Site) -> Markup:
    order = seen.order
    closed = h('p', CLOSED[seen.closed], class_='notice') if seen.closed in CLOSED else None
    sentence = (
        f'You paid {order.paid} for your {site.offer.name}. Your order is ', h('strong', order.reference),
        *((', and the receipt goes to ', h('strong', order.facts.email)) if order.facts.email else ()), '.',
    )  # fmt: skip
    return join(
        h('h1', '✓ Payment Successful!', class_='done'),
        h('p', *sentence),
        _part_refunded(order),
        closed,
        _meetings(seen, site),
    )


def _part_refunded(order: Order) -> Markup | None:
    if not order.facts.amount_refunded:
        return None
    return h('p', f'{_refund(order)} of it was refunded.')


def _not_charged(seen: Seen, site: Site) -> Markup:
    failed = seen.order.state is State.FAILED
    closed = 'The payment page was closed before anything was paid.'
    words = 'Your bank did not make the payment.' if failed else closed
    return join(
        h('h1', 'The payment was not made'),
        h('p', words, ' You were not charged for this order.'),
        h('p', h('a', 'Back to the session', href='/', class_='cta')),
        reach(site.contact),
    )


def _refunded(seen: Seen, site: Site) -> Markup:
    return join(
        h('h1', 'This order was refunded'),
        h(
            'p',
            f'{_refund(seen.order)} went back the way it came. Banks need five to ten days to show it.',
        ),
        h('p', 'The calendar of this order is closed.'),
        _still_booked(seen),
        _meetings(seen, site),
        reach(site.contact),
    )


def _lost(seen: Seen, site: Site) -> Markup:
    return join(
        h('h1', 'The payment was taken back'),
        h('p', 'The bank returned the payment of this order to its owner, so the calendar is closed.'),
        _still_booked(seen),
        _meetings(seen, site),
        h('p', 'If you think this is a mistake:'),
        reach(site.contact),
    )


def _mismatch(seen: Seen, site: Site) -> Markup:
    if seen.order.facts.payment_status not in PAID_STATUSES:
        return _processing(seen, site)
    return join(
        h('h1', 'We have your payment and will write to you'),
        h('p', 'A person has to look at this payment first. Your payment is safe. Do not pay again.'),
        _reference(seen.order),
        reach(site.contact),
    )


def _check_now(order: Order) -> Markup:
    """A link to the page itself, for whom nothing changes by itself: script or connection may be blocked."""
    return h('p', h('a', 'Check now', href=f'/order/{order.token}'), class_='links')


def _reference(order: Order) -> Markup:
    return h('p', 'Your order is ', h('strong', order.reference), '.')


def _refund(order: Order) -> Money:
    return Money(order.facts.amount_refunded, order.paid.currency)


def _still_booked(seen: Seen) -> Markup | None:
    """What is said of a meeting to come whose money went back; whether it takes place is the coach's word."""
    if not seen.to_come:
        return None
    return h('p', 'A session is still booked with it. Please cancel it, or ask us whether it takes place.')


def _meetings(seen: Seen, site: Site) -> Markup | None:
    """The meetings of an order; what to bring stands below one that is still to come."""
    if not seen.bookings:
        return None
    moved = {booking.replaces for booking in seen.bookings}
    drawn = [
        meeting(booking, seen.order, seen.now, moved=booking.invitee_id in moved) for booking in seen.bookings
    ]
    if seen.to_come and not seen.told:
        drawn.append(h('p', OWN_WORD, class_='quiet'))
    return join(*drawn, _bring(site) if seen.to_come and seen.order.opens_calendar else None)


def _bring(site: Site) -> Markup | None:
    if not site.order.bring:
        return None
    lines = (h('li', line) for line in site.order.bring)
    return join(h('h2', site.order.bring_title), h('ul', *lines, class_='dashes'))


def _receipt(order: Order, site: Site) -> Markup:
    """The receipt, as people keep and print it."""
    day = on_day(order.completed_at) if order.completed_at else ''
    lines = {
        'Session': site.offer.name,
        'Paid': f'{order.paid}',
        'Refunded': str(_refund(order)) if order.facts.amount_refunded else '',
        'On': day,
        'Order': order.reference,
        'Receipt to': order.facts.email,
        'Sold by': site.business.name,
    }
    return join(*(join(h('dt', name), h('dd', text)) for name, text in lines.items() if text))
