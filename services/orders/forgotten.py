"""Forgetting a customer: what is erased of an order and its meetings, and when. Pure rules, no I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.orders.model import PAID_STATUSES, Booking, BookingState, Facts, Order, State

ERASED = '(erased)'
PERSONAL_FACTS = (
    'email',
    'name',
    'phone',
    'receipt_url',
    'invoice_url',
    'voucher_url',
    'card_fingerprint',
    'card_last4',
)
"""What Stripe knows of a person; amounts, times, Stripe's ids and the number of the receipt stay."""
PERSONAL_COLUMNS = ('browser_hash', 'contact_email')
"""What else an order knows of a person."""
ERASED_BOOKING: Mapping[str, Any] = {
    'email': ERASED,
    'name': ERASED,
    'timezone': '',
    'phone': '',
    'place': '',
    'link_follows': False,
    'reschedule_url': '',
    'cancel_url': '',
    'cancel_reason': '',
}
"""A meeting without its person: its times, its state and Calendly's id stay."""
UNDER_WAY = {
    State.OPEN: 'it can still be paid',
    State.PROCESSING: 'its payment is under way',
    State.AWAITING_CUSTOMER: 'its payment is under way',
    State.UNDER_REVIEW: 'its payment is under review',
}


def facts_of(order: Order, facts: Facts) -> Facts:
    """Return facts as they may be stored for an order: without the person, once that one is forgotten."""
    nothing: dict[str, Any] = dict.fromkeys(PERSONAL_FACTS, '')
    return replace(facts, **nothing) if order.forgotten_at else facts


def erased(booking: Booking) -> Booking:
    """Return a meeting without its person."""
    return replace(booking, **ERASED_BOOKING)


def obstacle(order: Order, bookings: Iterable[Booking], *, keep_months: int, now: datetime) -> str:
    """Say why the customer of an order cannot be forgotten yet; '' when nothing stands against it.

    Args:
        order: an order that is not forgotten.
        bookings: its meetings.
        keep_months: how long the operator keeps the data after the payment and the last meeting.
        now: the present time in UTC.
    """
    meetings = [booking for booking in bookings if booking.state is BookingState.ACTIVE]
    coming = [booking.start for booking in meetings if booking.end > now]
    if order.state in UNDER_WAY:
        return UNDER_WAY[order.state]
    if order.facts.amount_disputed:
        return 'a dispute is open, and the evidence names the customer'
    if coming:
        return f'the meeting of {min(coming):%Y-%m-%d %H:%M} UTC is still to come'
    had_money = order.facts.payment_status in PAID_STATUSES and order.facts.amount_total
    if not had_money:
        return ''
    last = max([order.completed_at or order.created_at, *(booking.end for booking in meetings)])
    until = months_after(last, keep_months)
    return f'its data are kept until {until:%Y-%m-%d}' if now < until else ''


def months_after(time: datetime, months: int) -> datetime:
    """Return the same day some months later, or the last day of that month if it is shorter."""
    years, month = divmod(time.month - 1 + months, 12)
    day = time.day
    while True:
        try:
            return time.replace(year=time.year + years, month=month + 1, day=day)
        except ValueError:  # the 31st of a short month
            day -= 1
