"""Three years of orders in every state, with journal, deliveries and bookings, as rows of a database."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from benchmarks.shared.databases import Row
from benchmarks.shared.order_template import BLANK, DIGITS, FACTS, PREFIXES, OrderTemplate, row_of
from services.database import schema
from services.orders import WATCHED

SPAN = timedelta(days=3 * 365)
IDS: int = 10**DIGITS
STEP = 982_451_653  # a prime, so that ids are unique and in no order, as real ones are
RECENT = WATCHED / SPAN  # the share of orders that are still compared with Stripe
BOOKED = 5  # of six completed orders
UNIQUE = (*PREFIXES, 'session_id', *FACTS)


@dataclass(frozen=True)
class Kind:
    """A kind of order: how many of a hundred, whether completed, and what the journal says."""

    share: int
    completed: bool
    lines: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict)


PAID = 'open → paid'
KINDS = (
    Kind(52, True, (PAID,)),
    Kind(38, False, ('open → expired',), {'session_status': 'expired', 'session_url': None}),
    Kind(4, True, (PAID, 'paid → refunded'), {'amount_refunded': 15000}),
    Kind(2, True, (PAID, 'paid → partly refunded'), {'amount_refunded': 5000}),
    Kind(1, True, (PAID, 'paid → disputed', 'disputed → lost'), {'dispute_status': 'lost'}),
    Kind(3, True, ('open → failed',), {'payment_status': 'unpaid', 'payment_failed': True}),
)
BY_HUNDRED = tuple(kind for kind in KINDS for _ in range(kind.share))


def scattered(number: int) -> int:
    """Return the number that the ids of an order contain: unique, and in no order."""
    return (number + 1) * STEP % IDS


def is_paid(number: int) -> bool:
    """Return whether an order is paid, and neither refunded nor disputed."""
    return _kind_of(number) is KINDS[0]


def history(template: OrderTemplate, count: int, now: datetime) -> Iterator[Row]:
    """Yield the rows of so many orders, the newest order first.

    Args:
        template: what every order is made from.
        count: how many.
        now: the present time in UTC.
    """
    rows = {kind.share: row_of(template.paid if kind.completed else template.opened, now) for kind in KINDS}
    for number in range(count):
        kind = _kind_of(number)
        at = now - SPAN * (number / count) - timedelta(days=1)
        order = _order(rows[kind.share] | kind.facts, number, at)
        # Each is compared once a week, in turn; the first becomes due after the benchmark has ended.
        watched = kind.completed and now - at < WATCHED
        order['next_check'] = now + timedelta(hours=12, seconds=number % 600_000) if watched else None
        yield schema.orders, order
        yield from _related(kind, order, number)


def _kind_of(number: int) -> Kind:
    return BY_HUNDRED[number * 37 % 100]


def _own(number: int) -> str:
    return f'{scattered(number):0{DIGITS}}'


def _order(row: dict[str, Any], number: int, at: datetime) -> dict[str, Any]:
    ids = {name: row[name].replace(BLANK, _own(number)) for name in UNIQUE}
    times = {'created_at': at, 'completed_at': at if row['completed_at'] else None}
    return row | ids | times | {'claim': None, 'session_expires_at': at + timedelta(hours=3)}


def _related(kind: Kind, order: dict[str, Any], number: int) -> Iterator[Row]:
    at, order_id = order['created_at'], order['id']
    for version, line in enumerate((f'order {order["reference"]} written down', *kind.lines), 1):
        entry = {'version': version, 'because': 'webhook', 'line': line, 'at': at}
        yield schema.journal, entry | {'order_id': order_id}
    if kind.completed:
        yield schema.deliveries, _delivery(number, at)
    if kind.completed and number % (BOOKED + 1):
        yield schema.bookings, _booking(order, at)


def _delivery(number: int, at: datetime) -> dict[str, Any]:
    return {
        'source': 'stripe',
        'event_id': f'evt_old_{_own(number)}',
        'kind': 'checkout.session.completed',
        'received_at': at,
        'handled_at': at,
        'tries': 1,
        'error': '',
        'payload': '',
        'next_try': None,
    }


def _booking(order: dict[str, Any], at: datetime) -> dict[str, Any]:
    start = at + timedelta(days=3)
    texts = ('timezone', 'name', 'phone', 'place', 'reschedule_url', 'cancel_url', 'replaces')
    return dict.fromkeys(texts, '') | {
        'invitee_id': f'https://api.calendly.com/{order["id"]}',
        'order_id': order['id'],
        'state': 'active',
        'start': start,
        'end': start + timedelta(hours=1),
        'email': order['email'],
        'place': 'https://example.test/meeting',
    }
