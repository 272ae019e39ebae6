"""When an order is to be compared with Stripe again, and when it is deleted."""

from datetime import datetime, timedelta

from services.orders.model import ATTACH_DEADLINE, PAID_STATUSES, SESSION_LIFETIME, Order, State

WATCHED = timedelta(days=180)  # how long a payment is checked for refunds and disputes
FAILED_WATCHED = timedelta(days=1)
RETENTION = timedelta(days=30)  # how long what is not kept for ever stays
MINUTE = timedelta(minutes=1)
LONGEST_OPEN_PAUSE = timedelta(minutes=30)
# The shortest and the longest pause between two checks; in between, a quarter of the order's age.
PAUSES = {
    State.OPEN: (MINUTE, LONGEST_OPEN_PAUSE),
    State.PROCESSING: (MINUTE, timedelta(hours=6)),
    State.AWAITING_CUSTOMER: (MINUTE, timedelta(hours=6)),
    State.UNDER_REVIEW: (MINUTE, timedelta(hours=1)),
    State.FAILED: (timedelta(minutes=10), timedelta(hours=6)),
}
SLOW = (timedelta(minutes=10), timedelta(days=7))


def next_check(order: Order, now: datetime) -> datetime | None:
    """Return when to check the order again, in UTC; None when nothing can happen to it any more.

    Args:
        order: the order as it is now.
        now: the present time in UTC.
    """
    state = order.state
    if state is State.EXPIRED:
        return None
    if state is State.OPEN and order.session_id is None:
        return attach_deadline(order)
    since = order.completed_at or order.created_at
    watched = FAILED_WATCHED if state is State.FAILED else WATCHED
    if state is not State.OPEN and now - since > watched:
        return None
    shortest, longest = PAUSES.get(state, SLOW)
    return now + min(max((now - since) / 4, shortest), longest)


def delete_at(order: Order, now: datetime, keep: timedelta = RETENTION) -> datetime | None:
    """Return when to delete the order, in UTC; None while it is open, and for ever if money was ever seen.

    Args:
        order: the order as it is now.
        now: the present time in UTC.
        keep: how long an order without a payment is kept after its end.
    """
    facts = order.facts
    had_money = facts.payment_status in PAID_STATUSES or facts.amount_refunded or facts.dispute_status
    if order.state not in (State.EXPIRED, State.FAILED) or had_money or facts.mismatch or order.calendar_url:
        return None
    return now + keep


def attach_deadline(order: Order) -> datetime:
    """Return when an order without a session is given up: nobody has seen an address to pay it at."""
    return order.session_expires_at - SESSION_LIFETIME + ATTACH_DEADLINE
