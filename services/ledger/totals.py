"""Totals: money and bookings by day, and the meetings of some days."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, Row, func, literal, select, union_all

from services.database import schema
from services.database.store import Store
from services.ledger.search import in_environment
from services.money import Money
from services.orders import Booking, BookingState, Canceler, Environment, State


@dataclass(frozen=True)
class Span:
    """From one point in time to another, in UTC; the end does not belong to it."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Sum:
    """What was paid in a span, in one currency.

    Attributes:
        taken: what customers paid, refunds and lost disputes deducted.
        back: what was refunded or lost of it until now.
        payments: how many payments.
    """

    taken: Money
    back: Money
    payments: int


@dataclass(frozen=True)
class ComingMeeting:
    """A booking with what is to know of its order."""

    booking: Booking
    order_id: str
    reference: str
    title: str
    name: str
    email: str
    phone: str
    state: State


class Totals:
    """Sums over the orders and bookings of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def sums(self, spans: Sequence[Span], environment: Environment) -> tuple[tuple[Sum, ...], ...]:
        """Return for each span what was paid in it, one sum for each currency.

        Args:
            spans: not overlapping, in order.
            environment: where the orders were sold.
        """
        orders, span = schema.orders.c, _as_table(spans)
        sums = {
            'total': func.sum(orders.amount_total),
            'back': func.sum(orders.amount_refunded + orders.amount_lost),
            'payments': func.count(),
        }
        columns = (column.label(name) for name, column in sums.items())
        query = (
            select(span.c.number, orders.seen_currency, *columns)
            .where(schema.SOLD, orders.completed_at >= span.c.since, orders.completed_at < span.c.until)
            .where(*in_environment(environment))
            .group_by(span.c.number, orders.seen_currency)
        )
        found: list[list[Sum]] = [[] for _ in spans]
        for row in await self._store.read(query):
            taken = Money(int(row.total) - int(row.back), row.seen_currency)
            found[row.number].append(Sum(taken, Money(int(row.back), row.seen_currency), row.payments))
        return tuple(map(tuple, found))

    async def meetings_in(self, spans: Sequence[Span], environment: Environment) -> tuple[int, ...]:
        """Return for each span how many meetings begin in it and are not canceled.

        Args:
            spans: not overlapping, in order.
            environment: where their orders were sold; its account is not asked for.
        """
        bookings, span = schema.bookings.c, _as_table(spans)
        query = (
            select(span.c.number, func.count().label('meetings'))
            .where(bookings.start >= span.c.since, bookings.start < span.c.until)
            .where(bookings.state == BookingState.ACTIVE, bookings.environment == environment.mode)
            .group_by(span.c.number)
        )
        counts = {row.number: row.meetings for row in await self._store.read(query)}
        return tuple(counts.get(number, 0) for number in range(len(spans)))

    async def meetings(
        self, span: Span, environment: Environment, *, limit: int
    ) -> tuple[ComingMeeting, ...]:
        """Return the meetings that begin in a span and are not canceled, the earliest first.

        Args:
            span: when they begin.
            environment: where their orders were sold.
            limit: how many at most.
        """
        bookings, orders = schema.bookings, schema.orders.c
        of_order = ('reference', 'title', 'name', 'email', 'contact_email', 'phone', 'state')
        query = (
            select(bookings, *(orders[name].label(f'order_{name}') for name in of_order))
            .join(schema.orders, bookings.c.order_id == orders.id)
            .where(bookings.c.start >= span.since, bookings.c.start < span.until)
            .where(bookings.c.state == BookingState.ACTIVE, *in_environment(environment))
            .order_by(bookings.c.start, bookings.c.invitee_id)
            .limit(limit)
        )
        return tuple(map(_meeting_from, await self._store.read(query)))


def _as_table(spans: Sequence[Span]) -> CTE:
    rows = (
        select(
            literal(number).label('number'),
            literal(span.since, schema.Utc).label('since'),
            literal(span.until, schema.Utc).label('until'),
        )
        for number, span in enumerate(spans)
    )
    return union_all(*rows).cte('spans')


def _meeting_from(row: Row[Any]) -> ComingMeeting:
    names = [field.name for field in fields(Booking)]
    values = {name: row._mapping[name] for name in names}
    kinds = {'state': BookingState(values['state']), 'canceled_by': Canceler(values['canceled_by'])}
    return ComingMeeting(
        booking=Booking(**values | kinds),
        order_id=row.order_id,
        reference=row.order_reference,
        title=row.order_title,
        name=row.order_name,
        email=row.order_contact_email or row.order_email,
        phone=row.order_phone,
        state=State(row.order_state),
    )
