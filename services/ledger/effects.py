"""Outside effects: each is a row before it is carried out, and its result is written beside it."""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, case, delete, select, update

from services.database import schema
from services.database.store import Store
from services.ledger.journal import Journal
from services.ledger.leases import claim
from services.ledger.mails import Mails
from services.ledger.mapping import order_from_row
from services.ledger.records import Alert, Effect, EffectKind, EffectState, NewEffect
from services.orders import LINK_ENDS, MONEY_BACK_STATES, AlertKind, BookingState, Cause, Order

LEASE = timedelta(minutes=2)  # a process that dies while it carries out an effect holds it this long
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(hours=1)
GIVEN_UP = timedelta(days=3)  # after it was written down
LINK_FORGOTTEN = {'calendar_url': None, 'calendar_url_at': None, 'calendar_share': None}


class Effects:
    """All outside effects of one database; ``wanted`` is set when this process has written one down."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        clock: Callable[[], datetime],
        *,
        mails: Mails,
        on_change: Callable[[Order], None],
    ) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock
        self._mails = mails
        self._on_change = on_change
        self.wanted = asyncio.Event()

    async def begin_link(self, order: Order) -> Effect:
        """Write down that a calendar link is being made for an order, before it is requested.

        The row is forgotten by the move that keeps the link. One that stays is looked at after its lease, and
        so is one that was begun twice: nobody knows what became of the first request.
        """
        table, now = schema.effects, self._clock()
        values = self._values(EffectKind.MAKE_LINK, f'{order.id} {order.version}', order.id, {})
        put = self._store.insert(table).values(values | {'next_try': now + LEASE})
        still_wanted = table.c.state == EffectState.WANTED
        put = put.on_conflict_do_update(
            index_elements=[table.c.kind, table.c.target],
            set_={
                'state': EffectState.WANTED,
                'next_try': now + LEASE,
                'created_at': case((still_wanted, table.c.created_at), else_=put.excluded.created_at),
                'finished_at': None,
                'tries': table.c.tries + 1,
            },
        ).returning(*table.c)
        return await self._store.write(lambda connection: _from_row(connection.execute(put).one()))

    async def cancel_link(self, effect: Effect) -> None:
        """Forget that a link was being made: Calendly has refused it."""
        await self._store.write(lambda connection: self.forget(connection, effect))

    async def give_back(self, effect: Effect, share: str) -> None:
        """Forget that a link was being made, and have it deleted if it can be: it is not kept."""

        def work(connection: Connection) -> list[str]:
            self.forget(connection, effect)
            if not share:
                return []
            return self.write(connection, effect.order_id, NewEffect(EffectKind.DELETE_LINK, share))

        self.report(await self._store.write(work))

    async def claim(self) -> Effect | None:
        """Claim the effect that has been due for the longest time."""
        table, now = schema.effects, self._clock()
        due = select(table).where(table.c.next_try <= now).order_by(table.c.next_try, table.c.id).limit(1)

        def work(connection: Connection) -> Effect | None:
            again = {'tries': table.c.tries + 1}
            rows = claim(connection, due, table.c.next_try, until=now + LEASE, changes=again)
            return replace(_from_row(rows[0]), tries=rows[0].tries + 1) if rows else None

        if not await self._store.read(due.with_only_columns(table.c.id)):
            return None  # nearly always: no transaction is needed to see that
        return await self._store.write(work)

    async def put_off(self, effect: Effect, error: str) -> bool:
        """Keep why an effect failed, and when to try it again; False when it is given up.

        What a person wanted and was given up is in the journal, and the operator is told.
        """
        table, now = schema.effects, self._clock()
        if now - effect.created_at >= GIVEN_UP:
            line = f'{effect.kind}: given up: {error}' if effect.actor else ''
            await self.finish(effect, EffectState.GIVEN_UP, line=line, error=error, alerts=bool(line))
            return False
        values = {'last_error': error, 'next_try': now + _pause(effect.tries)}
        which = (table.c.id == effect.id, table.c.state == EffectState.WANTED)
        await self._store.write(
            lambda connection: connection.execute(update(table).where(*which).values(values))
        )
        return True

    async def of(self, order_id: str) -> tuple[Effect, ...]:
        """Return the effects of an order, whatever became of them, oldest first."""
        table = schema.effects
        rows = await self._store.read(select(table).where(table.c.order_id == order_id).order_by(table.c.id))
        return tuple(map(_from_row, rows))

    async def find(self, kind: EffectKind, target: str) -> Effect | None:
        """Return the effect of a kind on a target."""
        table = schema.effects
        rows = await self._store.read(select(table).where(table.c.kind == kind, table.c.target == target))
        return _from_row(rows[0]) if rows else None

    async def keep_details(self, effect: Effect, details: Mapping[str, Any]) -> None:
        """Replace the details of an effect that is being carried out."""
        table = schema.effects
        change = update(table).where(table.c.id == effect.id).values(details=_as_text(details))
        await self._store.write(lambda connection: connection.execute(change))

    async def retry(self, effect: Effect, *, actor: str) -> bool:
        """Have an effect that was refused or given up carried out after all; False when it is neither now.

        Args:
            effect: which one.
            actor: the person who wants it.
        """
        table, now = schema.effects, self._clock()
        failed = table.c.state.in_((EffectState.REFUSED, EffectState.GIVEN_UP))
        values = {'state': EffectState.WANTED, 'next_try': now, 'created_at': now}
        again = update(table).where(table.c.id == effect.id, failed).values(values | {'finished_at': None})

        def work(connection: Connection) -> Order | None:
            if connection.execute(again).rowcount == 0:
                return None
            line = f'{effect.kind}: tried again'
            return self._move(connection, effect, line=line, because=Cause.OPERATOR, actor=actor)

        order = await self._store.write(work)
        if order:
            self.wanted.set()
            self._on_change(order)
        return order is not None

    async def finish(
        self,
        effect: Effect,
        state: EffectState,
        *,
        line: str = '',
        error: str = '',
        details: Mapping[str, Any] | None = None,
        forgets_link: bool = False,
        cancels_meetings: str = '',
        alerts: bool = False,
    ) -> None:
        """Write the result of an effect, with a move of its order, in one transaction.

        Args:
            effect: which one.
            state: what became of it.
            line: what happened, for people; without one the order is not moved.
            error: why it was refused.
            details: those of the effect from now on, where they have changed.
            forgets_link: whether the order forgets its calendar link if that was the target.
            cancels_meetings: the reason, for customers, if the coming meetings are to be canceled now.
            alerts: whether the operator must be told.
        """
        wanted: list[str] = []

        def work(connection: Connection) -> Order | None:
            is_first = self.write_end(connection, effect, state, error=error, details=details)
            if not (line and is_first):
                return None
            because = Cause.OPERATOR if effect.actor else Cause.RECONCILER
            link = effect.target if forgets_link else ''
            after = self._move(connection, effect, line=line, because=because, actor=effect.actor, link=link)
            if cancels_meetings:
                why = {'actor': effect.actor, 'reason': cancels_meetings}
                wanted[:] = self._cancel_coming(connection, after, why)
            if alerts:
                key = f'effect.{effect.id}.{after.version}'
                self._mails.alert(connection, Alert(key, AlertKind.EFFECT, after.id, line))
            return after

        order = await self._store.write(work)
        self.report(wanted)
        if alerts:
            self._mails.report_written()
        if order:
            self._on_change(order)

    async def owned(self, shares: Iterable[str]) -> frozenset[str]:
        """Return those of these shares that are or were the link of an order."""
        wanted, orders, effects = list(shares), schema.orders.c, schema.effects.c
        kept = select(orders.calendar_share).where(orders.calendar_share.in_(wanted))
        deleted = select(effects.target).where(
            effects.kind == EffectKind.DELETE_LINK, effects.target.in_(wanted)
        )
        return frozenset(row[0] for row in await self._store.read(kept) + await self._store.read(deleted))

    def write_after(self, connection: Connection, order: Order, *, before: Order) -> list[str]:
        """Write down what a change of an order's state calls for, in the transaction of its move.

        When the money of an order is back, its coming meetings are to be canceled, and its link is to be
        deleted. When it turns out not to be back, what was not carried out is dropped.

        Args:
            connection: the transaction.
            order: the order as it is after the move.
            before: the order as it was.

        Returns:
            The targets of new effects.
        """
        if before.state in LINK_ENDS and order.state not in LINK_ENDS:
            self._drop(connection, order)
        written: list[str] = []
        is_back = order.state in MONEY_BACK_STATES and before.state not in MONEY_BACK_STATES
        if is_back and not order.keeps_meetings:
            written += self._cancel_coming(connection, order, {})
        if order.state in LINK_ENDS and before.state not in LINK_ENDS and order.calendar_share:
            written += self.write(
                connection, order.id, NewEffect(EffectKind.DELETE_LINK, order.calendar_share)
            )
        return written

    def write(self, connection: Connection, order_id: str, effect: NewEffect) -> list[str]:
        """Write an effect down in the transaction of what causes it; nothing if it is known already.

        Returns:
            The target, if the effect is new.
        """
        table = schema.effects
        values = self._values(effect.kind, effect.target, order_id, effect.details)
        put = self._store.insert(table).values(values)
        put = put.on_conflict_do_update(
            index_elements=[table.c.kind, table.c.target],
            set_={name: put.excluded[name] for name in values},
            where=table.c.state == EffectState.DROPPED,
        )
        return list(connection.scalars(put.returning(table.c.target)))

    def write_end(
        self,
        connection: Connection,
        effect: Effect,
        state: EffectState = EffectState.DONE,
        *,
        error: str = '',
        details: Mapping[str, Any] | None = None,
    ) -> bool:
        """Write what became of an effect, in the transaction of its other results.

        Returns:
            False when another process has written its end already.
        """
        table = schema.effects
        values = {'state': state, 'next_try': None, 'last_error': error, 'finished_at': self._clock()}
        values |= {} if details is None else {'details': _as_text(details)}
        still_open = table.c.state.in_((EffectState.WANTED, EffectState.DROPPED))
        end = update(table).where(table.c.id == effect.id, still_open).values(values)
        return connection.execute(end).rowcount > 0

    def forget(self, connection: Connection, effect: Effect) -> None:
        """Delete the intent of a link whose result is known, in a transaction, unless it was begun twice."""
        table = schema.effects
        connection.execute(delete(table).where(table.c.id == effect.id, table.c.tries == 0))

    def report(self, written: list[str]) -> None:
        """Say, after the transaction, that effects were written down."""
        if written:
            self.wanted.set()

    def _move(
        self,
        connection: Connection,
        effect: Effect,
        *,
        line: str,
        because: Cause,
        actor: str,
        link: str = '',
    ) -> Order:
        """Move the order of an effect, which forgets its calendar link if it is this one; returns it."""
        orders = schema.orders
        lock = select(orders).where(orders.c.id == effect.order_id).with_for_update()
        order = order_from_row(connection.execute(lock).one())
        is_its_link = bool(link) and order.calendar_share == link
        changes = {'version': order.version + 1} | (LINK_FORGOTTEN if is_its_link else {})
        connection.execute(update(orders).where(orders.c.id == order.id).values(changes))
        after = replace(order, version=order.version + 1)
        self._journal.write(connection, after, because=because, line=line, actor=actor)
        return after

    def _cancel_coming(self, connection: Connection, order: Order, details: Mapping[str, Any]) -> list[str]:
        """Write down that the coming meetings of an order are to be canceled; returns new targets."""
        bookings = schema.bookings.c
        active = (bookings.order_id == order.id, bookings.state == BookingState.ACTIVE)
        coming = select(bookings.invitee_id).where(*active, bookings.end > self._clock())
        written: list[str] = []
        for invitee_id in connection.scalars(coming).all():
            effect = NewEffect(EffectKind.CANCEL_MEETING, invitee_id, details)
            written += self.write(connection, order.id, effect)
        return written

    def _drop(self, connection: Connection, order: Order) -> None:
        """Drop what is still wanted and follows from the money alone.

        A deletion that was begun stays: the link may be gone already.
        """
        table = schema.effects
        begun = (table.c.kind == EffectKind.DELETE_LINK) & (table.c.tries > 0)
        which = (table.c.order_id == order.id, table.c.state == EffectState.WANTED)
        droppable = (table.c.kind != EffectKind.MAKE_LINK, table.c.details == '', ~begun)
        values = {'state': EffectState.DROPPED, 'next_try': None, 'finished_at': self._clock()}
        connection.execute(update(table).where(*which, *droppable).values(values))

    def _values(
        self, kind: EffectKind, target: str, order_id: str, details: Mapping[str, Any]
    ) -> dict[str, Any]:
        now = self._clock()
        values = {'kind': kind, 'order_id': order_id, 'target': target, 'state': EffectState.WANTED}
        values |= {'details': _as_text(details)}
        times = {'next_try': now, 'created_at': now, 'finished_at': None}
        return values | times | {'tries': 0, 'last_error': ''}


def _from_row(row: Row[Any]) -> Effect:
    return Effect(
        id=row.id,
        kind=EffectKind(row.kind),
        order_id=row.order_id,
        target=row.target,
        tries=row.tries,
        created_at=row.created_at,
        details=json.loads(row.details) if row.details else {},
        state=EffectState(row.state),
        error=row.last_error,
        finished_at=row.finished_at,
    )


def _as_text(details: Mapping[str, Any]) -> str:
    return json.dumps(dict(details), sort_keys=True) if details else ''


def _pause(tries: int) -> timedelta:
    return min(FIRST_PAUSE * (1 << min(tries - 1, 20)), LONGEST_PAUSE)
