"""Deliveries: recorded before they are processed, marked handled afterwards, tried again when they failed."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, or_, select, update

from services.database import schema
from services.database.store import Store
from services.ledger import statements
from services.ledger.admin_journal import AdminJournal
from services.ledger.leases import claim
from services.ledger.mails import Mails
from services.ledger.records import Alert, Arrivals, Delivery, Source
from services.orders import AlertKind, Cause

LEASE = timedelta(minutes=5)  # a process that dies while it processes a delivery holds it this long
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
GIVEN_UP = timedelta(days=9)  # after the first try
LOOKED_AT = 200  # deliveries, to see whether they arrive
ALERTS_AFTER = timedelta(hours=1)  # of failing


class Deliveries:
    """The webhook deliveries of both senders, and what was found in Stripe's lists instead."""

    def __init__(
        self, store: Store, clock: Callable[[], datetime], mails: Mails, admin_journal: AdminJournal
    ) -> None:
        self._store = store
        self._clock = clock
        self._mails = mails
        self._admin_journal = admin_journal

    async def record(self, delivery: Delivery, *, because: Cause = Cause.WEBHOOK) -> bool:
        """Record a delivery before it is processed; True when it was handled earlier.

        Args:
            delivery: what was received, or found in a list instead.
            because: who brought it.
        """
        now = self._clock()
        values = asdict(delivery) | {'because': because, 'received_at': now, 'tries': 1, 'error': ''}
        values |= {'next_try': now + LEASE}
        statement = statements.record_delivery(self._store.insert)
        return await self._store.write(
            lambda connection: connection.execute(statement, values).scalar_one() is not None
        )

    async def arrivals(self, source: Source) -> Arrivals:
        """Return what a sender has delivered lately, and what had to be found in its lists instead."""
        table = schema.deliveries.c
        newest = select(table.source, table.because, table.received_at).where(table.handled_at.is_not(None))
        rows = await self._store.read(newest.order_by(table.handled_at.desc()).limit(LOOKED_AT))
        own = [row for row in rows if row.source == source]
        delivered = [row.received_at for row in own if row.because == Cause.WEBHOOK]
        last = max(delivered, default=None)
        found = [row.received_at for row in own if row.because == Cause.RECONCILER]
        missed = tuple(sorted(at for at in found if last is None or at > last))
        return Arrivals(self._clock(), last, missed)

    async def received_since(self, source: Source, kind: str, since: datetime) -> dict[str, str]:
        """Return the deliveries of one kind that a sender has made since a time: payloads by event id.

        The payload is '' once a delivery was handled. What was found in a list instead is not among them.

        Args:
            source: who sent them.
            kind: the type of the events.
            since: in UTC.
        """
        table = schema.deliveries.c
        query = select(table.event_id, table.payload).where(
            table.source == source,
            table.kind == kind,
            table.received_at >= since,
            table.because == Cause.WEBHOOK,
        )
        return {row.event_id: row.payload for row in await self._store.read(query)}

    async def mark_handled(self, delivery: Delivery) -> None:
        """Mark a delivery as handled where nothing else had to be written."""
        now = self._clock()
        await self._store.write(lambda connection: mark_handled(connection, delivery, now))

    async def keep_error(self, delivery: Delivery, error: str, *, final: bool = False) -> bool:
        """Keep why a delivery failed, and when to try it again; False when it is given up.

        Args:
            delivery: which one.
            error: in words for the operator.
            final: whether another try would not help.
        """
        now = self._clock()

        def work(connection: Connection) -> bool:
            which = _key(delivery)
            row = connection.execute(statements.delivery_tries(), which).first()
            tries, since = (row.tries, row.received_at) if row else (1, now)
            next_try = None if final or now - since >= GIVEN_UP else now + _pause(tries)
            if next_try is None or now - since >= ALERTS_AFTER:  # first: moves take these locks in this order
                key = f'delivery.{delivery.source}.{now:%Y-%m-%d}'
                again = 'it is not tried again' if next_try is None else 'the shop tries again'
                text = f'{delivery.source}, {delivery.kind}: {error}; {again}'
                self._mails.alert(connection, Alert(key, AlertKind.DELIVERY, None, text))
            statement = statements.change_delivery().where(schema.deliveries.c.handled_at.is_(None))
            connection.execute(statement, which | {'error': error, 'next_try': next_try})
            return next_try is not None

        return await self._store.write(work)

    async def retry_now(self, source: Source) -> None:
        """Make the failed deliveries of a sender due at once: what they named may be known now."""
        now = self._clock()
        await self._store.write(lambda connection: retry_now(connection, source, now))

    async def retry(self, source: Source, event_id: str, *, actor: str) -> bool:
        """Make one failed delivery due at once, also one that was given up; False when it is no such one.

        Args:
            source: who sent it.
            event_id: the sender's id for it.
            actor: the person who wants it.
        """
        table = schema.deliveries
        which = (table.c.source == source, table.c.event_id == event_id)
        failed = (table.c.handled_at.is_(None), table.c.error != '')
        again = update(table).where(*which, *failed).values(next_try=self._clock())

        def work(connection: Connection) -> bool:
            found = connection.execute(again).rowcount > 0
            if found:
                line = f'delivery {event_id} of {source}: tried again'
                self._admin_journal.write(connection, line, actor=actor)
            return found

        return await self._store.write(work)

    async def claim(self, *, limit: int) -> tuple[Delivery, ...]:
        """Claim deliveries that were recorded but not handled, and are due for another try."""
        table, now = schema.deliveries, self._clock()
        due = select(table).where(table.c.next_try <= now).order_by(table.c.next_try).limit(limit)

        def work(connection: Connection) -> tuple[Delivery, ...]:
            again = {'tries': table.c.tries + 1}
            rows = claim(connection, due, table.c.next_try, until=now + LEASE, changes=again)
            return tuple(Delivery(Source(row.source), row.event_id, row.kind, row.payload) for row in rows)

        return await self._store.write(work)

    async def done(self, source: Source, event_ids: Iterable[str]) -> frozenset[str]:
        """Return those of these events that need no work now: handled, or failed and due later.

        A delivery that is being processed is not among them: its process may be dead, and processing it twice
        does no harm.
        """
        table = schema.deliveries
        query = select(table.c.event_id).where(
            table.c.source == source,
            table.c.event_id.in_(list(event_ids)),
            or_(
                table.c.handled_at.is_not(None),
                and_(table.c.error != '', table.c.next_try > self._clock()),
            ),
        )
        return frozenset(row.event_id for row in await self._store.read(query))


def mark_handled(connection: Connection, delivery: Delivery, now: datetime) -> None:
    """Mark a delivery as handled in the transaction of the move it caused; its payload is forgotten.

    Args:
        connection: the transaction.
        delivery: which one.
        now: the present time in UTC.
    """
    values = {'handled_at': now, 'error': '', 'next_try': None, 'payload': ''}
    connection.execute(statements.change_delivery(), _key(delivery) | values)


def retry_now(connection: Connection, source: Source, now: datetime) -> None:
    """Make the failed deliveries of a sender due at once, in the transaction of what they waited for.

    Args:
        connection: the transaction.
        source: whose deliveries.
        now: the present time in UTC.
    """
    table = schema.deliveries
    waiting = and_(table.c.next_try > now, table.c.source == source, table.c.error != '')
    claim(connection, select(table).where(waiting), table.c.next_try, until=now)


def _key(delivery: Delivery) -> dict[str, str]:
    return {'sender': delivery.source, 'event': delivery.event_id}


def _pause(tries: int) -> timedelta:
    doubled = FIRST_PAUSE * (1 << min(tries - 1, 20))
    return min(doubled, LONGEST_PAUSE)
