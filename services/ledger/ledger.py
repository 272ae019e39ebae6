"""The ledger: the only SQL, and the only place where an order moves.

Every move names the version it was decided on; whoever comes second is told so and reads again.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from services.database import schema
from services.database.store import Store, connect
from services.ledger import statements
from services.ledger.deliveries import mark_handled, row_of_delivery
from services.ledger.mapping import booking_from_row, columns_of, order_from_row, values_of
from services.ledger.records import Delivery, JournalLine, ListCursor
from services.orders import Booking, Order, next_check

__all__ = ['Delivery', 'JournalLine', 'Ledger', 'ListCursor', 'Store', 'connect']


class Ledger:
    """The orders, bookings, deliveries and journal of one database."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self.store = store
        self._clock = clock
        self.moves: Counter[str] = Counter()  # in this process, by who caused them
        self._subscribers: defaultdict[str, set[Callable[[], object]]] = defaultdict(set)

    async def open(self) -> None:
        """Apply the migrations.

        Raises:
            SettingsError: there is no database to be had where the settings say.
        """
        await self.store.open()

    async def close(self) -> None:
        """Let go of the database."""
        await self.store.close()

    async def add(self, order: Order, *, because: str) -> bool:
        """Write a new order down; False when its id, session or claim is taken already."""
        values = values_of(order) | {'due_at': next_check(order, self._clock())}

        def work(connection: Connection) -> None:
            connection.execute(statements.add(), values)
            self._write_line(connection, order, because, f'order {order.reference} written down')

        try:
            await self.store.write(work)
        except IntegrityError:
            return False
        return True

    async def find(self, **key: str) -> Order | None:
        """Return the order with this id, token, session_id, payment_id, reference, booking_key or claim."""
        ((name, value),) = key.items()
        if not value.isprintable():  # no key of ours; PostgreSQL would not even take the question
            return None
        rows = await self.store.read(statements.find_by(name), key=value)
        return order_from_row(rows[0]) if rows else None

    async def find_completed_by(self, browser_hash: str, *, since: datetime) -> Order | None:
        """Return an order that this browser has completed at Stripe since then, if any."""
        orders = schema.orders
        query = select(orders).where(orders.c.browser_hash == browser_hash, orders.c.completed_at >= since)
        rows = await self.store.read(query.order_by(orders.c.completed_at.desc()).limit(1))
        return order_from_row(rows[0]) if rows else None

    async def find_paid_beside(self, order: Order, *, within: timedelta) -> tuple[Order, ...]:
        """Return the paid orders for the same offer by the same browser, e-mail or card, oldest first.

        Args:
            order: a completed order.
            within: how much earlier or later the others may have been completed.
        """
        if order.completed_at is None:
            return ()
        likeness = statements.likeness(order, order.completed_at, within)
        return tuple(map(order_from_row, await self.store.read(statements.paid_beside(), **likeness)))

    async def open_siblings(self, order: Order) -> tuple[Order, ...]:
        """Return the other orders of the same browser and offer whose sessions can still be paid."""
        if not order.browser_hash:
            return ()
        rows = await self.store.read(statements.open_siblings(), **statements.same(order))
        return tuple(map(order_from_row, rows))

    async def move(
        self, order: Order, *, because: str, line: str, handles: Delivery | None = None, **changes: Any
    ) -> Order | None:
        """Change an order if nobody else has since it was read, with one journal line.

        Args:
            order: the order as it was read; its version decides.
            because: who caused it: webhook, return, button, reconciler or operator.
            line: what happened, for people.
            handles: the delivery that this move answers, settled in the same transaction.
            changes: fields of the order; ``facts`` replaces all facts.

        Returns:
            The moved order, or None when another move came first: read again.
        """
        now = self._clock()
        after = replace(order, version=order.version + 1, **changes)
        values = columns_of(changes) | {'version': after.version, 'due_at': next_check(after, now)}
        values |= {'which': order.id, 'seen': order.version}

        def work(connection: Connection) -> Order | None:
            if connection.execute(statements.move(), values).rowcount == 0:
                return None
            self._write_line(connection, after, because, line)
            if handles:
                mark_handled(connection, handles, now)
            return after

        moved = await self.store.write(work)
        if moved:
            self.moves[because] += 1
            self._notify(order)
        return moved

    async def journal(self, order_id: str) -> tuple[JournalLine, ...]:
        """Return all moves of an order, oldest first."""
        table = schema.journal
        columns = (table.c.version, table.c.at, table.c.because, table.c.line)
        query = select(*columns).where(table.c.order_id == order_id).order_by(table.c.id)
        return tuple(JournalLine(**row._mapping) for row in await self.store.read(query))

    async def record(self, delivery: Delivery) -> bool:
        """Note a delivery before it is worked; True when it was settled earlier, so that no work is left."""
        statement, values = statements.record(self.store.insert), row_of_delivery(delivery, self._clock())
        return await self.store.write(
            lambda connection: connection.execute(statement, values).scalar_one() is not None
        )

    async def mark_handled(self, delivery: Delivery, *, error: str = '') -> None:
        """Mark a delivery as done, or keep the error it failed with, to be worked again later."""
        now = self._clock()
        await self.store.write(lambda connection: mark_handled(connection, delivery, now, error=error))

    async def bookings(self, order_id: str) -> tuple[Booking, ...]:
        """Return the meetings of an order, earliest first."""
        table = schema.bookings
        rows = await self.store.read(
            select(table).where(table.c.order_id == order_id).order_by(table.c.start)
        )
        return tuple(booking_from_row(row) for row in rows)

    async def find_order_of_invitee(self, invitee_id: str) -> Order | None:
        """Return the order that a booking belongs to."""
        table = schema.bookings
        rows = await self.store.read(select(table.c.order_id).where(table.c.invitee_id == invitee_id))
        return await self.find(id=rows[0].order_id) if rows else None

    async def put_booking(
        self,
        order: Order,
        booking: Booking,
        *,
        because: str,
        moved: bool = False,
        handles: Delivery | None = None,
    ) -> None:
        """Write a meeting down or update it; a cancelled or replaced one never comes back to life.

        With the last meeting that stood its spent calendar link goes, so that another time can be picked.

        Args:
            order: whose meeting it is.
            booking: the meeting as it is now.
            because: who says so.
            moved: another meeting takes its place, so the link stays.
            handles: the delivery that said so, settled in the same transaction.
        """
        table, orders = schema.bookings, schema.orders

        def work(connection: Connection) -> None:
            # Two words of one meeting at once take turns, so that its journal tells it once.
            connection.execute(select(orders.c.id).where(orders.c.id == order.id).with_for_update())
            states = select(table.c.state).where(table.c.invitee_id == booking.invitee_id)
            before = connection.scalar(states)
            successor = select(table.c.invitee_id).where(table.c.replaces == booking.invitee_id)
            replaced = connection.scalar(successor.where(table.c.order_id == order.id))
            now = replace(booking, state='canceled') if replaced else booking
            connection.execute(self._put(now, order))
            if booking.replaces:
                spent = update(table).where(table.c.invitee_id == booking.replaces)
                connection.execute(spent.values(state='canceled'))
            if before not in (now.state, 'canceled'):
                line = f'meeting of {booking.start:%Y-%m-%d %H:%M} UTC {now.state}'
                self._write_line(connection, order, because, line)
            if booking.state == 'canceled' != before and not moved:
                self._free_calendar(connection, order, because)
            if handles:
                mark_handled(connection, handles, self._clock())

        await self.store.write(work)
        self._notify(order)

    def subscribe(self, order: Order, told: Callable[[], object]) -> Callable[[], None]:
        """Have something called after each move of an order in this process; returns what stops that."""
        self._subscribers[order.id].add(told)

        def stop() -> None:
            self._subscribers[order.id].discard(told)
            if not self._subscribers[order.id]:
                del self._subscribers[order.id]

        return stop

    def _notify(self, order: Order) -> None:
        for told in tuple(self._subscribers.get(order.id, ())):
            told()

    def _put(self, booking: Booking, order: Order) -> Any:
        table = schema.bookings
        values = asdict(booking) | {'order_id': order.id}
        put = self.store.insert(table).values(values)
        changed = {name: put.excluded[name] for name in values if name != 'order_id'}
        return put.on_conflict_do_update(
            index_elements=[table.c.invitee_id], set_=changed, where=table.c.state != 'canceled'
        )

    def _free_calendar(self, connection: Connection, order: Order, because: str) -> None:
        """Forget the spent calendar link of an order, unless one of its meetings stands."""
        orders, bookings = schema.orders, schema.bookings
        standing = select(bookings.c.invitee_id).where(bookings.c.order_id == order.id)
        if connection.scalar(standing.where(bookings.c.state == 'active').limit(1)):
            return
        spent = update(orders).where(orders.c.id == order.id, orders.c.calendar_url.is_not(None))
        freed = spent.values(calendar_url=None, version=orders.c.version + 1).returning(orders.c.version)
        version = connection.scalar(freed)
        if version:
            self._write_line(
                connection, replace(order, version=version), because, 'another time may be picked'
            )

    def _write_line(self, connection: Connection, order: Order, because: str, line: str) -> None:
        values = {'order_id': order.id, 'version': order.version, 'because': because, 'line': line}
        connection.execute(statements.write_line(), values | {'at': self._clock()})
