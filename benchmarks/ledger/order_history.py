"""Years of orders for a ledger: every state, with what belongs to it, in the shares that a shop may see."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table

from benchmarks.pages.stencil import BLANK, DIGITS, FACTS, NAMES, Stencil, row_of
from services.database import schema
from services.orders import WATCHED

Rows = Iterator[tuple[Table, dict[str, Any]]]

SPAN = timedelta(days=3 * 365)
SPACE: int = 10**DIGITS
SCATTER = 982_451_653  # a prime: ids come in no order, as real ones do
RECENT = WATCHED / SPAN  # the share of orders that are still looked at
BOOKED = 5  # of six who may
UNIQUE = (*NAMES, 'session_id', *FACTS)


@dataclass(frozen=True)
class Kind:
    """A fate of orders: how many of a hundred have it, how they ended, and what the journal says."""

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


def mark(number: int) -> int:
    """Return what an order has in its ids, by its number."""
    return (number + 1) * SCATTER % SPACE


def is_paid(number: int) -> bool:
    """Whether an order is one that was paid, and that is all."""
    return _kind_of(number) is KINDS[0]


def years(stencil: Stencil, count: int, now: datetime) -> Rows:
    """Write so many orders and all that belongs to them, the newest first.

    Args:
        stencil: what an order is printed from.
        count: how many.
        now: the present time in UTC.
    """
    plates = {kind.share: row_of(stencil.paid if kind.completed else stencil.opened, now) for kind in KINDS}
    for number in range(count):
        kind = _kind_of(number)
        at = now - SPAN * (number / count) - timedelta(days=1)
        order = _order(plates[kind.share] | kind.facts, number, at)
        # Each is looked at once a week, in turn; the turn of the first comes after the measuring.
        watched = kind.completed and now - at < WATCHED
        order['due_at'] = now + timedelta(hours=12, seconds=number % 600_000) if watched else None
        yield schema.orders, order
        yield from _belongings(kind, order, number)


def _kind_of(number: int) -> Kind:
    return BY_HUNDRED[number * 37 % 100]


def _order(plate: dict[str, Any], number: int, at: datetime) -> dict[str, Any]:
    own = f'{mark(number):0{DIGITS}}'
    names = {name: plate[name].replace(BLANK, own) for name in UNIQUE}
    moments = {'created_at': at, 'completed_at': at if plate['completed_at'] else None}
    return plate | names | moments | {'claim': None, 'session_expires_at': at + timedelta(hours=3)}


def _belongings(kind: Kind, order: dict[str, Any], number: int) -> Rows:
    at, order_id = order['created_at'], order['id']
    for version, line in enumerate((f'order {order["reference"]} written down', *kind.lines), 1):
        told = {'version': version, 'because': 'webhook', 'line': line, 'at': at}
        yield schema.journal, told | {'order_id': order_id}
    if kind.completed:
        yield schema.deliveries, _delivery(number, at)
    if kind.completed and number % (BOOKED + 1):
        yield schema.bookings, _booking(order, at)


def _delivery(number: int, at: datetime) -> dict[str, Any]:
    event = {'source': 'stripe', 'event_id': f'evt_old_{mark(number)}', 'kind': 'checkout.session.completed'}
    return event | {
        'received_at': at,
        'handled_at': at,
        'tries': 1,
        'error': '',
        'payload': '',
        'due_at': None,
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
