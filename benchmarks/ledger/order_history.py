"""Three years of orders in every state, with journal, deliveries and bookings, as rows of a database."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String

from benchmarks.shared.databases import Row
from benchmarks.shared.order_template import BLANK, DIGITS, FACTS, PREFIXES, OrderTemplate, row_of
from services.database import schema
from services.ledger.mapping import FACTS as FACT_NAMES
from services.orders import WATCHED, Order

SPAN = timedelta(days=3 * 365)
IDS: int = 10**DIGITS
STEP = 982_451_653  # a prime, so that ids are unique and in no order, as real ones are
RECENT = WATCHED / SPAN  # the share of orders that are still compared with Stripe
BOOKED = 5  # of six completed orders
UNIQUE = (*PREFIXES, 'session_id', *FACTS)


@dataclass(frozen=True)
class Kind:
    """A kind of order: how many of a hundred, whether completed, and what the journal says.

    ``changes`` are the fields and facts in which it differs from an open or a paid order.
    """

    share: int
    completed: bool
    lines: tuple[str, ...]
    changes: dict[str, Any] = field(default_factory=dict)


PAID = 'open → paid'
KINDS = (
    Kind(52, True, (PAID,)),
    Kind(38, False, ('open → expired',), {'session_status': 'expired', 'session_url': None}),
    Kind(4, True, (PAID, 'paid → refunded'), {'amount_refunded': 15000}),
    Kind(2, True, (PAID, 'paid → partly refunded'), {'amount_refunded': 5000}),
    Kind(
        1,
        True,
        (PAID, 'paid → disputed', 'disputed → lost'),
        {'dispute_status': 'lost', 'amount_lost': 15000},
    ),
    Kind(3, True, ('open → failed',), {'payment_status': 'unpaid', 'payment_failed': True}),
)
BY_HUNDRED = tuple(kind for kind in KINDS for _ in range(kind.share))
EVERY = 10_000  # of so many orders, one is of each of these kinds
RARE_KINDS = (
    Kind(0, True, ('open → mismatch',), {'mismatch': 'the total is 100.00 USD'}),
    Kind(0, True, (PAID, 'paid → under review'), {'under_review': True}),
    Kind(
        0,
        True,
        (PAID, 'paid → disputed'),
        {'dispute_status': 'needs_response', 'amount_disputed': 15000},
    ),
    Kind(0, True, (PAID,), {'duplicate_of': 'R1'}),
    Kind(0, True, (PAID,), {'fraud_warning': True}),
)
FIRST_NAMES = 'Ann Bob Cy Dee Eli Flo Gus Hal Ida Jo Kai Lee Mia Ned Ona Pam Quin Rae Sam Tia'.split()
LAST_NAMES = 'Adams Baker Clark Davis Evans Ford Green Hill Irwin Jones King Long Moore Nash Owens'.split()


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
    rows = {id(kind): row_of(_first(template, kind), now) for kind in (*KINDS, *RARE_KINDS)}
    for number in range(count):
        kind = _kind_of(number)
        at = now - SPAN * (number / count) - timedelta(hours=1)
        order = _order(rows[id(kind)], number, at)
        order['active_bookings'] = int(_is_booked(kind, number))
        # Each is compared once a week, in turn; the first becomes due after the benchmark has ended.
        watched = kind.completed and now - at < WATCHED
        order['next_check'] = now + timedelta(hours=12, seconds=number % 600_000) if watched else None
        yield schema.orders, order
        yield from _related(kind, order, number)


def _first(template: OrderTemplate, kind: Kind) -> Order:
    order = template.paid if kind.completed else template.opened
    facts = {name: value for name, value in kind.changes.items() if name in FACT_NAMES}
    changes = {name: value for name, value in kind.changes.items() if name not in FACT_NAMES}
    return replace(order, facts=replace(order.facts, **facts), **changes)


def _is_booked(kind: Kind, number: int) -> bool:
    return kind.completed and bool(number % (BOOKED + 1))


def _kind_of(number: int) -> Kind:
    if number % EVERY < len(RARE_KINDS):
        return RARE_KINDS[number % EVERY]
    return BY_HUNDRED[number * 37 % 100]


def _own(number: int) -> str:
    return f'{scattered(number):0{DIGITS}}'


def _order(row: dict[str, Any], number: int, at: datetime) -> dict[str, Any]:
    ids = {name: row[name].replace(BLANK, _own(number)) for name in UNIQUE}
    times = {'created_at': at, 'completed_at': at if row['completed_at'] else None}
    if row['completed_at']:
        first, last = FIRST_NAMES[number % 20], LAST_NAMES[number // 20 % 15]
        ids |= {'name': f'{first} {last}', 'card_last4': f'{number * 7 % 10_000:04}'}
    return row | ids | times | {'claim': None, 'session_expires_at': at + timedelta(hours=3)}


def _related(kind: Kind, order: dict[str, Any], number: int) -> Iterator[Row]:
    at, order_id = order['created_at'], order['id']
    for version, line in enumerate((f'order {order["reference"]} written down', *kind.lines), 1):
        entry = {'version': version, 'because': 'webhook', 'actor': '', 'line': line, 'at': at}
        yield schema.journal, entry | {'order_id': order_id}
    if kind.completed:
        yield schema.deliveries, _delivery(number, at)
    if _is_booked(kind, number):
        yield schema.bookings, _booking(order, at)


def _delivery(number: int, at: datetime) -> dict[str, Any]:
    return {
        'source': 'stripe',
        'event_id': f'evt_old_{_own(number)}',
        'kind': 'checkout.session.completed',
        'because': 'webhook',
        'received_at': at,
        'handled_at': at,
        'tries': 1,
        'error': '',
        'payload': '',
        'next_try': None,
    }


def _booking(order: dict[str, Any], at: datetime) -> dict[str, Any]:
    start = at + timedelta(days=3)
    texts = [column.name for column in schema.bookings.c if isinstance(column.type, String)]
    return dict.fromkeys(texts, '') | {
        'environment': order['environment'],
        'link_follows': False,
        'no_show': False,
        'invitee_id': f'https://api.calendly.com/{order["id"]}',
        'order_id': order['id'],
        'state': 'active',
        'start': start,
        'end': start + timedelta(hours=1),
        'email': order['email'],
        'place': 'https://example.test/meeting',
    }
