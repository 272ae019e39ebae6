"""The tasks of a round, in order."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from services.fulfilment import Fulfilment
from services.inbox import Inbox
from services.ledger import Ledger
from services.orders import WATCHED
from services.payments import Payments
from services.reconciler.due_orders import CheckDueOrders
from services.reconciler.failed_deliveries import RetryDeliveries
from services.reconciler.reconciler import Task
from services.reconciler.retention import DeleteOld
from services.reconciler.stripe_lists import EVENTS_KEPT, LATE, STILL_OPEN, ReadStripeList


def tasks(
    *,
    ledger: Ledger,
    payments: Payments,
    fulfilment: Fulfilment,
    inbox: Inbox,
    clock: Callable[[], datetime],
    domain: str,
    is_selling: Callable[[], Awaitable[bool]],
) -> tuple[Task, ...]:
    """Make the tasks of a round.

    The lists come first: an order that they find paid must not be voided as never paid.

    Args:
        ledger: what we know.
        payments: what Stripe knows.
        fulfilment: reads the one and writes the other.
        inbox: processes what the lists show.
        clock: the present time in UTC.
        domain: this shop's address; sessions of others on the same account are left alone.
        is_selling: whether open sessions may be paid.
    """
    parts: dict[str, Any] = {'ledger': ledger, 'payments': payments, 'inbox': inbox}
    parts |= {'clock': clock, 'domain': domain}
    listing = payments.listing
    events = ReadStripeList('events', listing.events, first=EVENTS_KEPT, overlap=LATE, **parts)
    sessions = ReadStripeList(
        'sessions', listing.completed_sessions, first=WATCHED, overlap=STILL_OPEN, **parts
    )
    orders = CheckDueOrders(
        ledger=ledger,
        payments=payments,
        fulfilment=fulfilment,
        clock=clock,
        sessions_are_read=lambda: sessions.was_read,
        is_selling=is_selling,
    )
    return events, sessions, orders, RetryDeliveries(ledger, inbox), DeleteOld(ledger)
