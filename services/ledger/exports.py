"""Reading the ledger from one end to the other, in short reads: each is a statement of its own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Row, Select, func, or_, select

from services.database import schema
from services.database.store import Store
from services.ledger.mapping import booking_from_row, order_from_row
from services.ledger.records import JournalLine
from services.orders import Booking, Cause, Order

ROWS = 100  # in one read: the event loop turns them into text, and serves customers in between
IDS = 2000  # journal lines that one read looks at: most of them may be outside the period


@dataclass(frozen=True)
class Period:
    """From a time on and before another, in UTC; None where there is no limit."""

    since: datetime | None = None
    until: datetime | None = None


class Exports:
    """Reads whole tables, a few rows at a time, however many there are."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def orders(self, period: Period) -> AsyncIterator[list[Order]]:
        """Yield the orders that were made in a period, the oldest first."""
        table = schema.orders
        async for rows in self._pages(select(table), table.c.created_at, table.c.id, period):
            yield [order_from_row(row) for row in rows]

    async def bookings(self, period: Period) -> AsyncIterator[list[tuple[str, Booking]]]:
        """Yield the bookings whose meetings begin in a period, with the references of their orders."""
        table, orders = schema.bookings, schema.orders
        query = select(orders.c.reference, table).join(orders, orders.c.id == table.c.order_id)
        async for rows in self._pages(query, table.c.start, table.c.invitee_id, period):
            yield [(row.reference, booking_from_row(row)) for row in rows]

    async def journal(self, period: Period) -> AsyncIterator[list[tuple[str, JournalLine]]]:
        """Yield the journal lines of a period, as they were written, with the references of their orders."""
        table, orders = schema.journal.c, schema.orders.c
        columns = orders.reference, table.version, table.at, table.because, table.line, table.actor
        query = select(*columns).join(schema.orders, orders.id == table.order_id).order_by(table.id)
        query = query.where(*_within(schema.journal.c.at, period))
        (ends,) = await self._store.read(
            select(func.min(table.id).label('first'), func.max(table.id).label('last'))
        )
        first, last = ends.first or 1, ends.last or 0
        for begin in range(first, last + 1, IDS):  # lines have no index by time: payments would write it
            ids = table.id.between(begin, min(begin + IDS - 1, last))
            rows = await self._store.read(query.where(ids))
            for start in range(0, len(rows), ROWS):
                yield [_line(row) for row in rows[start : start + ROWS]]

    async def _pages(
        self, query: Select[Any], time: Column[Any], key: Column[Any], period: Period
    ) -> AsyncIterator[list[Row[Any]]]:
        """Yield the rows of a query in pages, by a time and, where that is the same, by a key."""
        query = query.order_by(time, key).limit(ROWS)
        after = _within(time, period)
        while rows := await self._store.read(query.where(*after)):
            yield rows
            last = rows[-1]._mapping
            beyond = or_(time > last[time.name], key > last[key.name])
            after = [*_within(time, Period(last[time.name], period.until)), beyond]


def _within(time: Column[Any], period: Period) -> list[Any]:
    """Return the conditions for a time to be in a period."""
    limits = [time >= period.since] if period.since else []
    return limits + ([time < period.until] if period.until else [])


def _line(row: Row[Any]) -> tuple[str, JournalLine]:
    values = dict(row._mapping) | {'because': Cause(row.because)}
    return str(values.pop('reference')), JournalLine(**values)
