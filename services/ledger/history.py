"""History: everything that is kept about one order beside its facts, for the operator."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from services.database import schema
from services.database.store import Store
from services.ledger.records import (
    EffectKind,
    EffectState,
    MailState,
    Source,
    UnmatchedBooking,
    UnmatchedReason,
    UnmatchedState,
)
from services.orders import AlertKind, MailKind, Order, State

LOOKED_AT = 200
SUGGESTED = 20  # meetings and orders of the same customer that are shown


@dataclass(frozen=True)
class SentMail:
    """A mail of the order, and what became of it; times in UTC."""

    id: str
    kind: MailKind
    recipient: str
    state: MailState
    due_at: datetime
    finished_at: datetime | None
    tries: int
    error: str


@dataclass(frozen=True)
class ToldAlert:
    """What the operator was told about the order by mail, and when (UTC)."""

    kind: AlertKind
    text: str
    at: datetime


@dataclass(frozen=True)
class KnownEffect:
    """Something done elsewhere because of the order, and what became of it; times in UTC."""

    id: int
    kind: EffectKind
    target: str
    state: EffectState
    tries: int
    created_at: datetime
    next_try: datetime | None
    finished_at: datetime | None
    error: str


@dataclass(frozen=True)
class NamingDelivery:
    """A delivery that names the order and could not be processed yet."""

    source: Source
    event_id: str
    kind: str
    received_at: datetime
    tries: int
    error: str


@dataclass(frozen=True)
class RelatedOrder:
    """Another order of the same customer, when it was made (UTC), and why it is related, in words."""

    reference: str
    state: State
    created_at: datetime
    why: str


class History:
    """Reads what one database keeps about an order."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def mails(self, order: Order) -> tuple[SentMail, ...]:
        """Return the mails of an order, the oldest first."""
        table = schema.mails.c
        names = 'id', 'kind', 'recipient', 'state', 'due_at', 'finished_at', 'tries'
        columns = *(table[name] for name in names), table.last_error.label('error')
        query = select(*columns).where(table.order_id == order.id).order_by(table.created_at, table.id)
        kinds = {'kind': MailKind, 'state': MailState}
        return tuple(SentMail(**_values(row, kinds)) for row in await self._store.read(query))

    async def alerts(self, order: Order) -> tuple[ToldAlert, ...]:
        """Return what the operator was told about an order, the oldest first."""
        table = schema.alerts.c
        query = select(table.kind, table.text, table.created_at.label('at'))
        query = query.where(table.order_id == order.id).order_by(table.created_at, table.id)
        return tuple(ToldAlert(**_values(row, {'kind': AlertKind})) for row in await self._store.read(query))

    async def effects(self, order: Order) -> tuple[KnownEffect, ...]:
        """Return the outside effects of an order, the newest first."""
        table = schema.effects.c
        names = 'id', 'kind', 'target', 'state', 'tries', 'created_at', 'next_try', 'finished_at'
        columns = *(table[name] for name in names), table.last_error.label('error')
        query = select(*columns).where(table.order_id == order.id).order_by(table.id.desc())
        kinds = {'kind': EffectKind, 'state': EffectState}
        return tuple(KnownEffect(**_values(row, kinds)) for row in await self._store.read(query))

    async def unmatched(self, order: Order) -> tuple[UnmatchedBooking, ...]:
        """Return the meetings of an order that it did not pay for in this form, the earliest first."""
        table = schema.unmatched_bookings
        query = select(table).where(table.c.order_id == order.id).order_by(table.c.start, table.c.reason)
        return tuple(map(_unmatched, await self._store.read(query)))

    async def attachable(self, order: Order) -> tuple[UnmatchedBooking, ...]:
        """Return open unmatched meetings of no order that may be this customer's, the earliest first.

        The e-mail address or the name is the same, in any spelling of its case.
        """
        table = schema.unmatched_bookings
        emails = {email.lower() for email in (order.facts.email, order.contact_email) if email}
        same: ColumnElement[bool] = func.lower(table.c.email).in_(emails)
        if order.facts.name:
            same = or_(same, func.lower(table.c.name) == func.lower(order.facts.name))
        query = select(table).where(table.c.state == UnmatchedState.OPEN, table.c.order_id.is_(None), same)
        rows = await self._store.read(query.order_by(table.c.start, table.c.reason).limit(SUGGESTED))
        return tuple(map(_unmatched, rows))

    async def deliveries(self, order: Order) -> tuple[NamingDelivery, ...]:
        """Return the failed deliveries that name an order's session, payment or booking key."""
        table = schema.deliveries.c
        ids = [name for name in (order.session_id, order.facts.payment_id) if name]
        names = 'source', 'event_id', 'kind', 'received_at', 'tries', 'error'
        named = or_(table.payload.in_(ids), table.payload.contains(order.booking_key, autoescape=True))
        query = select(*(table[name] for name in names)).where(
            table.handled_at.is_(None), table.error != '', named
        )
        rows = await self._store.read(query.order_by(table.received_at).limit(SUGGESTED))
        return tuple(NamingDelivery(**_values(row, {'source': Source})) for row in rows)

    async def related(self, order: Order) -> tuple[RelatedOrder, ...]:
        """Return the other orders of the same e-mail address, and those of the same payment made twice."""
        table = schema.orders.c
        emails = {email.lower() for email in (order.facts.email, order.contact_email) if email}
        same = [table.duplicate_of == order.reference]
        if order.duplicate_of:
            same.append(table.reference == order.duplicate_of)
        if emails:
            same += [func.lower(table.email).in_(emails), func.lower(table.contact_email).in_(emails)]
        columns = table.reference, table.state, table.created_at, table.duplicate_of
        query = select(*columns).where(or_(*same), table.id != order.id)
        query = query.where(table.environment == order.environment.mode)
        rows = await self._store.read(query.limit(LOOKED_AT))  # sorted here: an index must find them
        newest = sorted(rows, key=lambda row: row.created_at, reverse=True)[:SUGGESTED]
        return tuple(
            RelatedOrder(row.reference, State(row.state), row.created_at, _why(row, order)) for row in newest
        )


def _why(row: Any, order: Order) -> str:
    if row.reference == order.duplicate_of:
        return 'this order seems to repeat its payment'
    return 'seems to repeat this payment' if row.duplicate_of == order.reference else 'same e-mail address'


def _values(row: Any, kinds: dict[str, Any]) -> dict[str, Any]:
    values = dict(row._mapping)
    return values | {name: kind(values[name]) for name, kind in kinds.items()}


def _unmatched(row: Any) -> UnmatchedBooking:
    kinds = {'reason': UnmatchedReason, 'state': UnmatchedState}
    return UnmatchedBooking(**_values(row, kinds))
