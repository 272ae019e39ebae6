"""Sign-ins to the admin: a row for each, until it is signed out or deleted after its end."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from services.database import schema
from services.database.store import Store
from services.ledger.admin_journal import AdminJournal
from services.ledger.records import SignIn

IDLE = timedelta(hours=12)  # without a request
ABSOLUTE = timedelta(days=7)  # after the password was typed
SEEN_EVERY = timedelta(minutes=1)


class SignIns:
    """The sign-ins of all processes; the ledger never holds what their cookies hold."""

    def __init__(self, store: Store, journal: AdminJournal, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock

    async def add(self, sign_in_id: str, *, client_ip: str, actor: str) -> None:
        """Write down a sign-in that begins now.

        Args:
            sign_in_id: a hash of the value in its cookie.
            client_ip: where it comes from.
            actor: the name it has in the journals.
        """
        now = self._clock()
        values = {'id': sign_in_id, 'client_ip': client_ip, 'created_at': now, 'last_seen': now}

        def work(connection: Connection) -> None:
            connection.execute(insert(schema.sign_ins).values(values))
            self._journal.write(connection, 'signed in', actor=actor)

        await self._store.write(work)

    async def find(self, sign_in_id: str) -> SignIn | None:
        """Return a sign-in, unless it has ended."""
        table = schema.sign_ins
        query = select(table).where(table.c.id == sign_in_id, self._lasts())
        rows = await self._store.read(query)
        return SignIn(**rows[0]._mapping) if rows else None

    async def all(self) -> tuple[SignIn, ...]:
        """Return the sign-ins that have not ended, newest first."""
        query = select(schema.sign_ins).where(self._lasts()).order_by(schema.sign_ins.c.created_at.desc())
        return tuple(SignIn(**row._mapping) for row in await self._store.read(query))

    async def is_known(self, client_ip: str) -> bool:
        """Whether somebody is signed in from an IP address."""
        table = schema.sign_ins
        query = select(table.c.id).where(table.c.client_ip == client_ip, self._lasts()).limit(1)
        return bool(await self._store.read(query))

    async def seen(self, sign_in: SignIn) -> None:
        """Note that a sign-in is being used, at most once a minute."""
        now, table = self._clock(), schema.sign_ins
        if now - sign_in.last_seen < SEEN_EVERY:
            return
        statement = update(table).where(table.c.id == sign_in.id).values(last_seen=now)
        await self._store.write(lambda connection: connection.execute(statement))

    async def end(self, sign_in_id: str, *, actor: str) -> None:
        """End one sign-in."""
        table = schema.sign_ins

        def work(connection: Connection) -> None:
            if connection.execute(delete(table).where(table.c.id == sign_in_id)).rowcount:
                self._journal.write(connection, 'signed out', actor=actor)

        await self._store.write(work)

    async def end_all(self, *, actor: str) -> None:
        """End every sign-in."""

        def work(connection: Connection) -> None:
            count = connection.execute(delete(schema.sign_ins)).rowcount
            self._journal.write(connection, f'signed out everywhere: {count} sign-ins', actor=actor)

        await self._store.write(work)

    async def delete_ended(self, *, limit: int) -> int:
        """Delete sign-ins that have ended by themselves.

        Args:
            limit: how many to delete.

        Returns:
            How many were deleted.
        """
        table = schema.sign_ins
        ended = select(table.c.id).where(~self._lasts()).limit(limit)
        statement = delete(table).where(table.c.id.in_(ended))
        return await self._store.write(lambda connection: connection.execute(statement).rowcount)

    def _lasts(self) -> ColumnElement[bool]:
        now, columns = self._clock(), schema.sign_ins.c
        return (columns.last_seen > now - IDLE) & (columns.created_at > now - ABSOLUTE)
