"""The ledger: the only SQL, and the only place where an order moves.

Every move names the version it was decided on; whoever comes second is told so and reads again.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services import schema
from services.ledger.engine import connect, first_connection
from services.ledger.rows import booking_from_row, columns_of, order_from_row, values_of
from services.orders import Booking, Order
from services.settings import SettingsError

__all__ = ['Delivery', 'JournalLine', 'Ledger', 'connect']

REMEDY = 'Its folder must exist or be makeable, be writable for this user, and have room left.'
UPSERT: dict[str, Any] = {'sqlite': sqlite.insert, 'postgresql': postgresql.insert}


@dataclass(frozen=True)
class JournalLine:
    """One move of an order: which version it made, when (UTC), who caused it and what it was."""

    version: int
    at: datetime
    because: str
    line: str


@dataclass(frozen=True)
class Delivery:
    """One signed delivery: who sent it, the sender's id for it, and what kind of event it names."""

    source: str
    event_id: str
    kind: str


class Ledger:
    """The orders, bookings, deliveries and journal of one database."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock
        self._turn = asyncio.Lock()
        self._followers: defaultdict[str, set[Callable[[], object]]] = defaultdict(set)

    async def open(self) -> None:
        """Apply the migrations; connections are let go, so that this may run in a loop of its own.

        Raises:
            SettingsError: there is no database to be had where the settings say.
        """
        try:
            await first_connection(self._engine)
            async with self._writing() as connection:
                await connection.run_sync(schema.migrate)
        except (SQLAlchemyError, OSError) as error:
            why = getattr(error, 'orig', None) or error
            raise SettingsError([f'DATABASE_URL: the database cannot be used: {why}. {REMEDY}']) from error
        finally:
            await self._engine.dispose()

    async def close(self) -> None:
        """Let go of the database."""
        await self._engine.dispose()

    async def ping(self) -> None:
        """Raise if the database does not answer."""
        async with self._engine.connect() as connection:
            await connection.execute(select(1))

    async def add(self, order: Order, *, because: str) -> bool:
        """Write a new order down; False when its id, session or claim is taken already."""
        try:
            async with self._writing() as connection:
                await connection.execute(insert(schema.orders).values(values_of(order)))
                await self._write_line(connection, order, because, f'order {order.reference} written down')
        except IntegrityError:
            return False
        return True

    async def find(self, **key: str) -> Order | None:
        """Return the order with this id, token, session_id, reference, booking_key or claim."""
        ((name, value),) = key.items()
        rows = await self._read(select(schema.orders).where(schema.orders.c[name] == value))
        return order_from_row(rows[0]) if rows else None

    async def find_completed_by(self, visitor: str, *, since: datetime) -> Order | None:
        """Return an order that this browser has completed at Stripe since then, if any."""
        orders = schema.orders
        query = select(orders).where(orders.c.visitor == visitor, orders.c.completed_at >= since)
        rows = await self._read(query.order_by(orders.c.completed_at.desc()).limit(1))
        return order_from_row(rows[0]) if rows else None

    async def move(
        self, order: Order, *, because: str, line: str, settles: Delivery | None = None, **changes: Any
    ) -> Order | None:
        """Change an order if nobody else has since it was read, with one journal line.

        Args:
            order: the order as it was read; its version decides.
            because: who caused it: webhook, return, button, reconciler or operator.
            line: what happened, for people.
            settles: the delivery that this move answers, settled in the same transaction.
            changes: fields of the order; ``facts`` replaces all facts.

        Returns:
            The moved order, or None when another move came first: read again.
        """
        table = schema.orders
        values = columns_of(changes) | {'version': order.version + 1}
        statement = update(table).where(table.c.id == order.id, table.c.version == order.version)
        async with self._writing() as connection:
            row = (await connection.execute(statement.values(values).returning(*table.c))).first()
            if row is None:
                return None
            moved = order_from_row(row)
            await self._write_line(connection, moved, because, line)
            if settles:
                await self._settle(connection, settles, error='')
        self._tell(order)
        return moved

    async def journal(self, order_id: str) -> tuple[JournalLine, ...]:
        """Return all moves of an order, oldest first."""
        table = schema.journal
        columns = (table.c.version, table.c.at, table.c.because, table.c.line)
        rows = await self._read(select(*columns).where(table.c.order_id == order_id).order_by(table.c.id))
        return tuple(JournalLine(**row._mapping) for row in rows)

    async def note(self, delivery: Delivery) -> bool:
        """Note a delivery before it is worked; True when it was settled earlier, so that no work is left."""
        table = schema.deliveries
        values = asdict(delivery) | {'received_at': self._clock(), 'tries': 1, 'error': ''}
        statement = (
            UPSERT[self._engine.dialect.name](table)
            .values(values)
            .on_conflict_do_update(
                index_elements=[table.c.source, table.c.event_id], set_={'tries': table.c.tries + 1}
            )
            .returning(table.c.settled_at)
        )
        async with self._writing() as connection:
            return (await connection.execute(statement)).scalar_one() is not None

    async def settle(self, delivery: Delivery, *, error: str = '') -> None:
        """Mark a delivery as done, or keep the error it failed with."""
        async with self._writing() as connection:
            await self._settle(connection, delivery, error=error)

    async def bookings(self, order_id: str) -> tuple[Booking, ...]:
        """Return the meetings of an order, earliest first."""
        table = schema.bookings
        rows = await self._read(select(table).where(table.c.order_id == order_id).order_by(table.c.start))
        return tuple(booking_from_row(row) for row in rows)

    async def find_order_of_invitee(self, invitee_id: str) -> Order | None:
        """Return the order that a booking belongs to."""
        table = schema.bookings
        rows = await self._read(select(table.c.order_id).where(table.c.invitee_id == invitee_id))
        return await self.find(id=rows[0].order_id) if rows else None

    async def put_booking(
        self, order: Order, booking: Booking, *, because: str, settles: Delivery | None = None
    ) -> None:
        """Write a meeting down or update it; a cancelled or replaced one never comes back to life."""
        table = schema.bookings
        values = asdict(booking) | {'order_id': order.id}
        put = UPSERT[self._engine.dialect.name](table).values(values)
        changed = {name: put.excluded[name] for name in values if name != 'order_id'}
        put = put.on_conflict_do_update(
            index_elements=[table.c.invitee_id], set_=changed, where=table.c.state != 'canceled'
        )
        async with self._writing() as connection:
            before = await connection.scalar(
                select(table.c.state).where(table.c.invitee_id == booking.invitee_id)
            )
            await connection.execute(put)
            replaced = update(table).where(table.c.invitee_id == booking.replaces)
            await connection.execute(replaced.values(state='canceled'))
            if before not in (booking.state, 'canceled'):
                line = f'meeting of {booking.start:%Y-%m-%d %H:%M} UTC {booking.state}'
                await self._write_line(connection, order, because, line)
            if settles:
                await self._settle(connection, settles, error='')
        self._tell(order)

    def follow(self, order: Order, told: Callable[[], object]) -> Callable[[], None]:
        """Have something called after each move of an order in this process; returns what stops that."""
        self._followers[order.id].add(told)

        def stop() -> None:
            self._followers[order.id].discard(told)
            if not self._followers[order.id]:
                del self._followers[order.id]

        return stop

    def _tell(self, order: Order) -> None:
        for told in tuple(self._followers.get(order.id, ())):
            told()

    async def _settle(self, connection: AsyncConnection, delivery: Delivery, *, error: str) -> None:
        table = schema.deliveries
        same = (table.c.source == delivery.source) & (table.c.event_id == delivery.event_id)
        settled_at = None if error else self._clock()
        await connection.execute(update(table).where(same).values(settled_at=settled_at, error=error))

    async def _write_line(self, connection: AsyncConnection, order: Order, because: str, line: str) -> None:
        values = {'order_id': order.id, 'version': order.version, 'because': because, 'line': line}
        await connection.execute(insert(schema.journal).values(at=self._clock(), **values))

    async def _read(self, query: Select[Any]) -> list[Row[Any]]:
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).all())

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that begins as a write, so that it never has to be upgraded.

        SQLite lets its writers wait by sleeping, unfairly; within this process they queue here instead.
        """
        async with self._turn, self._engine.connect() as connection:
            await connection.execution_options(writes=True)
            async with connection.begin():
                yield connection
