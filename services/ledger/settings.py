"""Settings in the ledger: where no ``.env`` file can be written, and while a set-up is under way."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, delete, select

from services.database import schema
from services.database.reading import read_once
from services.database.store import Store

TABLE = schema.settings


class Kept(StrEnum):
    """What a row is.

    A setting in use, an answer of a set-up under way, what the set-up has made, or which process has it.
    """

    SETTING = 'setting'
    DRAFT = 'draft'
    MADE = 'made'
    HOLD = 'hold'


class KeptSettings:
    """The rows of one database."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def read(self, kind: Kept) -> dict[str, str]:
        """Return names and values."""
        rows = await self._store.read(select(TABLE.c.name, TABLE.c.value).where(TABLE.c.kind == kind))
        return {row.name: row.value for row in rows}

    async def put(self, kind: Kept, values: Mapping[str, str], *, without: Iterable[str] = ()) -> None:
        """Write values, and delete others, in one transaction.

        Args:
            kind: of all of them.
            values: by name.
            without: names whose rows are deleted.
        """
        await self._store.write(lambda connection: self._put(connection, kind, values, without))

    async def write_down_made(self, name: str, value: str, draft: Mapping[str, str]) -> None:
        """Write down what the set-up has made elsewhere, together with the answers that belong to it."""

        def work(connection: Connection) -> None:
            self._put(connection, Kept.MADE, {name: value}, ())
            self._put(connection, Kept.DRAFT, draft, ())

        await self._store.write(work)

    async def finish(self, values: Mapping[str, str], *, without: Iterable[str] = ()) -> None:
        """End the set-up: forget its answers, and keep these settings, in one transaction.

        Args:
            values: what is kept here.
            without: names of settings that are not kept here any more.
        """

        def work(connection: Connection) -> None:
            connection.execute(delete(TABLE).where(TABLE.c.kind == Kept.DRAFT))
            self._put(connection, Kept.SETTING, values, without)

        await self._store.write(work)

    async def hold(
        self, holder: str, time: timedelta, *, instead_of: Collection[str], over: str = ''
    ) -> tuple[str, str]:
        """Give the set-up to a holder, unless another one has it; returns who had it and who has it.

        Args:
            holder: who wants it.
            time: how long nobody else gets it.
            instead_of: the holders that it may be taken from.
            over: the beginning of other holders that it may be taken from as well; '' for none.
        """
        now = self._clock()
        found = select(TABLE.c.value).where(TABLE.c.kind == Kept.HOLD)
        free = TABLE.c.value.in_(instead_of) | (TABLE.c.at <= now)
        if over:
            free |= TABLE.c.value.startswith(over, autoescape=True)
        changes = {'value': holder, 'at': now + time}
        put = self._store.insert(TABLE).values(kind=Kept.HOLD, name='set-up', **changes)
        put = put.on_conflict_do_update(index_elements=[TABLE.c.kind, TABLE.c.name], set_=changes, where=free)

        def work(connection: Connection) -> tuple[str, str]:
            before = connection.execute(found).scalar() or ''
            connection.execute(put)
            return before, connection.execute(found).scalar_one()

        return await self._store.write(work)

    async def release(self, holders: Collection[str]) -> None:
        """Take the set-up from its holder, if it is one of these."""
        mine = (TABLE.c.kind == Kept.HOLD) & TABLE.c.value.in_(holders)
        await self._store.write(lambda connection: connection.execute(delete(TABLE).where(mine)))

    def _put(
        self, connection: Connection, kind: Kept, values: Mapping[str, str], without: Iterable[str]
    ) -> None:
        gone = [*values, *without]
        connection.execute(delete(TABLE).where(TABLE.c.kind == kind, TABLE.c.name.in_(gone)))
        rows = [
            {'kind': kind, 'name': name, 'value': value, 'at': self._clock()}
            for name, value in values.items()
        ]
        if rows:
            connection.execute(TABLE.insert(), rows)


def read_kept_settings(database_url: str) -> dict[str, str]:
    """Return the settings that a database keeps, before it is opened; none where there is no database."""
    query = select(TABLE.c.name, TABLE.c.value).where(TABLE.c.kind == Kept.SETTING)
    return {row.name: row.value for row in read_once(database_url, query)}
