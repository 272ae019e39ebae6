"""Switches of the operator: a row each, which every process reads."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from services.database import schema
from services.database.store import Store
from services.ledger import statements
from services.ledger.admin_journal import AdminJournal
from services.ledger.records import Switch


class Switches:
    """The switches of one database; one that was never touched has no row."""

    def __init__(self, store: Store, journal: AdminJournal, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock

    async def find(self, name: str) -> Switch | None:
        """Return a switch, None if it was never touched."""
        rows = await self._store.read(statements.find_switch(), key=name)
        return Switch(**rows[0]._mapping) if rows else None

    async def set(self, name: str, *, is_on: bool, text: str, actor: str, line: str) -> None:
        """Switch it, unless it is so already.

        Args:
            name: which one.
            is_on: how it is from now on.
            text: what goes with it.
            actor: who did it.
            line: what the admin journal says about it.
        """
        table = schema.switches
        values = {'is_on': is_on, 'text': text, 'actor': actor, 'at': self._clock()}
        put = self._store.insert(table).values(values | {'name': name})
        put = put.on_conflict_do_update(
            index_elements=[table.c.name],
            set_=values,
            where=(table.c.is_on != is_on) | (table.c.text != text),
        ).returning(table.c.name)

        def work(connection: Connection) -> None:
            if connection.execute(put).first():
                self._journal.write(connection, line, actor=actor)

        await self._store.write(work)
