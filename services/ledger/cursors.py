"""List cursors: how far each of Stripe's lists was read, by any process."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from services.database import schema
from services.database.store import Store
from services.ledger.records import ListCursor


class ListCursors:
    """The cursors of all lists."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, name: str, *, since: datetime) -> ListCursor:
        """Return the cursor of a list; ``since`` is where the list begins for the first time."""
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
            return await self.get(name, since=since)
        return begun

    async def advance(self, before: ListCursor, after: ListCursor) -> bool:
        """Move a cursor; False when another process has moved it meanwhile."""
        columns = schema.list_cursors.c
        until = columns.until.is_(None) if before.until is None else columns.until == before.until
        unchanged = (columns.name == before.name) & (columns.since == before.since) & until
        statement = update(schema.list_cursors).where(unchanged, columns.after == before.after)
        values = asdict(after)

        def work(connection: Connection) -> bool:
            return connection.execute(statement.values(values)).rowcount == 1

        return await self._store.write(work)
