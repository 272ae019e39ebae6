"""The admin journal: one line for what happens in the admin and belongs to no order."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, insert, select

from services.database import schema
from services.database.store import Store
from services.ledger.records import AdminLine


class AdminJournal:
    """The lines of the admin; they are never changed."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def write(self, connection: Connection, line: str, *, actor: str) -> None:
        """Write a line in the transaction of what it describes.

        Args:
            connection: the transaction.
            line: what happened, for people.
            actor: who did it.
        """
        values = {'at': self._clock(), 'actor': actor, 'line': line}
        connection.execute(insert(schema.admin_journal).values(values))

    async def add(self, line: str, *, actor: str) -> None:
        """Write a line in a transaction of its own; arguments as in ``write``."""
        await self._store.write(lambda connection: self.write(connection, line, actor=actor))

    async def newest(self, *, limit: int) -> tuple[AdminLine, ...]:
        """Return the last lines, newest first."""
        table = schema.admin_journal
        query = select(table.c.at, table.c.actor, table.c.line).order_by(table.c.id.desc()).limit(limit)
        return tuple(AdminLine(**row._mapping) for row in await self._store.read(query))
