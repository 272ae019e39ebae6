"""What an order is, in one sentence for the operator."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from babel.dates import format_datetime

from services.ledger.history import SentMail
from services.ledger.records import MailState
from services.ledger.search import Booked
from services.money import Money
from services.orders import PAID_STATUSES, Booking, BookingState, MailKind, Order, State

LOCALE = 'en_US'
MAILS = {
    MailKind.PAID: 'link',
    MailKind.REMINDER: 'reminder',
    MailKind.REFUNDED: 'mail about the refund',
    MailKind.MISMATCH: 'mail about the payment',
}
OUTCOMES = {
    MailState.SENT: 'sent',
    MailState.REFUSED: 'refused',
    MailState.GIVEN_UP: 'not sent',
    MailState.UNKNOWN: 'perhaps sent',
}


def sentence(
    order: Order,
    bookings: Sequence[Booking],
    mails: Sequence[SentMail],
    *,
    booked: Booked | None,
    zone: tzinfo,
    now: datetime,
) -> str:
    """Say what an order is: its payment, its meeting, its last mail.

    Args:
        order: as it is now.
        bookings: its meetings, with canceled ones.
        mails: its mails, the oldest first.
        booked: whether a time is booked.
        zone: in which times are said.
        now: the present time in UTC.
    """
    parts = [_payment(order, zone, now), _meeting(order, bookings, booked, zone, now), _mail(mails)]
    if order.duplicate_of:
        parts.insert(1, f'seems to repeat {order.duplicate_of}')
    if order.fraud_warning:
        parts.insert(1, 'the card issuer reports fraud')
    return ', '.join(part for part in parts if part)


def day(time: datetime, zone: tzinfo, now: datetime) -> str:
    """Write a day without its weekday: 3 Dec, or 3 Dec 2024 of another year."""
    local, same_year = time.astimezone(zone), time.astimezone(zone).year == now.astimezone(zone).year
    return format_datetime(local, 'd MMM' if same_year else 'd MMM y', locale=LOCALE)


def moment(time: datetime, zone: tzinfo) -> str:
    """Write a point in time with its weekday: Tue 10 Dec 10:00."""
    return format_datetime(time.astimezone(zone), 'EEE d MMM HH:mm', locale=LOCALE)


def _payment(order: Order, zone: tzinfo, now: datetime) -> str:
    facts, paid = order.facts, order.paid
    at = day(order.completed_at or order.created_at, zone, now)
    words = {
        State.OPEN: f'Not paid yet: {paid}, opened on {at}',
        State.PROCESSING: f'{paid} ordered on {at}, the payment is being processed',
        State.AWAITING_CUSTOMER: f'{paid} ordered on {at}, the customer still has to pay it',
        State.PAID: f'Paid {paid} on {at}',
        State.UNDER_REVIEW: f'Paid {paid} on {at}, under review at Stripe',
        State.EXPIRED: f'Never paid: {paid}, opened on {at}',
        State.FAILED: f'The payment of {paid} on {at} failed',
        State.PARTLY_REFUNDED: f'Paid {paid} on {at}{_back(order)}',
        State.REFUNDED: f'Paid {paid} on {at}, refunded in full',
        State.DISPUTED: f'Paid {paid} on {at}{_back(order)}, disputed{_deadline(order, zone, now)}',
        State.LOST: f'Paid {paid} on {at}, lost in a dispute',
        State.MISMATCH: (
            f'{_paid_or_ordered(order)} {paid} on {at}, but the payment does not match: {facts.mismatch}'
        ),
    }
    return words[order.state]


def _back(order: Order) -> str:
    amounts = {'refunded': order.facts.amount_refunded, 'lost in a dispute': order.facts.amount_lost}
    words = (f', {Money(amount, order.paid.currency)} {what}' for what, amount in amounts.items() if amount)
    return ''.join(words)


def _deadline(order: Order, zone: tzinfo, now: datetime) -> str:
    due = order.facts.dispute_due_at
    return f', to be answered by {day(due, zone, now)}' if due else ''


def _paid_or_ordered(order: Order) -> str:
    return 'Paid' if order.facts.payment_status in PAID_STATUSES else 'Ordered for'


def _meeting(
    order: Order, bookings: Sequence[Booking], booked: Booked | None, zone: tzinfo, now: datetime
) -> str:
    active = [booking for booking in bookings if booking.state is BookingState.ACTIVE]
    coming = [booking for booking in active if booking.end > now]
    still = 'still ' if not order.opens_calendar else ''
    if coming:
        more = f' and {len(coming) - 1} more' if len(coming) > 1 else ''
        return f'{still}booked for {moment(coming[0].start, zone)}{more}'
    if active:
        last = active[-1]
        return f'{"did not come" if last.no_show else "met"} on {moment(last.start, zone)}'
    canceled = 'meeting canceled, ' if bookings else ''
    words = {Booked.NO: f'{canceled}not booked', Booked.UNKNOWN: 'not known whether it is booked'}
    return words.get(booked, canceled.rstrip(', ')) if booked else canceled.rstrip(', ')


def _mail(mails: Sequence[SentMail]) -> str:
    told = [mail for mail in mails if mail.kind in MAILS and mail.state in OUTCOMES]
    if not told:
        return ''
    last = max(told, key=lambda mail: (mail.finished_at or mail.due_at, mail.id))
    return f'{MAILS[last.kind]} {OUTCOMES[last.state]}'
