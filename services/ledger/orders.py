"""Orders in the ledger: written once, then changed by moves that name the version they were decided on."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError

from services.database import schema
from services.database.store import Store
from services.ledger import statements
from services.ledger.deliveries import mark_handled
from services.ledger.effects import Effects
from services.ledger.journal import Journal
from services.ledger.leases import claim
from services.ledger.mails import Mails
from services.ledger.mapping import columns_of, order_from_row, values_of
from services.ledger.records import (
    Alert,
    Delivery,
    Effect,
    NewEffect,
    NewMail,
    PaidOrder,
    UnmatchedBooking,
)
from services.ledger.unmatched import Unmatched
from services.orders import (
    LONGEST_OPEN_PAUSE,
    MONEY_BACK_STATES,
    RETENTION,
    AlertKind,
    BookingState,
    Cause,
    Environment,
    Order,
    delete_at,
    next_check,
)

LEASE = timedelta(minutes=10)  # an order whose check failed, or whose process died, is due again after this


@dataclass
class _Written:
    """What a move has written beside its order, to be reported after the commit."""

    unmatched: list[UnmatchedBooking] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    released: list[Order] = field(default_factory=list)
    has_mail: bool = False


class Orders:
    """All orders of one database."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        clock: Callable[[], datetime],
        *,
        unmatched: Unmatched,
        effects: Effects,
        mails: Mails,
        on_change: Callable[[Order], None],
        keep_abandoned: timedelta = RETENTION,
    ) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock
        self._unmatched = unmatched
        self._effects = effects
        self._mails = mails
        self._on_change = on_change
        self._keep_abandoned = keep_abandoned
        self.moves: Counter[Cause] = Counter()  # in this process, by who caused them

    async def add(self, order: Order, *, because: Cause) -> bool:
        """Write a new order down; False when its id, session or claim is taken already."""
        now = self._clock()
        values = values_of(order) | {'next_check': next_check(order, now)}
        values |= {'delete_at': self.delete_at(order, now)}

        def work(connection: Connection) -> None:
            connection.execute(statements.add_order(), values)
            self._journal.write(
                connection, order, because=because, line=f'order {order.reference} written down'
            )

        try:
            await self._store.write(work)
        except IntegrityError:
            return False
        return True

    def delete_at(self, order: Order, now: datetime) -> datetime | None:
        """Return when an order is to be deleted, None for one that is kept."""
        return delete_at(order, now, self._keep_abandoned)

    async def find(self, **key: str) -> Order | None:
        """Return the order with this id, token, session_id, payment_id, reference, booking_key or claim."""
        ((name, value),) = key.items()
        if not value.isprintable():  # no key of ours; PostgreSQL would refuse the query
            return None
        rows = await self._store.read(statements.find_order(name), key=value)
        return order_from_row(rows[0]) if rows else None

    async def completed_by(self, browser_hash: str, *, since: datetime) -> tuple[Order, ...]:
        """Return the last orders that this browser has completed at Stripe since then, the newest first."""
        rows = await self._store.read(statements.completed_by(), browser_hash=browser_hash, since=since)
        return tuple(map(order_from_row, rows))

    async def find_paid_by(self, email: str, environment: Environment, *, limit: int) -> tuple[Order, ...]:
        """Return the last orders whose mail goes to an e-mail address, in any spelling of its case.

        An address that was corrected finds nothing any more: it may be a stranger's.

        Args:
            email: the address.
            environment: where they were sold.
            limit: how many at most.
        """
        table = schema.orders
        wanted = email.strip().lower()
        is_stripes = (func.lower(table.c.email) == wanted) & (table.c.contact_email == '')
        same = is_stripes | (func.lower(table.c.contact_email) == wanted)
        has_paid = table.c.completed_at.is_not(None) & ~table.c.payment_failed
        query = select(table).where(same, has_paid)
        query = query.where(table.c.environment == environment.mode)
        if environment.account:
            query = query.where(table.c.account.in_(('', environment.account)))
        rows = await self._store.read(query.order_by(table.c.completed_at.desc()).limit(limit))
        return tuple(map(order_from_row, rows))

    async def find_paid_beside(self, order: Order, *, within: timedelta) -> tuple[PaidOrder, ...]:
        """Return the paid orders for the same offer by the same browser, e-mail or card, oldest first.

        Args:
            order: a completed order.
            within: how much earlier or later the others may have been completed.
        """
        if order.completed_at is None:
            return ()
        beside = statements.paid_beside(live=order.environment.mode == 'live')
        values = statements.similar_to(order, order.completed_at, within)
        return tuple(PaidOrder(**row._mapping) for row in await self._store.read(beside, **values))

    async def open_siblings(self, order: Order) -> tuple[Order, ...]:
        """Return the other orders of the same browser and offer whose sessions can still be paid."""
        if not order.browser_hash:
            return ()
        rows = await self._store.read(statements.open_siblings(), **statements.same_browser(order))
        return tuple(map(order_from_row, rows))

    async def move(
        self,
        order: Order,
        *,
        because: Cause,
        line: str,
        actor: str = '',
        handles: Delivery | None = None,
        ends: Effect | None = None,
        alert: AlertKind | None = None,
        wants: Iterable[NewEffect] = (),
        mail: NewMail | None = None,
        **changes: Any,
    ) -> Order | None:
        """Change an order if nobody else has since it was read, with one journal line.

        Args:
            order: the order as it was read; its version decides.
            because: who caused it.
            line: what happened, for people.
            actor: the person who acted, if one did.
            handles: the delivery that this answers, marked as handled in the same transaction.
            ends: the intent that this carries out, forgotten in the same transaction.
            alert: what the operator must be told that does not follow from the changes.
            wants: what is to be done elsewhere, written down in the same transaction.
            mail: what is mailed to the customer, written down in the same transaction.
            changes: fields of the order; ``facts`` replaces all facts.

        Returns:
            The moved order, or None when another move came first: read again.
        """
        now = self._clock()
        after = replace(order, version=order.version + 1, **changes)
        values = columns_of(changes) | {
            'order_id': order.id,
            'seen_version': order.version,
            'version': after.version,
            'state': after.state,
            'next_check': next_check(after, now),
            'delete_at': self.delete_at(after, now),
        }

        def work(connection: Connection) -> _Written | None:
            if connection.execute(statements.move_order(), values).rowcount == 0:
                return None
            self._journal.write(connection, after, because=because, line=line, actor=actor)
            written = self._write_consequences(connection, after, before=order, because=because)
            for effect in wants:
                written.effects += self._effects.write(connection, after.id, effect)
            written.has_mail = self._mails.write_after(connection, after, before=order)
            if mail:
                self._mails.write(connection, after, mail)
            if alert:
                self._mails.alert(connection, Alert(f'{order.id}.{alert}', alert, order.id, line))
            written.has_mail |= bool(mail or alert)
            if ends:
                self._effects.forget(connection, ends)
            if handles:
                mark_handled(connection, handles, now)
            return written

        written = await self._store.write(work)
        if written is None:
            return None
        self.moves[because] += 1
        self._report(written)
        for changed in (order, *written.released):
            self._on_change(changed)
        return after

    def _write_consequences(
        self, connection: Connection, after: Order, *, before: Order, because: Cause
    ) -> _Written:
        """Write down what follows from another state; returns what is new."""
        if before.state is after.state:
            return _Written()
        return _Written(
            unmatched=self._unmatched.write_refunded(connection, after, before=before),
            effects=self._effects.write_after(connection, after, before=before),
            released=self._release_duplicates(connection, after, before=before, because=because),
        )

    def _release_duplicates(
        self, connection: Connection, after: Order, *, before: Order, because: Cause
    ) -> list[Order]:
        """Unmark the orders that repeated a payment whose money is back: they are no second payments now."""
        if after.state not in MONEY_BACK_STATES or before.state in MONEY_BACK_STATES:
            return []
        table = schema.orders
        marked = select(table).where(table.c.duplicate_of == after.reference).order_by(table.c.id)
        released = [order_from_row(row) for row in connection.execute(marked.with_for_update())]
        for order in released:
            moved = replace(order, version=order.version + 1, duplicate_of='')
            changed = {'version': moved.version, 'duplicate_of': ''}
            connection.execute(update(table).where(table.c.id == order.id).values(changed))
            line = f'no second payment any more: {after.reference} is {after.state}'
            self._journal.write(connection, moved, because=because, line=line)
        return released

    def _report(self, written: _Written) -> None:
        self._unmatched.report(written.unmatched)
        self._effects.report(written.effects)
        if written.has_mail:  # the sender would otherwise look after every click
            self._mails.report_written()

    async def list_unbooked(self, environment: Environment, *, limit: int = 1000) -> tuple[Order, ...]:
        """Return the watched orders of an environment that open a calendar and have no active booking.

        Args:
            environment: where they were sold.
            limit: of those that were completed last.
        """
        table, booking = schema.orders, schema.bookings.c
        booked = select(booking.order_id).where(
            booking.order_id == table.c.id, booking.state == BookingState.ACTIVE
        )
        # Only orders that are compared with Stripe again have a next check: few, and an index has them.
        query = select(table).where(
            table.c.next_check.is_not(None),
            table.c.environment == environment.mode,
            table.c.completed_at.is_not(None),
            ~booked.exists(),
        )
        rows = await self._store.read(query.order_by(table.c.completed_at.desc()).limit(limit))
        return tuple(order for order in map(order_from_row, rows) if order.opens_calendar)

    async def oldest(self) -> datetime | None:
        """Return when the oldest order was made, None while there is none."""
        (row,) = await self._store.read(select(func.min(schema.orders.c.created_at)))
        time: datetime | None = row[0]
        return time

    async def claim(self, environment: Environment, *, limit: int) -> tuple[Order, ...]:
        """Claim the orders of an environment whose check has been due for the longest time."""
        table, now = schema.orders, self._clock()
        due = select(table).where(table.c.environment == environment.mode, table.c.next_check <= now)
        if environment.account:
            due = due.where(table.c.account.in_(('', environment.account)))
        due = due.order_by(table.c.next_check).limit(limit)

        def work(connection: Connection) -> tuple[Order, ...]:
            rows = claim(connection, due, table.c.next_check, until=now + LEASE)
            return tuple(map(order_from_row, rows))

        return await self._store.write(work)

    async def check_open_now(self) -> None:
        """Have every open order with a session checked in the next round.

        An open order is due again within half an hour, so the index finds them among all others.
        """
        columns, now = schema.orders.c, self._clock()
        soon = (columns.next_check > now) & (columns.next_check <= now + LONGEST_OPEN_PAUSE)
        is_open = columns.session_id.is_not(None) & columns.completed_at.is_(None)
        statement = update(schema.orders).where(soon, is_open).values(next_check=now)
        await self._store.write(lambda connection: connection.execute(statement))

    async def checked(self, orders: Iterable[Order]) -> None:
        """Set the next check of orders that turned out to be unchanged."""
        table, now = schema.orders, self._clock()
        unchanged = (table.c.id == bindparam('order_id')) & (table.c.version == bindparam('seen_version'))
        statement = update(table).where(unchanged).values(next_check=bindparam('next'))
        values = [
            {'order_id': order.id, 'seen_version': order.version, 'next': next_check(order, now)}
            for order in sorted(orders, key=lambda order: order.id)  # in one order, against deadlocks
        ]
        if values:
            await self._store.write(lambda connection: connection.execute(statement, values))

    async def completed_sessions(self, session_ids: Iterable[str]) -> frozenset[str]:
        """Return those of these sessions that an order is known to have been completed with."""
        table = schema.orders
        query = select(table.c.session_id).where(
            table.c.session_id.in_(list(session_ids)), table.c.completed_at.is_not(None)
        )
        return frozenset(row.session_id for row in await self._store.read(query))
