"""The versions of the site's texts that were edited in the admin, for all processes."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from services.database import schema
from services.database.reading import read_once
from services.database.store import Store
from services.ledger.admin_journal import AdminJournal
from services.ledger.records import SiteVersion, VersionState

TABLE = schema.site_versions


class SiteVersions:
    """Published versions are never changed. Of the others, only the newest row is kept.

    Each row has the number after the newest one, so whoever has not seen that one cannot write. The file is
    version 0 and has no row.
    """

    def __init__(self, store: Store, journal: AdminJournal, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock

    async def newest(self) -> SiteVersion | None:
        """Return the newest row, whatever its state; None if nothing was ever edited."""
        rows = await self._store.read(select(TABLE).order_by(TABLE.c.version.desc()).limit(1))
        return _version(rows[0]) if rows else None

    async def find(self, version: int) -> SiteVersion | None:
        """Return a published version; None if there is none with this number."""
        rows = await self._store.read(select(TABLE).where(TABLE.c.version == version, PUBLISHED))
        return _version(rows[0]) if rows else None

    async def published(self, *, after: int = 0, limit: int) -> tuple[SiteVersion, ...]:
        """Return the published versions with a number above ``after``, newest first."""
        return tuple(map(_version, await self._store.read(_published(after, limit))))

    async def at(self, time: datetime) -> SiteVersion | None:
        """Return the version that was published last before a time in UTC; None if it was the file."""
        query = select(TABLE).where(TABLE.c.at <= time, PUBLISHED).order_by(TABLE.c.version.desc()).limit(1)
        rows = await self._store.read(query)
        return _version(rows[0]) if rows else None

    async def add(
        self, seen: int, state: VersionState, toml: str, *, file_digest: str, actor: str, line: str = ''
    ) -> bool:
        """Add a row; False if the newest one is not the one that was seen.

        Args:
            seen: the number of the newest row that the decision rests on, 0 for none.
            state: what it is.
            toml: the whole text; '' for a draft that was discarded.
            file_digest: of the words of the file, as this process has read it.
            actor: who did it.
            line: what the admin journal says about it, '' for nothing.
        """
        values = {'version': seen + 1, 'state': state, 'toml': toml, 'file_digest': file_digest}
        values |= {'actor': actor, 'at': self._clock()}

        def work(connection: Connection) -> bool:
            newest = connection.execute(select(func.max(TABLE.c.version))).scalar_one()
            if (newest or 0) != seen:
                return False
            connection.execute(insert(TABLE).values(values))
            connection.execute(delete(TABLE).where(TABLE.c.version <= seen, ~PUBLISHED))
            if line:
                self._journal.write(connection, line, actor=actor)
            return True

        try:
            return await self._store.write(work)
        except IntegrityError:  # another process was first
            return False


def read_published_versions(database_url: str, *, limit: int) -> tuple[SiteVersion, ...]:
    """Return the published versions, newest first, before the ledger is opened; none without a database."""
    return tuple(map(_version, read_once(database_url, _published(0, limit))))


def _published(after: int, limit: int) -> Select[Any]:
    query = select(TABLE).where(TABLE.c.version > after, PUBLISHED)
    return query.order_by(TABLE.c.version.desc()).limit(limit)


def _version(row: Row[Any]) -> SiteVersion:
    return SiteVersion(**{**row._mapping, 'state': VersionState(row.state)})


PUBLISHED = TABLE.c.state == VersionState.PUBLISHED
