"""Which moves of an order are told by mail, and to whom: pure rules, without words and without I/O."""

import enum
from datetime import datetime, timedelta, tzinfo

from services.orders.model import PAID_STATUSES, Order, State

FRESH = timedelta(days=3)  # an order that is found later than this after its payment is old news
NIGHT_BEGINS, NIGHT_ENDS = 21, 8  # hours of the day in which nobody is reminded


class MailKind(enum.StrEnum):
    """What a mail is about; the first four go to the customer of an order, at most once each.

    Of a corrected e-mail address the old one and the new one are told. The operator has the link of an order
    sent as often as the customer asks.
    """

    PAID = 'paid'
    MISMATCH = 'mismatch'
    REMINDER = 'reminder'
    REFUNDED = 'refunded'
    OLD_ADDRESS = 'old address'
    NEW_ADDRESS = 'new address'
    LINK = 'link'
    LINKS = 'links'
    ALERTS = 'alerts'


class AlertKind(enum.StrEnum):
    """What needs the operator's hand."""

    DUPLICATE = 'duplicate'
    MISMATCH = 'mismatch'
    SECOND_SESSION = 'second session'
    FRAUD_WARNING = 'fraud warning'
    DISPUTE = 'dispute'
    REFUND_FAILED = 'refund failed'
    EFFECT = 'effect'
    MEETING = 'meeting'
    DELIVERY = 'delivery'
    MAIL = 'mail'
    PROBLEM = 'problem'
    REHEARSAL = 'rehearsal'


def mails_after(
    before: Order, after: Order, now: datetime, *, reminder_after: timedelta | None
) -> list[tuple[MailKind, datetime]]:
    """Return the mails to the customer that a move calls for, and when each is due.

    Args:
        before: the order as it was.
        after: the order as it is.
        now: the present time in UTC.
        reminder_after: how long after the payment the reminder is due; None where nobody is reminded.
    """
    if _is_old_news(before, after, now):
        return []
    kinds: list[tuple[MailKind, datetime]] = []
    if after.opens_calendar and not before.opens_calendar:
        kinds.append((MailKind.PAID, now))
        if reminder_after and not after.duplicate_of:
            kinds.append((MailKind.REMINDER, now + reminder_after))
    if _is_paid_mismatch(after) and not _is_paid_mismatch(before):
        kinds.append((MailKind.MISMATCH, now))
    if after.state is State.REFUNDED is not before.state:
        kinds.append((MailKind.REFUNDED, now))
    return kinds


def alerts_after(before: Order, after: Order, now: datetime) -> list[tuple[AlertKind, str]]:
    """Return what a move calls the operator for, each with its key: what it is told once for.

    The arguments are the first three of `mails_after`.
    """
    if _is_old_news(before, after, now):
        return []
    found = {
        AlertKind.DUPLICATE: after.duplicate_of and not before.duplicate_of,
        AlertKind.MISMATCH: _is_paid_mismatch(after) and not _is_paid_mismatch(before),
        AlertKind.FRAUD_WARNING: after.fraud_warning and not before.fraud_warning,
    }
    alerts = [(kind, str(kind)) for kind, is_new in found.items() if is_new]
    failed_at = after.refund_failed_at
    if failed_at and failed_at != before.refund_failed_at:  # another refund of the order may fail later
        alerts.append((AlertKind.REFUND_FAILED, f'{AlertKind.REFUND_FAILED}.{after.version}'))
    return alerts + [(AlertKind.DISPUTE, key) for key in _new_disputes(before, after)]


def after_the_night(time: datetime, zone: tzinfo) -> datetime:
    """Return the time itself, or the end of the night that it falls into.

    Args:
        time: in UTC.
        zone: where it must not be night.
    """
    local = time.astimezone(zone)
    if NIGHT_ENDS <= local.hour < NIGHT_BEGINS:
        return time
    morning = local.replace(hour=NIGHT_ENDS, minute=0, second=0, microsecond=0)
    if local.hour >= NIGHT_BEGINS:
        morning += timedelta(days=1)
    return morning.astimezone(time.tzinfo)


def _new_disputes(before: Order, after: Order) -> list[str]:
    """Return a key for each dispute that was not known; one for all that the Stripe key may not read."""
    known, now = (set(filter(None, order.facts.open_disputes.split(','))) for order in (before, after))
    if before.facts.amount_disputed and not known:
        return []  # it was told without its id
    unread = after.facts.amount_disputed and not now and not before.facts.amount_disputed
    return [f'dispute.{name}' for name in sorted(now - known)] or (['dispute'] if unread else [])


def _is_paid_mismatch(order: Order) -> bool:
    return order.state is State.MISMATCH and order.facts.payment_status in PAID_STATUSES


def _is_old_news(before: Order, after: Order, now: datetime) -> bool:
    """Whether the order is seen for the first time long after its payment, as after a restore."""
    is_first = before.completed_at is None and after.completed_at is not None
    return bool(is_first and after.completed_at and now - after.completed_at > FRESH)
