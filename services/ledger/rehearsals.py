"""Rehearsals: a row for each, wanted by the operator or by the schedule; one process carries it out."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from services.database import schema
from services.database.store import Store
from services.ledger.admin_journal import AdminJournal
from services.ledger.leases import claim
from services.ledger.mails import Mails
from services.ledger.records import Alert, Rehearsal

LEASE = timedelta(minutes=10)  # a process that dies while it rehearses holds it this long
KEPT = timedelta(days=30)


class Rehearsals:
    """The rehearsals of one database."""

    def __init__(
        self, store: Store, clock: Callable[[], datetime], mails: Mails, journal: AdminJournal
    ) -> None:
        self._store = store
        self._clock = clock
        self._mails = mails
        self._journal = journal

    async def want(self, rehearsal_id: str, *, actor: str, line: str = '') -> bool:
        """Write down that a rehearsal is wanted; False if it was before, or one has not ended yet.

        Args:
            rehearsal_id: the same for every process and every repetition.
            actor: who wants it.
            line: what the admin journal says about it.
        """
        table, now = schema.rehearsals, self._clock()
        values = {'id': rehearsal_id, 'actor': actor, 'wanted_at': now, 'next_try': now, 'tries': 0}
        put = self._store.insert(table).values(values | {'problem': '', 'hops': ''})
        put = put.on_conflict_do_nothing(index_elements=[table.c.id]).returning(table.c.id)
        waiting = select(table.c.id).where(table.c.finished_at.is_(None)).limit(1)

        def work(connection: Connection) -> bool:
            is_new = not connection.execute(waiting).first() and connection.execute(put).first() is not None
            if is_new and line:
                self._journal.write(connection, line, actor=actor)
            return is_new

        return await self._store.write(work)

    async def claim(self) -> Rehearsal | None:
        """Claim a rehearsal that is wanted; no other process gets it unless this one dies."""
        table, now = schema.rehearsals, self._clock()
        due = select(table).where(table.c.next_try <= now).order_by(table.c.next_try).limit(1)

        def work(connection: Connection) -> Rehearsal | None:
            again = {'tries': table.c.tries + 1}
            rows = claim(connection, due, table.c.next_try, until=now + LEASE, changes=again)
            if not rows:
                return None
            return Rehearsal(**dict(rows[0]._mapping) | {'tries': rows[0].tries + 1, 'next_try': now + LEASE})

        if not await self._store.read(due.with_only_columns(table.c.id)):
            return None  # nearly always: no transaction is needed to see that
        return await self._store.write(work)

    async def finish(self, rehearsal: Rehearsal, *, hops: str, problem: str, alert: Alert | None) -> bool:
        """Write down how a claimed rehearsal ended; False if somebody else has, after the lease.

        Args:
            rehearsal: which one.
            hops: what became of each hop.
            problem: why there are none, or not all.
            alert: what the operator is told by mail.
        """
        table, now = schema.rehearsals, self._clock()
        same = table.c.id == rehearsal.id, table.c.tries == rehearsal.tries, table.c.finished_at.is_(None)
        values = {'finished_at': now, 'next_try': None, 'hops': hops, 'problem': problem}

        def work(connection: Connection) -> bool:
            if not connection.execute(update(table).where(*same).values(values)).rowcount:
                return False
            connection.execute(delete(table).where(table.c.finished_at < now - KEPT))
            if alert:
                self._mails.alert(connection, alert)
            return True

        is_ours = await self._store.write(work)
        if alert and is_ours:
            self._mails.report_written()
        return is_ours

    async def newest(self) -> tuple[Rehearsal | None, Rehearsal | None]:
        """Return the rehearsal that is under way, and the last one that has ended."""
        table = schema.rehearsals
        ended = select(table).where(table.c.finished_at.is_not(None))
        rows = await self._store.read(select(table).where(table.c.finished_at.is_(None)).limit(1))
        last = await self._store.read(ended.order_by(table.c.finished_at.desc()).limit(1))
        under_way, finished = (Rehearsal(**found[0]._mapping) if found else None for found in (rows, last))
        return under_way, finished
