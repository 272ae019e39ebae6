"""What is left to look at: orders that are due, deliveries nothing came of, lists not read to their end.

Whatever is claimed here is out of the way of other processes for a while, and comes back by itself if the
one who claimed it dies.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from services.database import schema
from services.database.store import Store
from services.ledger.deliveries import LEASE
from services.ledger.mapping import order_from_row
from services.ledger.records import Delivery, ListCursor
from services.orders import Environment, Order, next_check

ORDER_LEASE = timedelta(minutes=10)  # an order that could not be looked at is due again after this


class Backlog:
    """The reconciler's side of the ledger."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def claim_orders(self, environment: Environment, *, limit: int) -> tuple[Order, ...]:
        """Take the orders of a environment that have been due for the longest time; nobody else gets them now."""
        table, now = schema.orders, self._clock()
        due = select(table).where(table.c.environment == environment.mode, table.c.due_at <= now)
        if environment.account:
            due = due.where(table.c.account.in_(('', environment.account)))
        due = due.order_by(table.c.due_at).limit(limit).with_for_update(skip_locked=True)

        def work(connection: Connection) -> tuple[Order, ...]:
            orders = tuple(order_from_row(row) for row in connection.execute(due))
            held = update(table).where(table.c.id.in_([order.id for order in orders]))
            if orders:
                connection.execute(held.values(due_at=now + ORDER_LEASE))
            return orders

        return await self._store.write(work)

    async def checked(self, orders: Iterable[Order]) -> None:
        """Put off the next look at orders of which there was nothing new to write down."""
        table, now = schema.orders, self._clock()
        same = (table.c.id == bindparam('which')) & (table.c.version == bindparam('seen'))
        statement = update(table).where(same).values(due_at=bindparam('next'))
        values = [
            {'which': order.id, 'seen': order.version, 'next': next_check(order, now)}
            for order in sorted(orders, key=lambda order: order.id)  # two processes must not lock crosswise
        ]
        if values:
            await self._store.write(lambda connection: connection.execute(statement, values))

    async def claim_deliveries(self, *, limit: int) -> tuple[Delivery, ...]:
        """Take deliveries that were noted and never settled, and are due for another try."""
        table, now = schema.deliveries, self._clock()
        due = select(table).where(table.c.due_at <= now).order_by(table.c.due_at).limit(limit)

        def work(connection: Connection) -> tuple[Delivery, ...]:
            rows = connection.execute(due.with_for_update(skip_locked=True)).all()
            for row in rows:
                same = (table.c.source == row.source) & (table.c.event_id == row.event_id)
                held = {'due_at': now + LEASE, 'tries': row.tries + 1}
                connection.execute(update(table).where(same).values(held))
            return tuple(Delivery(row.source, row.event_id, row.kind, row.payload) for row in rows)

        return await self._store.write(work)

    async def handled(self, source: str, event_ids: Iterable[str]) -> frozenset[str]:
        """Return those of these events that need no work now: settled, or failed and to be tried again later.

        One that is at work somewhere does need it: whoever had it may be dead, and twice is harmless.
        """
        table = schema.deliveries
        query = select(table.c.event_id).where(
            table.c.source == source,
            table.c.event_id.in_(list(event_ids)),
            or_(
                table.c.handled_at.is_not(None),
                and_(table.c.error != '', table.c.due_at > self._clock()),
            ),
        )
        return frozenset(row.event_id for row in await self._store.read(query))

    async def known_sessions(self, session_ids: Iterable[str]) -> frozenset[str]:
        """Return those of these sessions that an order is known to have been completed with."""
        table = schema.orders
        query = select(table.c.session_id).where(
            table.c.session_id.in_(list(session_ids)), table.c.completed_at.is_not(None)
        )
        return frozenset(row.session_id for row in await self._store.read(query))

    async def cursor(self, name: str, *, since: datetime) -> ListCursor:
        """Return how far a list was read, by anybody; ``since`` is where it begins for the first time."""
        table = schema.list_cursors
        rows = await self._store.read(select(table).where(table.c.name == name))
        if rows:
            return ListCursor(**rows[0]._mapping)
        begun = ListCursor(name, since)
        try:
            await self._store.write(
                lambda connection: connection.execute(table.insert().values(asdict(begun)))
            )
        except IntegrityError:  # another process was first
            return await self.cursor(name, since=since)
        return begun

    async def advance_cursor(self, before: ListCursor, after: ListCursor) -> bool:
        """Write down how far a list was read; False when somebody else has read on meanwhile."""
        columns = schema.list_cursors.c
        until = columns.until.is_(None) if before.until is None else columns.until == before.until
        unchanged = (columns.name == before.name) & (columns.since == before.since) & until
        statement = update(schema.list_cursors).where(unchanged, columns.after == before.after)
        values = asdict(after)

        def work(connection: Connection) -> bool:
            return connection.execute(statement.values(values)).rowcount == 1

        return await self._store.write(work)

    async def overdue(self, *, by: timedelta) -> int:
        """Count the orders that should have been looked at long ago."""
        table = schema.orders
        query = select(func.count()).select_from(table).where(table.c.due_at <= self._clock() - by)
        return int((await self._store.read(query))[0][0])
