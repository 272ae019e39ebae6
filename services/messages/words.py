"""The words of every mail: an order, or what needs the operator's hand, becomes a message."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from babel.dates import format_date, format_time, get_timezone_name

from services.ledger import Alert
from services.mail import Button, Message, Note
from services.money import Money
from services.orders import PAID_STATUSES, AlertKind, Booking, MailKind, Order, State
from services.payments import dashboard_url
from services.site import Site

LOCALE = 'en_US'
TIME_IN_ALERT = re.compile(r'\d{4}-\d\d-\d\d \d\d:\d\d UTC')  # as the ledger writes a time into a text
KEEP_IT = 'Keep this mail: its link leads back to your order, on every device.'
SECOND_PAYMENT = (
    'It looks as if you paid twice: order {} is for the same session. We will refund one of the two '
    'payments. Write to us if you wanted two sessions.'
)
CONFIRMS = 'This mail confirms your payment.'
ALERTS = {
    AlertKind.DUPLICATE: (
        'Seems paid twice',
        'The same customer has paid order {other} as well. Refund one of them if only one is wanted.',
    ),
    AlertKind.MISMATCH: (
        'A payment does not match',
        'What differs: {mismatch}. The calendar stays closed, and the customer reads that you will write. '
        'Refund the payment, or write to the customer.',
    ),
    AlertKind.SECOND_SESSION: (
        'A second payment for one order',
        '{text}. If it was paid, refund it.',
    ),
    AlertKind.FRAUD_WARNING: (
        'The card issuer reports fraud',
        'A refund now may avoid a dispute and its fee. Nothing was changed by itself.',
    ),
    AlertKind.DISPUTE: (
        'A payment is disputed',
        'Answer it in the Stripe Dashboard{deadline}, or accept it there. The calendar stays open.',
    ),
    AlertKind.REFUND_FAILED: (
        'A refund has failed',
        'The bank sent the money back to you, so the customer does not have it. Refund once more, or pay the '
        'customer another way.',
    ),
    AlertKind.EFFECT: (
        'What you wanted could not be done',
        '{text}.',
    ),
    AlertKind.MEETING: (
        'A meeting that is not paid for',
        '{text}. Cancel it in Calendly, or write to the customer.',
    ),
    AlertKind.DELIVERY: (
        'Webhook deliveries fail',
        '{text}. The log has the details.',
    ),
    AlertKind.MAIL: (
        'A mail to a customer may not have arrived',
        '{text}. Write to the customer: {email}.',
    ),
    AlertKind.PROBLEM: ('The shop has a problem', '{text}'),
    AlertKind.REHEARSAL: (
        'The rehearsal of tonight has found something',
        '{text}. The page Selling of the admin has every step.',
    ),
}


class Words:
    """Writes the messages of one shop."""

    def __init__(self, site: Callable[[], Site], *, domain: str, banner: str, operator: str) -> None:
        """Make it.

        Args:
            site: returns the words about the business.
            domain: the shop's address, which links begin with.
            banner: what must be said about the money, '' when it is real.
            operator: the operator's address.
        """
        self._site = site
        self._domain = domain
        self._banner = banner
        self._operator = operator

    def for_customer(self, kind: MailKind, order: Order, bookings: Sequence[Booking]) -> Message:
        """Write one of the mails that an order causes.

        Args:
            kind: which one.
            order: as it is now.
            bookings: its meetings that take place.
        """
        subject, text, words = {
            MailKind.PAID: self._paid,
            MailKind.REMINDER: self._reminder,
            MailKind.REFUNDED: self._refunded,
            MailKind.MISMATCH: self._mismatch,
            MailKind.LINK: self._link,
        }[kind](order, bookings)
        name = f' {order.facts.name}' if order.facts.name else ''
        return Message(
            id=f'{order.reference}.{kind}',
            to=order.email,
            subject=subject,
            text=(f'Hello{name},', *text),
            facts=self._facts(kind, order),
            button=Button(words, self._url(order)),
            closing=(*([CONFIRMS] if kind is MailKind.PAID else []), _keep(order)),
            banner=self._banner,
        )

    def address_changed(self, mail_id: str, kind: MailKind, recipient: str, order: Order) -> Message:
        """Write the mail to the old or the new address of an order.

        The old address may be a stranger's: its mail has neither the link nor the new address.

        Args:
            mail_id: of the mail.
            kind: to which of the two it goes.
            recipient: the address.
            order: as it is now.
        """
        who = 'Somebody who has the link of the order, probably you,'
        if kind is MailKind.OLD_ADDRESS:
            text = (
                f'{who} has had the mail about order {order.reference} sent to another address from now on.',
                'If that was you, or if you have no order with us, do nothing. Otherwise write or call us.',
            )
            return Message(
                id=mail_id,
                to=recipient,
                subject=f'Mail about order {order.reference} goes to another address',
                text=text,
                banner=self._banner,
            )
        text = (
            f'{who} has had the mail about order {order.reference} sent to this address from now on.',
            'If that was not you, write or call us.',
        )
        return Message(
            id=mail_id,
            to=recipient,
            subject=f'Mail about order {order.reference} comes here now',
            text=text,
            button=Button('See your order', self._url(order)),
            closing=(_keep(order),),
            banner=self._banner,
        )

    def links(self, mail_id: str, recipient: str, orders: Sequence[Order]) -> Message:
        """Write the mail with the links of all orders of one address.

        Args:
            mail_id: of the mail.
            recipient: the address.
            orders: the orders, the newest first.
        """
        several = len(orders) > 1
        return Message(
            id=mail_id,
            to=recipient,
            subject='The links to your orders' if several else 'The link to your order',
            text=(
                'Somebody, probably you, asked us for the way back to your '
                f'{"orders" if several else "order"}. If it was not you, do nothing.',
            ),
            notes=tuple(
                Note(
                    f'{order.purchase.title}, {order.reference}',
                    f'{_state_in_words(order)}, {_day(order, self._site())}',
                    self._url(order),
                )
                for order in orders
            ),
            closing=(f'Do not share a link: whoever has it {_may_do(*orders)}.',),
            banner=self._banner,
        )

    def alerts(self, mail_id: str, alerts: Sequence[tuple[Alert, Order | None]]) -> Message:
        """Write the mail to the operator about what needs a hand.

        Args:
            mail_id: of the mail.
            alerts: the matters with their orders, where there is one.
        """
        notes = tuple(self._note(alert, order) for alert, order in alerts)
        subject = notes[0].title if len(notes) == 1 else f'{len(notes)} matters need your hand'
        return Message(
            id=mail_id,
            to=self._operator,
            subject=subject,
            text=('Your shop tells you each of these once.',),
            notes=notes,
            banner=self._banner,
        )

    def _note(self, alert: Alert, order: Order | None) -> Note:
        title, text = ALERTS[alert.kind]
        facts = order.facts if order else None
        due = facts.dispute_due_at if facts else None
        words = text.format(
            text=_in_zone_of(self._site(), alert.text.rstrip('.')),
            other=order.duplicate_of if order else '',
            mismatch=facts.mismatch if facts else '',
            email=(order and order.email) or 'the address is not known',
            deadline=f' before {_moment(due, self._site())}' if due else '',
        )
        if order is None:
            return Note(title, words)
        where = dashboard_url(order.facts.payment_id, order.environment.mode)
        return Note(f'{title}: order {order.reference}', words, where)

    def _paid(self, order: Order, bookings: Sequence[Booking]) -> tuple[str, tuple[str, ...], str]:
        thanks = f'Thank you. {_payment(order)} for “{order.purchase.title}” has arrived.'
        if order.paid.amount == 0:
            thanks = f'Thank you. Your order of “{order.purchase.title}” is complete.'
        if bookings:
            return 'Your payment has arrived', (thanks, 'Your session is booked.'), 'See your order'
        if order.duplicate_of:
            twice = SECOND_PAYMENT.format(order.duplicate_of)
            return 'Your payment has arrived', (thanks, twice), 'See your order'
        pick = 'Now pick the time of your session. If you have done so already, the page shows it.'
        subject = 'You have paid: pick your time' if order.paid.amount else 'Pick your time'
        return subject, (thanks, pick), 'Pick your time'

    def _reminder(self, order: Order, _bookings: Sequence[Booking]) -> tuple[str, tuple[str, ...], str]:
        text = (
            f'You have paid for “{order.purchase.title}”, and no time is picked yet.',
            'The free times are on the page of your order. If none of them suits you, write or call us. '
            'This is the only reminder.',
        )
        return 'Your session has no time yet', text, 'Pick your time'

    def _refunded(self, order: Order, _bookings: Sequence[Booking]) -> tuple[str, tuple[str, ...], str]:
        amount = Money(order.facts.amount_refunded, order.paid.currency)
        text = (
            f'We have refunded {amount} for “{order.purchase.title}”. The money goes back to the card or '
            'account you paid with. Banks often need five to ten business days until they show it.',
            'The calendar of this order is closed.',
        )
        return f'We have refunded {amount}', text, 'See your order'

    def _link(self, order: Order, _bookings: Sequence[Booking]) -> tuple[str, tuple[str, ...], str]:
        text = (
            'Here is the link to your order. It shows your payment, your session, and what you can do next.',
        )
        return 'The link to your order', text, 'See your order'

    def _mismatch(self, order: Order, _bookings: Sequence[Booking]) -> tuple[str, tuple[str, ...], str]:
        text = (
            'We have your payment, but it does not match the order, so we look at it ourselves. '
            'We will write to you. Please do not pay again.',
        )
        return 'We have your payment', text, 'See your order'

    def _facts(self, kind: MailKind, order: Order) -> tuple[tuple[str, str], ...]:
        """The rows of a mail; what was bought and what was paid make it a confirmation, not an invoice."""
        bought = order.purchase.title
        if str(order.purchase.minutes) not in bought:
            bought += f', {order.purchase.minutes} minutes'
        rows = [('Order', order.reference), ('Bought', bought)]
        if order.facts.payment_status in PAID_STATUSES:
            rows.append(('Paid', str(order.paid)))
        if kind is MailKind.REFUNDED:
            rows.append(('Refunded', str(Money(order.facts.amount_refunded, order.paid.currency))))
        if order.completed_at:
            rows.append(('Date', _day(order, self._site())))
        return tuple(rows)

    def _url(self, order: Order) -> str:
        return f'{self._domain}/order/{order.token}'


def _keep(order: Order) -> str:
    return f'{KEEP_IT} Do not share it, because whoever has it {_may_do(order)}.'


def _may_do(*orders: Order) -> str:
    """What the links of orders can be used for: a closed order has no time to pick or change."""
    if any(order.opens_calendar for order in orders):
        return 'can pick or change the time'
    return f'can see the {"orders" if len(orders) > 1 else "order"}'


def _payment(order: Order) -> str:
    return f'Your payment of {order.paid}'


def _state_in_words(order: Order) -> str:
    words = {
        State.PAID: 'paid',
        State.PARTLY_REFUNDED: 'paid, and partly refunded',
        State.DISPUTED: 'paid',
        State.REFUNDED: 'refunded',
        State.LOST: 'refunded',
        State.MISMATCH: 'we are looking at your payment',
        State.FAILED: 'the payment failed',
    }
    return words.get(order.state, 'your payment is being processed')


def _day(order: Order, site: Site) -> str:
    at = order.completed_at or order.created_at
    return format_date(at.astimezone(site.business.zone), 'MMMM d, y', LOCALE)


def _in_zone_of(site: Site, text: str) -> str:
    """Write the times of an alert as the operator's clock shows them."""

    def local(found: re.Match[str]) -> str:
        try:
            return _moment(datetime.strptime(found[0], '%Y-%m-%d %H:%M UTC').replace(tzinfo=UTC), site)
        except (ValueError, OverflowError):  # a customer typed something like it
            return found[0]

    return TIME_IN_ALERT.sub(local, text)


def _moment(time: datetime, site: Site) -> str:
    local = time.astimezone(site.business.zone)
    day, clock = format_date(local, 'EEEE, MMMM d, y', LOCALE), format_time(local, 'h:mm a', locale=LOCALE)
    return f'{day}, {clock} {get_timezone_name(local, locale=LOCALE)}'
