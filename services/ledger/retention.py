"""Retention: unpaid orders that ended, handled deliveries and meetings of no order are deleted in time."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, delete, select, tuple_, update

from services.database import schema
from services.database.store import Store
from services.orders import RETENTION


class Retention:
    """Deletes old rows in small steps; each step is one short transaction."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def delete_orders(self, *, limit: int) -> int:
        """Delete orders whose time is over, with their journal; an order with a booking is kept for ever.

        Args:
            limit: how many orders to look at.

        Returns:
            How many were looked at.
        """
        orders, bookings = schema.orders, schema.bookings
        due = select(orders.c.id).where(orders.c.delete_at <= self._clock()).order_by(orders.c.delete_at)
        due = due.limit(limit).with_for_update(skip_locked=True)

        def work(connection: Connection) -> int:
            ids = set(connection.scalars(due))
            booked = set(connection.scalars(select(bookings.c.order_id).where(bookings.c.order_id.in_(ids))))
            if booked:
                connection.execute(update(orders).where(orders.c.id.in_(booked)).values(delete_at=None))
            if gone := ids - booked:
                for table in (schema.journal, schema.effects, schema.mails, schema.alerts, schema.attention):
                    connection.execute(delete(table).where(table.c.order_id.in_(gone)))
                connection.execute(delete(orders).where(orders.c.id.in_(gone)))
            return len(ids)

        return await self._store.write(work)

    async def delete_deliveries(self, *, limit: int) -> int:
        """Delete deliveries that were handled long ago; one that never succeeded is kept.

        Args:
            limit: how many to delete.

        Returns:
            How many were deleted.
        """
        table = schema.deliveries
        key = table.c.source, table.c.event_id
        old = select(*key).where(table.c.handled_at <= self._clock() - RETENTION).order_by(table.c.handled_at)
        return await self._store.write(lambda connection: _delete(connection, table, old, limit))

    async def delete_unmatched(self, *, limit: int) -> int:
        """Delete unmatched bookings of no order long after the meeting: they hold a name and an e-mail.

        Args:
            limit: how many to delete.

        Returns:
            How many were deleted.
        """
        table = schema.unmatched_bookings
        key = table.c.invitee_id, table.c.reason
        old = select(*key).where(table.c.order_id.is_(None), table.c.end <= self._clock() - RETENTION)
        old = old.order_by(table.c.end)
        return await self._store.write(lambda connection: _delete(connection, table, old, limit))

    async def delete_mails(self, *, limit: int) -> int:
        """Delete what was sent long ago and belongs to no order: mails to the operator, lists of links.

        Args:
            limit: how many to delete.

        Returns:
            How many were deleted.
        """
        mails, alerts, until = schema.mails, schema.alerts, self._clock() - RETENTION
        sent = select(mails.c.id).where(mails.c.order_id.is_(None), mails.c.finished_at <= until)
        told = select(alerts.c.id).where(alerts.c.order_id.is_(None), alerts.c.created_at <= until)

        def work(connection: Connection) -> int:
            found = _delete(connection, mails, sent.order_by(mails.c.finished_at), limit)
            return max(found, _delete(connection, alerts, told.order_by(alerts.c.created_at), limit))

        return await self._store.write(work)


def _delete(connection: Connection, table: Table, old: Select[Any], limit: int) -> int:
    """Delete the first rows of a query for primary keys; returns how many there were."""
    keys = [tuple(row) for row in connection.execute(old.limit(limit).with_for_update(skip_locked=True))]
    if keys:
        connection.execute(delete(table).where(tuple_(*table.primary_key).in_(keys)))
    return len(keys)
