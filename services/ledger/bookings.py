"""Bookings in the ledger: the meetings that belong to orders."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, or_, select, update

from services.database import schema
from services.database.store import Store
from services.ledger import statements
from services.ledger.deliveries import mark_handled, retry_now
from services.ledger.effects import Effects
from services.ledger.journal import Journal
from services.ledger.mapping import booking_from_row, order_from_row
from services.ledger.records import (
    Delivery,
    Effect,
    EffectKind,
    KnownBooking,
    NewEffect,
    Source,
    UnmatchedBooking,
    UnmatchedReason,
    UnmatchedState,
)
from services.ledger.unmatched import Unmatched
from services.orders import MONEY_BACK_STATES, Booking, BookingState, Cause, Order, State
from services.orders.forgotten import erased

ACTIVE, CANCELED = BookingState.ACTIVE, BookingState.CANCELED


@dataclass(frozen=True)
class _Change:
    """A booking as it is now, and what its row said before; ``state_before`` is None for a new one."""

    booking: Booking
    state_before: str | None
    missed_before: bool
    was_read: bool


@dataclass(frozen=True)
class _Written:
    """The order whose booking it is, and what was written beside the booking, to be reported."""

    owner: Order
    unmatched: list[UnmatchedBooking] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)


class Bookings:
    """All bookings of one database."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        clock: Callable[[], datetime],
        *,
        unmatched: Unmatched,
        effects: Effects,
        on_change: Callable[[Order], None],
    ) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock
        self._unmatched = unmatched
        self._effects = effects
        self._on_change = on_change

    async def of(self, order_id: str) -> tuple[Booking, ...]:
        """Return the bookings of an order, earliest meeting first."""
        table = schema.bookings
        query = select(table).where(table.c.order_id == order_id).order_by(table.c.start)
        return tuple(booking_from_row(row) for row in await self._store.read(query))

    async def find(self, invitee_id: str) -> Booking | None:
        """Return a booking by Calendly's name of its invitee."""
        table = schema.bookings
        rows = await self._store.read(select(table).where(table.c.invitee_id == invitee_id))
        return booking_from_row(rows[0]) if rows else None

    async def find_order_id(self, invitee_id: str) -> str | None:
        """Return the id of the order that a booking belongs to."""
        table = schema.bookings
        rows = await self._store.read(select(table.c.order_id).where(table.c.invitee_id == invitee_id))
        return str(rows[0].order_id) if rows else None

    async def known_since(self, start: datetime) -> tuple[KnownBooking, ...]:
        """Return all bookings that start at a time or later: those of orders, and the unmatched ones.

        Args:
            start: in UTC.
        """
        table, unmatched = schema.bookings.c, schema.unmatched_bookings.c
        columns = table.invitee_id, table.state, table.start, table.end, table.place, table.link_follows
        attached = select(*columns).where(table.start >= start)
        of_nobody = select(unmatched.invitee_id, unmatched.state, unmatched.start, unmatched.end).where(
            unmatched.start >= start,
            unmatched.order_id.is_(None),
            unmatched.state != UnmatchedState.RIGHT_AGAIN,
        )
        known = {
            row.invitee_id: KnownBooking(
                row.invitee_id, row.state != UnmatchedState.CANCELED, row.start, row.end
            )
            for row in await self._store.read(of_nobody)
        }
        for row in await self._store.read(attached):
            known[row.invitee_id] = KnownBooking(
                row.invitee_id, row.state == ACTIVE, row.start, row.end, row.place, row.link_follows
            )
        return tuple(known.values())

    async def ends_after(self, time: datetime, *, longest: timedelta = timedelta(days=1)) -> bool:
        """Whether a booking that was not canceled ends after a time.

        Args:
            time: in UTC.
            longest: how long a meeting may be.
        """
        table = schema.bookings.c
        query = select(table.invitee_id).where(
            table.start > time - longest, table.end > time, table.state == ACTIVE
        )
        return bool(await self._store.read(query.limit(1)))

    async def put(
        self,
        order: Order,
        booking: Booking,
        *,
        because: Cause,
        moved: bool = False,
        event_type: str = '',
        other_event_type: bool = False,
        has_payment: bool = False,
        was_read: bool = False,
        handles: Delivery | None = None,
        ends: Effect | None = None,
        attaches: bool = False,
        actor: str = '',
    ) -> None:
        """Write a booking down or update it; one that was canceled or replaced never becomes active again.

        When the last active booking of an order is canceled, its used calendar link is forgotten in the same
        transaction, so that another time can be picked (decision 45). A booking that the order did not pay
        for in this form is also listed as unmatched (decision 54). If the money of the order is back, its
        cancellation is written down (decision 73).

        A booking stays with its order, and one that the operator has detached stays detached, whatever its
        key says (decision 103).

        Args:
            order: whose booking it is.
            booking: the booking as it is now.
            because: who caused the change.
            moved: another meeting takes its place, so the link stays.
            event_type: Calendly's name of its event type, '' where it is not known.
            other_event_type: whether that is not the one that is sold.
            has_payment: whether Calendly took a payment for it.
            was_read: whether it was read at Calendly just now; a delivery may be older than what is known.
            handles: the delivery that this answers, marked as handled in the same transaction.
            ends: the cancellation that this is the result of, marked as done in the same transaction.
            attaches: whether the operator gives it to this order.
            actor: the person who acts, if one does.
        """
        wrong = [UnmatchedReason.OTHER_EVENT_TYPE] if other_event_type else []
        wrong += [UnmatchedReason.CALENDLY_PAYMENT] if has_payment else []

        def work(connection: Connection) -> _Written:
            owner, is_attached = self._lock_owner(connection, order, booking)
            if not is_attached and not attaches and self._unmatched.is_detached(connection, booking):
                self._unmatched.write(connection, booking, [UnmatchedReason.DETACHED], order=None)
                if handles:
                    mark_handled(connection, handles, self._clock())
                return _Written(owner)
            kept = erased(booking) if owner.forgotten_at else booking
            change = self._write(connection, owner, kept, was_read=was_read)
            if not is_attached and attaches:
                line = f'meeting of {_minute(booking)} attached'
                self._journal.write(connection, owner, because=because, line=line, actor=actor)
            self._write_lines(connection, owner, change, because, actor=actor)
            if booking.state == CANCELED != change.state_before and not moved:
                self._reopen_calendar(connection, owner, because)
            listed = self._write_unmatched(connection, owner, change, because, wrong, event_type=event_type)
            wanted = self._write_cancellation(connection, owner, change)
            if ends:
                self._effects.write_end(connection, ends)
            if handles:
                mark_handled(connection, handles, self._clock())
            if change.state_before is None:
                retry_now(connection, Source.CALENDLY, self._clock())  # one may name this meeting
            return _Written(owner, listed, wanted)

        written = await self._store.write(work)
        self._unmatched.report(written.unmatched)
        self._effects.report(written.effects)
        self._on_change(written.owner)

    async def detach(self, order: Order, invitee_id: str, *, actor: str) -> bool:
        """Take a booking away from its order, and list it as unmatched; False when it is not one of its.

        Args:
            order: whose booking it is.
            invitee_id: which booking.
            actor: the person who acts.
        """
        table = schema.bookings
        which = (table.c.invitee_id == invitee_id, table.c.order_id == order.id)

        def work(connection: Connection) -> bool:
            lock = select(schema.orders).where(schema.orders.c.id == order.id).with_for_update()
            current = order_from_row(connection.execute(lock).one())
            row = connection.execute(select(table).where(*which)).first()
            if row is None:
                return False
            booking = booking_from_row(row)
            connection.execute(delete(table).where(*which))
            count_active(connection, current.id)
            line = f'meeting of {_minute(booking)} detached: it does not belong to this order'
            self._journal.write(connection, current, because=Cause.OPERATOR, line=line, actor=actor)
            self._unmatched.write_detached(connection, booking)
            if self._count_active(connection, current) <= current.purchase.sessions:
                self._unmatched.close_seconds(connection, current)
            if booking.state == ACTIVE:
                self._reopen_calendar(connection, current, Cause.OPERATOR)
            return True

        was_attached = await self._store.write(work)
        if was_attached:
            self._on_change(order)
        return was_attached

    def _lock_owner(self, connection: Connection, order: Order, booking: Booking) -> tuple[Order, bool]:
        """Lock the order that a booking belongs to, or is to belong to; returns it, and whether it does.

        Otherwise two concurrent updates of one booking could both write a journal line.
        """
        table, orders = schema.bookings.c, schema.orders
        attached = connection.scalar(select(table.order_id).where(table.invitee_id == booking.invitee_id))
        lock = select(orders).where(orders.c.id == (attached or order.id)).with_for_update()
        return order_from_row(connection.execute(lock).one()), attached is not None

    def _write(self, connection: Connection, order: Order, booking: Booking, *, was_read: bool) -> _Change:
        """Write a booking's row, and cancel the one that it replaces; returns what changed."""
        table = schema.bookings
        known = select(table.c.state, table.c.no_show).where(table.c.invitee_id == booking.invitee_id)
        before = connection.execute(known).first()
        successor = select(table.c.invitee_id).where(table.c.replaces == booking.invitee_id)
        replaced = connection.scalar(successor.where(table.c.order_id == order.id))
        now = replace(booking, state=CANCELED) if replaced else booking
        values = asdict(now) | {'order_id': order.id, 'environment': order.environment.mode}
        if not was_read:
            values['no_show'] = False  # deliveries of bookings and cancellations do not tell of it
        put = statements.put_booking(self._store.insert, was_read=was_read)
        changed = set(connection.scalars(put, values))
        if booking.replaces:
            replaced_one = update(table).where(table.c.invitee_id == booking.replaces)
            canceled = replaced_one.values(state=CANCELED).returning(table.c.order_id)
            changed |= set(connection.scalars(canceled))
            self._unmatched.close(connection, booking.replaces)
        if booking.replaces or before is None or before.state != now.state:
            count_active(connection, *changed)
        return _Change(
            now,
            state_before=before.state if before else None,
            missed_before=bool(before and before.no_show),
            was_read=was_read,
        )

    def _write_lines(
        self, connection: Connection, order: Order, change: _Change, because: Cause, *, actor: str
    ) -> None:
        """Write a journal line for a new state of a booking, and one for a no-show."""
        booking, lines = change.booking, []
        if change.state_before not in (booking.state, CANCELED):
            lines.append(f'meeting of {_minute(booking)} {booking.state}')
        if change.was_read and booking.no_show != change.missed_before:
            words = 'the customer did not come' if booking.no_show else 'the customer came after all'
            lines.append(f'meeting of {_minute(booking)}: {words}')
        for line in lines:
            self._journal.write(connection, order, because=because, line=line, actor=actor)

    def _write_unmatched(
        self,
        connection: Connection,
        order: Order,
        change: _Change,
        because: Cause,
        wrong: list[UnmatchedReason],
        *,
        event_type: str,
    ) -> list[UnmatchedBooking]:
        """List an active booking that the order did not pay for, close the rows of others; returns new rows.

        Args:
            connection: the transaction.
            order: the order as it is now.
            change: the booking, and what changed about it.
            because: who caused the change.
            wrong: what is wrong with the booking, whatever its order paid.
            event_type: Calendly's name of its event type.
        """
        booking = change.booking
        self._unmatched.close_unknown(connection, booking.invitee_id)
        if CANCELED in (booking.state, change.state_before):
            self._unmatched.close(connection, booking.invitee_id)
            if self._count_active(connection, order) <= order.purchase.sessions:
                self._unmatched.close_seconds(connection, order)
            return []
        reasons = self._reasons(connection, order, booking) + wrong
        listed = self._unmatched.write(connection, booking, reasons, order=order, event_type=event_type)
        if any(row.reason is UnmatchedReason.CALENDLY_PAYMENT for row in listed):
            line = f'Calendly took a payment for the meeting of {_minute(booking)}'
            self._journal.write(connection, order, because=because, line=line)
        return listed

    def _write_cancellation(self, connection: Connection, order: Order, change: _Change) -> list[str]:
        """Write down that a coming meeting is to be canceled if the money is back; returns new effects."""
        booking = change.booking
        is_over = CANCELED in (booking.state, change.state_before) or booking.end <= self._clock()
        if is_over or order.keeps_meetings or order.state not in MONEY_BACK_STATES:
            return []
        effect = NewEffect(EffectKind.CANCEL_MEETING, booking.invitee_id)
        return self._effects.write(connection, order.id, effect)

    def _reasons(self, connection: Connection, order: Order, booking: Booking) -> list[UnmatchedReason]:
        """Say why an active booking is not what the order paid for; nothing for a right one."""
        reasons = []
        if order.state in MONEY_BACK_STATES:
            reasons += [] if order.keeps_meetings else [UnmatchedReason.REFUNDED]
        elif not order.opens_calendar and order.state is not State.UNDER_REVIEW:
            reasons.append(UnmatchedReason.NOT_PAID)
        if booking.end - booking.start != timedelta(minutes=order.purchase.minutes):
            reasons.append(UnmatchedReason.OTHER_LENGTH)
        if self._count_active(connection, order) > order.purchase.sessions:
            reasons.append(UnmatchedReason.SECOND_MEETING)
        return reasons

    def _count_active(self, connection: Connection, order: Order) -> int:
        table = schema.bookings.c
        active = select(func.count()).where(table.order_id == order.id, table.state == ACTIVE)
        return connection.scalar(active) or 0

    def _reopen_calendar(self, connection: Connection, order: Order, because: Cause) -> None:
        """Forget the used calendar link of an order, unless another of its bookings is active."""
        orders, bookings = schema.orders.c, schema.bookings.c
        active = select(bookings.invitee_id).where(bookings.order_id == order.id, bookings.state == ACTIVE)
        if connection.scalar(active.limit(1)):
            return
        used = or_(orders.calendar_url.is_not(None), orders.bookings_unknown)
        reopened = (
            update(schema.orders)
            .where(orders.id == order.id, used)
            .values(
                calendar_url=None,
                calendar_url_at=None,
                calendar_share=None,
                bookings_unknown=False,
                version=orders.version + 1,
            )
            .returning(orders.version)
        )
        version = connection.scalar(reopened)
        if version:
            after = replace(order, version=version)
            gone = order.state in MONEY_BACK_STATES
            line = 'the used calendar link is forgotten' if gone else 'another time may be picked'
            self._journal.write(connection, after, because=because, line=line)


def count_active(connection: Connection, *order_ids: str) -> None:
    """Count the active bookings of orders again, in the transaction that changes bookings."""
    for order_id in sorted(order_ids):
        lock = select(schema.orders.c.id).where(schema.orders.c.id == order_id).with_for_update()
        connection.execute(lock)  # first: what another transaction has committed meanwhile must be counted
        connection.execute(statements.count_active_bookings(), {'key': order_id})


def _minute(booking: Booking) -> str:
    """Return when a booking starts, in words for the journal."""
    return f'{booking.start:%Y-%m-%d %H:%M} UTC'
