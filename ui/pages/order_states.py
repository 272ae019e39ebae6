"""What the page of an order says in each state."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from services.errors import AFTER_STRIPE
from services.money import Money
from services.orders import (
    PAID_STATUSES,
    WAITING_STATES,
    Booking,
    BookingState,
    CalendarGate,
    Canceler,
    Order,
    State,
)
from services.site import Site
from ui.components.builder import h, join
from ui.components.layout import contact_sentence
from ui.components.meetings import at_time, meeting
from ui.pages.receipt import keep, receipt

CLOSED = {
    CalendarGate.ENVIRONMENT: (
        'This order belongs to another set-up of this site, so its calendar is not shown here.'
    ),
    CalendarGate.DUPLICATE: (
        'The calendar of this second order stays closed until we know that you want two sessions.'
    ),
    CalendarGate.TEST: 'This site is being tested: no real money moved, so no real hour can be booked.',
}
"""What is shown instead of a calendar, by the calendar gate."""
CALENDLY_IS_RIGHT = 'If you moved or canceled it since, the latest e-mail from Calendly is right.'
DISPUTED = (
    'The owner of the card or account has asked the bank about this payment. Your order stands while the bank'
    ' looks into it. If that was a mistake, please tell the bank, or us.'
)
SECOND_PAYMENT = (
    'It looks as if you paid twice: order {} is for the same session. We will refund one of the two payments.'
    ' Write to us if you wanted two sessions.'
)


@dataclass(frozen=True)
class View:
    """What an order's page shows.

    ``receipt`` stands below everything else: the receipt, and how to keep the page. ``waits`` is true while
    Stripe is about to say more of the payment, ``has_meeting`` while a meeting is to come, which may be
    moved or canceled. ``corrects_email`` says that the e-mail address of the order can be corrected here.
    """

    state: Markup
    receipt: Markup
    shows_calendar: bool
    waits: bool
    has_meeting: bool = False
    corrects_email: bool = False


@dataclass(frozen=True)
class OrderData:
    """Everything a view is made from.

    ``gate`` says whether there is a calendar, and if not, why. ``domain`` is the address of this shop.
    ``notified`` says whether changes of bookings are delivered to this shop, or read by it.
    """

    order: Order
    bookings: tuple[Booking, ...]
    gate: CalendarGate
    now: datetime
    domain: str
    notified: bool = True

    @property
    def booked(self) -> tuple[Booking, ...]:
        """The meetings that were not canceled."""
        return tuple(booking for booking in self.bookings if booking.state is BookingState.ACTIVE)

    @property
    def coming(self) -> tuple[Booking, ...]:
        """Those of them that are not over."""
        return tuple(booking for booking in self.booked if booking.end > self.now)

    @property
    def moved(self) -> frozenset[str]:
        """The invitee ids of the meetings that others took the place of."""
        return frozenset(booking.replaces for booking in self.bookings if booking.replaces)

    @property
    def opens_calendar(self) -> bool:
        """Whether a time can be picked on the page."""
        return self.order.opens_calendar and self.gate is CalendarGate.OPEN and not self.booked


Build = Callable[[OrderData, Site], Markup]


def view(data: OrderData, site: Site) -> View:
    """Build the view of an order."""
    order = data.order
    builders: dict[State, Build] = {
        State.OPEN: _checking,
        State.PROCESSING: _processing,
        State.AWAITING_CUSTOMER: _awaiting_customer,
        State.UNDER_REVIEW: _under_review,
        State.EXPIRED: _not_charged,
        State.FAILED: _not_charged,
        State.REFUNDED: _refunded,
        State.LOST: _lost,
        State.MISMATCH: _mismatch,
    }
    has_paid = order.facts.payment_status in PAID_STATUSES
    waits = order.state in WAITING_STATES
    return View(
        state=builders.get(order.state, _paid)(data, site),
        receipt=join(
            receipt(order, data.bookings, site.business) if has_paid else None,
            keep(order, data.domain) if has_paid or waits or order.state is State.MISMATCH else None,
        ),
        shows_calendar=data.opens_calendar,
        waits=waits,
        has_meeting=order.opens_calendar and bool(data.coming),
        corrects_email=corrects_email(order, data.gate),
    )


def corrects_email(order: Order, gate: CalendarGate) -> bool:
    """Whether the e-mail address of an order can be corrected on its page."""
    is_over = order.state in (State.EXPIRED, State.FAILED) or order.forgotten_at is not None
    return order.completed_at is not None and not is_over and gate is not CalendarGate.ENVIRONMENT


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


def _awaiting_customer(data: OrderData, site: Site) -> Markup:
    """The customer chose a way of paying in which they send the money themselves."""
    url, until = data.order.facts.voucher_url, data.order.facts.voucher_expires_at
    deadline = f' It must arrive by {at_time(until, site.business.zone)}.' if until else ''
    link = {'target': '_blank', 'rel': 'noopener noreferrer', 'class_': 'cta'}
    return join(
        h('h1', 'You still have to pay'),
        h('p', f'With your way of paying, you send {data.order.purchase.price} yourself.', deadline),
        h('p', h('a', 'See how to pay, at Stripe', href=url, **link)) if url else None,
        h('p', 'This page changes by itself when the money has arrived, and the calendar opens here. If you'
          ' have sent it already, you do not have to do anything, and please do not pay again.'),
        _reference(data.order),
        _check_now(data.order),
        contact_sentence(site.contact),
    )  # fmt: skip


def _under_review(data: OrderData, site: Site) -> Markup:
    """Stripe holds a payment that has been made for a check."""
    opens = 'The calendar opens here after that. ' if not (data.order.opens_calendar or data.booked) else ''
    return join(
        h('h1', 'Thank you, we have your payment'),
        h('p', 'It is being checked by the payment service, as it checks some payments.'
          f' {opens}You do not have to do anything: this page changes by itself.'),
        _meetings(data, site),
        _reference(data.order),
        _check_now(data.order),
        contact_sentence(site.contact),
    )  # fmt: skip


def _paid(data: OrderData, site: Site) -> Markup:
    """The order stands: what is said first depends on its meetings."""
    order = data.order
    closed = h('p', CLOSED[data.gate], class_='notice') if data.gate in CLOSED else None
    disputed = h('p', DISPUTED) if order.state is State.DISPUTED else None
    facts = join(
        h('p', f'You paid {order.paid} for your {order.purchase.title}. Your order is ',
          h('strong', order.reference), '.'),
        _part_refunded(order),
        disputed,
        _second_payment(order, site),
        closed,
    )  # fmt: skip
    if data.booked:
        return join(_booked_heading(data), _meetings(data, site), facts)
    if canceled := [booking for booking in data.bookings if booking.invitee_id not in data.moved]:
        return join(_canceled(data, canceled[-1], site), facts, _meetings(data, site))
    return join(_paid_heading(order), facts)


def _second_payment(order: Order, site: Site) -> Markup | None:
    """Say to the customer of a second payment what happens with it."""
    if not order.duplicate_of:
        return None
    words = h('p', SECOND_PAYMENT.format(order.duplicate_of))
    return h('div', words, contact_sentence(site.contact), class_='notice')


def _paid_heading(order: Order) -> Markup:
    if order.state is State.DISPUTED:
        return h('h1', 'Your payment is being looked into')
    if order.state is State.PARTLY_REFUNDED:
        went = 'refunded' if order.facts.amount_refunded else 'taken back'
        return h('h1', f'A part of your payment was {went}')
    return h('h1', '✓ Payment Successful!', class_='done')


def _booked_heading(data: OrderData) -> Markup:
    if not data.coming:
        return h('h1', 'Your session is over')
    moved = any(booking.replaces for booking in data.coming)
    return h('h1', '✓ Your session was moved' if moved else '✓ You are booked', class_='done')


def _canceled(data: OrderData, booking: Booking, site: Site) -> Markup:
    """Say who canceled the session and why, that the payment counts, and whom to ask."""
    by_host, by_invitee = (booking.canceled_by is canceler for canceler in (Canceler.HOST, Canceler.INVITEE))
    who = f'{site.business.name} had to cancel it' if by_host else 'You canceled it' if by_invitee else ''
    reason = booking.cancel_reason.strip()
    why = f', with this note: “{reason}”' if by_host and reason else ''
    again = ' Pick another time in the calendar on this page; it costs nothing more.'
    sorry = ' We are sorry for that.' if by_host else ''
    refund = (
        'If no other time suits you, you get your money back: ' if by_host else 'To ask for your money back: '
    )
    return join(
        h('h1', 'Your session was canceled'),
        h('p', f'{who}{why}.{sorry}') if who else None,
        h('p', 'Your payment still counts.', again if data.opens_calendar else ''),
        h('p', refund, 'see ', h('a', site.refunds.title, href='/refunds'), ', or ask us.'),
        contact_sentence(site.contact),
    )


def _part_refunded(order: Order) -> Markup:
    lost = Money(order.facts.amount_lost, order.paid.currency)
    return join(
        h('p', f'{_refund(order)} of it was refunded.') if order.facts.amount_refunded else None,
        h('p', f'The bank took {lost} of it back.') if order.facts.amount_lost else None,
    )


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
            f'{_refund(data.order)} went back the way it came.'
            ' Banks need five to ten business days to show it.',
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
    has_paid = data.order.facts.payment_status in PAID_STATUSES
    thing, safe = ('payment', 'Your payment is safe. ') if has_paid else ('order', '')
    return join(
        h('h1', f'We have your {thing} and will write to you'),
        h('p', f'A person has to look at this {thing} first. {safe}Do not pay again.'),
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
    if not data.coming:
        return None
    return h('p', 'A session is still booked with it. Please cancel it, or ask us whether it takes place.')


def _meetings(data: OrderData, site: Site) -> Markup | None:
    """The meetings of an order, coming ones first, with what to bring below them."""
    if not data.bookings:
        return None
    business, moved = site.business, data.moved
    others = (booking for booking in data.bookings if booking not in data.coming)
    first, then = (
        [
            meeting(booking, data.order, data.now, business, moved=booking.invitee_id in moved)
            for booking in bookings
        ]
        for bookings in (data.coming, others)
    )
    if data.coming and not data.notified:
        first.append(h('p', CALENDLY_IS_RIGHT, class_='quiet'))
    return join(*first, _bring(site) if data.coming and data.order.opens_calendar else None, *then)


def _bring(site: Site) -> Markup | None:
    if not site.order.bring:
        return None
    lines = (h('li', line) for line in site.order.bring)
    return join(h('h2', site.order.bring_title), h('ul', *lines, class_='dashes'))
