"""Unmatched bookings: meetings that no order paid for, or not in this form; later pages list them."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, select, update

from services.database import schema
from services.database.store import Store
from services.ledger import statements
from services.ledger.admin_journal import AdminJournal
from services.ledger.deliveries import mark_handled
from services.ledger.mails import Mails
from services.ledger.mapping import booking_from_row
from services.ledger.records import Alert, Delivery, UnmatchedBooking, UnmatchedReason, UnmatchedState
from services.orders import MONEY_BACK_STATES, AlertKind, Booking, BookingState, Order
from services.orders.forgotten import ERASED, erased

log = logging.getLogger(__name__)

NOT_PAID_FOR = 'a meeting that no order paid for'
PAID_AT_CALENDLY = 'a meeting that Calendly itself took a payment for; the event type must be free'


class Unmatched:
    """All unmatched bookings of one database; one row for each meeting and reason."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        mails: Mails,
        admin_journal: AdminJournal,
        *,
        on_listed: Callable[[UnmatchedBooking], object],
    ) -> None:
        """Make it.

        Args:
            store: the database.
            clock: the present time in UTC.
            mails: where the operator is told of each row.
            admin_journal: where it is written that the operator has handled a row.
            on_listed: called for each row after the transaction that lists it.
        """
        self._store = store
        self._clock = clock
        self._mails = mails
        self._admin_journal = admin_journal
        self._on_listed = on_listed

    async def record_unmatched(
        self,
        booking: Booking,
        reason: UnmatchedReason,
        *,
        event_type: str,
        handles: Delivery | None,
        has_payment: bool = False,
    ) -> None:
        """List a booking that belongs to no order, or write down that it was canceled.

        Args:
            booking: the booking as it is now.
            reason: why it belongs to none.
            event_type: Calendly's name of its event type, '' where it is not known.
            handles: the delivery that tells of it, marked as handled in the same transaction.
            has_payment: whether Calendly took a payment for it.
        """
        reasons = [reason, UnmatchedReason.CALENDLY_PAYMENT] if has_payment else [reason]

        def work(connection: Connection) -> list[UnmatchedBooking]:
            listed = self.write(connection, booking, reasons, order=None, event_type=event_type)
            if handles:
                mark_handled(connection, handles, self._clock())
            return listed

        self.report(await self._store.write(work))

    async def list_open(self, *, limit: int = 100) -> tuple[UnmatchedBooking, ...]:
        """Return the rows that wait for the operator: coming meetings, the next first, then past ones."""
        table = schema.unmatched_bookings
        coming = table.c.end > self._clock()
        order = case((coming, 0), else_=1), case((coming, table.c.start)), table.c.start.desc()
        query = select(table).where(table.c.state == UnmatchedState.OPEN).order_by(*order).limit(limit)
        return tuple(_from_row(row._mapping) for row in await self._store.read(query))

    async def mark_handled(self, invitee_id: str, reason: UnmatchedReason, *, note: str, actor: str) -> bool:
        """Write down that the operator has handled a row, and how; False where there is no such row."""
        table = schema.unmatched_bookings
        which = (table.c.invitee_id == invitee_id, table.c.reason == reason)
        handled = update(table).where(*which).values(state=UnmatchedState.HANDLED, note=note)

        def work(connection: Connection) -> bool:
            found = connection.execute(handled).rowcount > 0
            if found:
                line = f'unmatched booking {invitee_id.rpartition("/")[2]} ({reason}) handled: {note}'
                self._admin_journal.write(connection, line, actor=actor)
            return found

        return await self._store.write(work)

    def write(
        self,
        connection: Connection,
        booking: Booking,
        reasons: Iterable[UnmatchedReason],
        *,
        order: Order | None,
        event_type: str = '',
    ) -> list[UnmatchedBooking]:
        """Write a booking's rows in the transaction of the move that causes them; returns what is new.

        A canceled booking gets closed rows: the delivery of the booking itself may still arrive.

        Args:
            connection: the transaction.
            booking: the booking as it is now.
            reasons: why it is not one that was paid for; none for a right one.
            order: the order that it is attached to, if any.
            event_type: Calendly's name of its event type, '' where it is not known.
        """
        if (order and order.forgotten_at) or self._is_erased(connection, booking):
            booking = erased(booking)
        canceled = booking.state is BookingState.CANCELED
        if canceled:
            self.close(connection, booking.invitee_id)
        rows = [
            UnmatchedBooking(
                invitee_id=booking.invitee_id,
                reason=reason,
                order_id=order.id if order else None,
                start=booking.start,
                end=booking.end,
                event_type=event_type,
                email=booking.email,
                name=booking.name,
                first_seen=self._clock(),
                state=UnmatchedState.CANCELED if canceled else UnmatchedState.OPEN,
            )
            for reason in reasons
        ]
        listed = [row for row in rows if self._put(connection, row) and not canceled]
        for row in listed:
            key = f'{row.invitee_id}.{row.reason}'
            text = f'{row.start:%Y-%m-%d %H:%M} UTC, {row.name} <{row.email}>: {row.reason}'
            self._mails.alert(connection, Alert(key, AlertKind.MEETING, row.order_id, text))
        return listed

    def write_refunded(
        self, connection: Connection, order: Order, *, before: Order
    ) -> list[UnmatchedBooking]:
        """List the coming meetings of an order whose money is back, in the transaction that writes it down.

        When the money turns out not to be back, the rows are closed.

        Args:
            connection: the transaction.
            order: the order as it is after the move.
            before: the order as it was.
        """
        table = schema.bookings
        if order.opens_calendar and not before.opens_calendar:  # a refund failed, or it was paid late
            not_paid = UnmatchedReason.REFUNDED, UnmatchedReason.NOT_PAID
            self._close(connection, UnmatchedState.RIGHT_AGAIN, *not_paid, order_id=order.id)
        is_back = order.state in MONEY_BACK_STATES and before.state not in MONEY_BACK_STATES
        if not is_back or order.keeps_meetings:
            return []
        coming = select(table).where(
            table.c.order_id == order.id, table.c.state == BookingState.ACTIVE, table.c.end > self._clock()
        )
        listed = []
        for row in connection.execute(coming).all():
            booking = booking_from_row(row)
            listed += self.write(connection, booking, [UnmatchedReason.REFUNDED], order=order)
        return listed

    def is_detached(self, connection: Connection, booking: Booking) -> bool:
        """Whether the operator has taken a booking, or the one that it replaces, away from its order."""
        table = schema.unmatched_bookings.c
        detached = select(table.invitee_id).where(
            table.invitee_id.in_((booking.invitee_id, booking.replaces)),
            table.reason == UnmatchedReason.DETACHED,
            table.state != UnmatchedState.RIGHT_AGAIN,
        )
        return connection.execute(detached.limit(1)).first() is not None

    def write_detached(self, connection: Connection, booking: Booking) -> None:
        """List a booking that is taken away from its order, and close what was listed of the two."""
        self._close(connection, UnmatchedState.RIGHT_AGAIN, *UnmatchedReason, invitee_id=booking.invitee_id)
        canceled = booking.state is BookingState.CANCELED
        row = UnmatchedBooking(
            invitee_id=booking.invitee_id,
            reason=UnmatchedReason.DETACHED,
            order_id=None,
            start=booking.start,
            end=booking.end,
            event_type='',
            email=booking.email,
            name=booking.name,
            first_seen=self._clock(),
            state=UnmatchedState.CANCELED if canceled else UnmatchedState.OPEN,
        )
        self._put(connection, row)

    async def find(self, invitee_id: str) -> UnmatchedBooking | None:
        """Return a row of a booking that belongs to no order; None where there is none."""
        table = schema.unmatched_bookings
        which = (table.c.invitee_id == invitee_id, table.c.order_id.is_(None))
        rows = await self._store.read(select(table).where(*which).order_by(table.c.first_seen).limit(1))
        return _from_row(rows[0]._mapping) if rows else None

    def close(self, connection: Connection, invitee_id: str) -> None:
        """Close the open rows of a meeting that was canceled."""
        self._close(connection, UnmatchedState.CANCELED, *UnmatchedReason, invitee_id=invitee_id)

    def close_unknown(self, connection: Connection, invitee_id: str) -> None:
        """Close the rows of a meeting whose order was not known when it was listed."""
        unknown = UnmatchedReason.NO_KEY, UnmatchedReason.UNKNOWN_KEY, UnmatchedReason.DETACHED
        self._close(connection, UnmatchedState.RIGHT_AGAIN, *unknown, invitee_id=invitee_id)

    def close_seconds(self, connection: Connection, order: Order) -> None:
        """Close the rows of second meetings of an order that has no more meetings than it paid for."""
        second = UnmatchedReason.SECOND_MEETING
        self._close(connection, UnmatchedState.RIGHT_AGAIN, second, order_id=order.id)

    def report(self, listed: Iterable[UnmatchedBooking]) -> None:
        """Log and count rows, after the transaction that lists them."""
        for row in listed:
            log.warning(
                '%s (%s): %s UTC, order %s, meeting %s',
                PAID_AT_CALENDLY if row.reason is UnmatchedReason.CALENDLY_PAYMENT else NOT_PAID_FOR,
                row.reason,
                f'{row.start:%Y-%m-%d %H:%M}',
                row.order_id or 'unknown',
                row.invitee_id.rpartition('/')[2],
            )
            self._on_listed(row)

    def _is_erased(self, connection: Connection, booking: Booking) -> bool:
        """Whether the person of a meeting that was listed earlier is forgotten."""
        table = schema.unmatched_bookings.c
        rows = select(table.email).where(table.invitee_id == booking.invitee_id, table.email == ERASED)
        return connection.execute(rows.limit(1)).first() is not None

    def _put(self, connection: Connection, row: UnmatchedBooking) -> bool:
        """Insert a row, or open one again that was right meanwhile; returns whether one of them was done."""
        table = schema.unmatched_bookings
        put = self._store.insert(table).values(asdict(row))
        put = put.on_conflict_do_update(
            index_elements=[table.c.invitee_id, table.c.reason],
            set_={'state': put.excluded.state},
            where=table.c.state == UnmatchedState.RIGHT_AGAIN,
        )
        return connection.execute(put.returning(table.c.invitee_id)).first() is not None

    def _close(
        self, connection: Connection, state: UnmatchedState, *reasons: UnmatchedReason, **whose: str
    ) -> None:
        """Close the open rows with these reasons of one order or one meeting."""
        ((column, key),) = whose.items()
        values = {'key': key, 'reasons': reasons, 'closed': state}
        connection.execute(statements.close_unmatched(column), values)


def _from_row(values: Any) -> UnmatchedBooking:
    row = UnmatchedBooking(**values)
    return replace(row, reason=UnmatchedReason(row.reason), state=UnmatchedState(row.state))
