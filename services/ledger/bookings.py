"""Bookings in the ledger: the meetings that belong to orders."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from services.database import schema
from services.database.store import Store
from services.ledger.deliveries import mark_handled, retry_now
from services.ledger.effects import Effects
from services.ledger.journal import Journal
from services.ledger.mapping import booking_from_row, order_from_row
from services.ledger.records import Delivery, Effect, EffectKind, Source, UnmatchedBooking, UnmatchedReason
from services.ledger.unmatched import Unmatched
from services.orders import MONEY_BACK_STATES, Booking, BookingState, Cause, Order, State

ACTIVE, CANCELED = BookingState.ACTIVE, BookingState.CANCELED


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

    async def put(
        self,
        order: Order,
        booking: Booking,
        *,
        because: Cause,
        moved: bool = False,
        event_type: str = '',
        other_event_type: bool = False,
        handles: Delivery | None = None,
        ends: Effect | None = None,
    ) -> None:
        """Write a booking down or update it; one that was canceled or replaced never becomes active again.

        When the last active booking of an order is canceled, its used calendar link is forgotten in the same
        transaction, so that another time can be picked (decision 45). A booking that the order did not pay
        for in this form is also listed as unmatched (decision 54). If the money of the order is back, its
        cancellation is written down (decision 73).

        Args:
            order: whose booking it is.
            booking: the booking as it is now.
            because: who caused the change.
            moved: another meeting takes its place, so the link stays.
            event_type: Calendly's name of its event type, '' where it is not known.
            other_event_type: whether that is not the one that is sold.
            handles: the delivery that this answers, marked as handled in the same transaction.
            ends: the cancellation that this is the result of, marked as done in the same transaction.
        """
        table, orders = schema.bookings, schema.orders
        wanted: list[str] = []

        def work(connection: Connection) -> list[UnmatchedBooking]:
            # Lock the order: two concurrent updates of one booking must not both write a journal line.
            lock = select(orders).where(orders.c.id == order.id).with_for_update()
            current = order_from_row(connection.execute(lock).one())
            before = connection.scalar(select(table.c.state).where(table.c.invitee_id == booking.invitee_id))
            successor = select(table.c.invitee_id).where(table.c.replaces == booking.invitee_id)
            replaced = connection.scalar(successor.where(table.c.order_id == order.id))
            now = replace(booking, state=CANCELED) if replaced else booking
            connection.execute(self._put(now, order))
            if booking.replaces:
                replaced_one = update(table).where(table.c.invitee_id == booking.replaces)
                connection.execute(replaced_one.values(state=CANCELED))
                self._unmatched.close(connection, booking.replaces)
            if before not in (now.state, CANCELED):
                line = f'meeting of {booking.start:%Y-%m-%d %H:%M} UTC {now.state}'
                self._journal.write(connection, order, because=because, line=line)
            if booking.state == CANCELED != before and not moved:
                self._reopen_calendar(connection, current, because)
            self._unmatched.close_unknown(connection, booking.invitee_id)
            listed: list[UnmatchedBooking] = []
            if now.state == CANCELED or before == CANCELED:
                self._unmatched.close(connection, booking.invitee_id)
                if self._count_active(connection, current) <= current.purchase.sessions:
                    self._unmatched.close_seconds(connection, current)
            else:
                reasons = self._reasons(connection, current, now)
                if other_event_type:
                    reasons.append(UnmatchedReason.OTHER_EVENT_TYPE)
                listed = self._unmatched.write(connection, now, reasons, order=current, event_type=event_type)
                if UnmatchedReason.REFUNDED in reasons and now.end > self._clock():
                    wanted[:] = self._effects.write(
                        connection, EffectKind.CANCEL_MEETING, now.invitee_id, order_id=current.id
                    )
            if ends:
                self._effects.write_end(connection, ends)
            if handles:
                mark_handled(connection, handles, self._clock())
            if before is None:
                retry_now(connection, Source.CALENDLY, self._clock())  # one may name this meeting
            return listed

        self._unmatched.report(await self._store.write(work))
        self._effects.report(wanted)
        self._on_change(order)

    def _reasons(self, connection: Connection, order: Order, booking: Booking) -> list[UnmatchedReason]:
        """Say why an active booking is not what the order paid for; nothing for a right one."""
        reasons = []
        if order.state in MONEY_BACK_STATES:
            reasons.append(UnmatchedReason.REFUNDED)
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

    def _put(self, booking: Booking, order: Order) -> Any:
        table = schema.bookings
        values = asdict(booking) | {'order_id': order.id}
        put = self._store.insert(table).values(values)
        changed = {name: put.excluded[name] for name in values if name != 'order_id'}
        return put.on_conflict_do_update(
            index_elements=[table.c.invitee_id], set_=changed, where=table.c.state != CANCELED
        )

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
