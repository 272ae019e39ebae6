"""Search: the orders as the operator lists them, page by page.

A text is looked up first, each way by an index of its own; the page is then made of the orders found.
"""

import enum
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    and_,
    case,
    false,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from services.database import schema
from services.database.store import Store
from services.ledger.text_search import begins_with, spellings
from services.money import Money
from services.orders import CALENDAR_STATES, BookingState, Environment, State

FOUND = 200  # orders that a text may find in one way; of more, not all are listed
SHORTEST = 2  # characters of the beginning of a name, an e-mail address or a reference
STRIPE_ID = re.compile(r'(?:cs|pi)_[A-Za-z0-9_]{4,}')
LAST4 = re.compile(r'[0-9]{4}')
REFERENCE = re.compile(r'[0-9A-Za-z-]{2,16}')


class SortKey(enum.StrEnum):
    """The time by which orders are listed."""

    CREATED = 'created'
    PAID = 'paid'


class Booked(enum.StrEnum):
    """Whether the time of an order that opens its calendar is booked."""

    YES = 'yes'
    NO = 'no'
    UNKNOWN = 'unknown'


@dataclass(frozen=True)
class Position:
    """A place in a list: the time that it is sorted by, in UTC, and the id of the order there."""

    at: datetime
    order_id: str


@dataclass(frozen=True)
class ListedOrder:
    """An order as a list shows it; times in UTC.

    Attributes:
        booked: whether a time is booked; None where the order opens no calendar.
        meeting: when the next meeting of the order begins, or its last one.
        card_last4: the last four digits of the card, '' where they are not known.
        dispute_due_at: until when an open dispute must be answered.
    """

    id: str
    reference: str
    state: State
    mode: str
    created_at: datetime
    completed_at: datetime | None
    title: str
    paid: Money
    refunded: Money | None
    name: str
    email: str
    card_last4: str
    booked: Booked | None
    meeting: datetime | None
    duplicate_of: str
    fraud_warning: bool
    dispute_due_at: datetime | None


@dataclass(frozen=True)
class Filters:
    """Which orders are listed; times in UTC.

    Attributes:
        text: what is searched for, '' for everything.
        state: only orders in this state.
        booked: only orders of which this is known.
        since: only what happened then or later, by the time that the list is sorted by.
        until: only what happened before.
        environment: only orders of this environment; None for all.
        bookings_known: whether the shop learns of bookings at all.
    """

    text: str = ''
    state: State | None = None
    booked: Booked | None = None
    since: datetime | None = None
    until: datetime | None = None
    environment: Environment | None = None
    bookings_known: bool = True


@dataclass(frozen=True)
class Listing:
    """A part of a list: its orders, in order, and whether more follow in the direction of reading.

    ``cut`` says that more orders match the text than are looked at.
    """

    rows: tuple[ListedOrder, ...]
    more: bool
    cut: bool


class Search:
    """Lists and finds orders for the operator."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def list_orders(
        self,
        filters: Filters,
        *,
        sort: SortKey,
        oldest_first: bool,
        limit: int,
        after: Position | None = None,
        before: Position | None = None,
    ) -> Listing:
        """Read a part of the list.

        Args:
            filters: which orders.
            sort: by which time.
            oldest_first: whether the list begins with the oldest.
            limit: how many at most.
            after: begins behind this position.
            before: ends in front of this position, and is read backwards from there.
        """
        ids, cut = await self._find_ids(filters.text) if filters.text else ([], False)
        if filters.text and not ids:
            return Listing((), more=False, cut=False)
        time = schema.orders.c[SORTED_BY[sort]]
        query = self._select().where(*_conditions(filters, sort, time))
        if filters.text:
            query = query.where(schema.orders.c.id.in_(ids))
        ascending = oldest_first is (before is None)
        if edge := before or after:
            key, bound = (
                tuple_(time, schema.orders.c.id),
                tuple_(literal(edge.at, schema.Utc), literal(edge.order_id, String)),
            )
            query = query.where(key > bound if ascending else key < bound)
        keys = (time, schema.orders.c.id)
        query = query.order_by(*(key.asc() if ascending else key.desc() for key in keys))
        rows = await self._store.read(query.limit(limit + 1))
        listed = [_from_row(row, known=filters.bookings_known) for row in rows[:limit]]
        if before:
            listed.reverse()
        return Listing(tuple(listed), more=len(rows) > limit, cut=cut)

    async def _find_ids(self, text: str) -> tuple[list[str], bool]:
        """Return the ids of the orders that a text finds, and whether there are more."""
        ways = [way.limit(FOUND + 1).subquery() for way in self._ways(text)]
        if not ways:
            return [], False
        ids = [row[0] for row in await self._store.read(union_all(*(select(way.c.id) for way in ways)))]
        return sorted(set(ids)), len(ids) > FOUND

    def _ways(self, text: str) -> Iterator[Select[Any]]:
        """Write one query for each way to read a text."""
        orders, dialect = schema.orders.c, self._store.dialect
        ids = select(orders.id)
        if found := STRIPE_ID.search(text):  # also in a copied address of the Dashboard
            column = orders.session_id if found[0].startswith('cs_') else orders.payment_id
            yield ids.where(column == found[0])
            return
        if LAST4.fullmatch(text):
            yield ids.where(schema.KNOWN_CARD, orders.card_last4 == text)
        if len(text) < SHORTEST:
            return
        if REFERENCE.fullmatch(text):
            start = text.upper()
            # A server may sort by a language and leave out the hyphen: the range is wide, LIKE is exact.
            among = orders.reference.between(start, f'{start}{"Z" * 16}')
            yield ids.where(among, orders.reference.like(f'{start}%'))
        for email in (orders.email, orders.contact_email):
            yield ids.where(begins_with(func.lower(email), text.lower(), dialect))
        if '@' not in text:
            for name in spellings(text):
                yield ids.where(schema.NAMED, begins_with(func.lower(orders.name), name, dialect))

    def _select(self) -> Select[Any]:
        orders, bookings = schema.orders.c, schema.bookings.c
        active = and_(bookings.order_id == orders.id, bookings.state == BookingState.ACTIVE)
        coming = select(func.min(bookings.start)).where(active, bookings.end > self._clock())
        last = select(func.max(bookings.start)).where(active)
        meeting = case(
            (orders.active_bookings > 0, func.coalesce(coming.scalar_subquery(), last.scalar_subquery()))
        )
        return select(*(orders[name] for name in LISTED), meeting.label('meeting'))


SORTED_BY = {SortKey.CREATED: 'created_at', SortKey.PAID: 'completed_at'}
LISTED = (
    'id', 'reference', 'state', 'environment', 'created_at', 'completed_at', 'title', 'amount', 'currency',
    'amount_total', 'seen_currency', 'amount_refunded', 'name', 'email', 'contact_email', 'card_last4',
    'active_bookings', 'bookings_unknown', 'duplicate_of', 'fraud_warning', 'dispute_due_at',
)  # fmt: skip


def _conditions(filters: Filters, sort: SortKey, time: ColumnElement[Any]) -> Iterator[ColumnElement[bool]]:
    orders = schema.orders.c
    if sort is SortKey.PAID:
        yield schema.SOLD
        yield time.is_not(None)
    if filters.since:
        yield time >= filters.since
    if filters.until:
        yield time < filters.until
    if filters.environment:
        yield from in_environment(filters.environment)
    if filters.state:
        yield orders.state == filters.state
        if filters.state not in COMMON:
            yield schema.UNUSUAL
    if filters.booked:
        yield _booked_is(filters.booked, known=filters.bookings_known)


COMMON = (State.EXPIRED, State.PAID)


def in_environment(environment: Environment) -> Iterator[ColumnElement[bool]]:
    """Match the orders of an environment; an unknown account is every account."""
    yield schema.orders.c.environment == environment.mode
    if environment.account:
        yield schema.orders.c.account.in_(('', environment.account))


def _booked_is(booked: Booked, *, known: bool) -> ColumnElement[bool]:
    orders = schema.orders.c
    if booked is Booked.YES:
        return orders.active_bookings > 0
    if not known:
        return schema.UNBOOKED if booked is Booked.UNKNOWN else false()
    return and_(schema.UNBOOKED, orders.bookings_unknown.is_(booked is Booked.UNKNOWN))


def _from_row(row: Row[Any], *, known: bool) -> ListedOrder:
    is_known = row.amount_total is not None
    paid = Money(row.amount_total, row.seen_currency) if is_known else Money(row.amount, row.currency)
    return ListedOrder(
        id=row.id,
        reference=row.reference,
        state=State(row.state),
        mode=row.environment,
        created_at=row.created_at,
        completed_at=row.completed_at,
        title=row.title,
        paid=paid,
        refunded=Money(row.amount_refunded, paid.currency) if row.amount_refunded else None,
        name=row.name,
        email=row.contact_email or row.email,
        card_last4=row.card_last4,
        booked=booked_of(State(row.state), row.active_bookings, known=known and not row.bookings_unknown),
        meeting=row.meeting,
        duplicate_of=row.duplicate_of,
        fraud_warning=row.fraud_warning,
        dispute_due_at=row.dispute_due_at,
    )


def booked_of(state: State, active: int, *, known: bool) -> Booked | None:
    """Return whether a time is booked; None for an order without one that opens no calendar.

    Args:
        state: of the order.
        active: how many of its bookings are active.
        known: whether its bookings can be known.
    """
    if active:
        return Booked.YES
    if state not in CALENDAR_STATES:
        return None
    return Booked.NO if known else Booked.UNKNOWN
