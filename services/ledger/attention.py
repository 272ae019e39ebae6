"""Attention: what needs the operator's hand, read from the facts; he may snooze it or say that it is done."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from services.database import schema
from services.database.store import Store
from services.ledger import matters
from services.ledger.journal import Journal
from services.ledger.mapping import order_from_row
from services.ledger.matters import AttentionKind, Matter, hides
from services.orders import Cause, Environment


class Decision(enum.StrEnum):
    """What the operator has said about a matter."""

    SNOOZED = 'snoozed'
    DONE = 'done'


@dataclass(frozen=True)
class Matters:
    """The first matters of one kind, and how many there are in all."""

    kind: AttentionKind
    total: int
    first: tuple[Matter, ...]


@dataclass(frozen=True)
class SetAside:
    """A matter that the operator has set aside; times in UTC.

    Attributes:
        key: of the matter.
        kind: what is the matter.
        decision: snoozed or done.
        until: the end of a pause.
        note: what the operator wrote.
        actor: who it was.
        at: when.
        reference: of the order, '' where there is none.
    """

    key: str
    kind: AttentionKind
    decision: Decision
    until: datetime | None
    note: str
    actor: str
    at: datetime
    reference: str


class Attention:
    """What needs a hand in one database, and what was set aside."""

    def __init__(self, store: Store, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock

    async def read(
        self, environment: Environment, *, bookings_known: bool, limit: int
    ) -> tuple[Matters, ...]:
        """Read what needs a hand and is not set aside, one statement for each kind.

        Args:
            environment: where the orders were sold.
            bookings_known: whether the shop learns of bookings.
            limit: how many of a kind to return; all are counted.
        """
        found = []
        values = matters.parameters(environment, self._clock()) | {'limit': limit}
        queries = matters.queries(by_account=bool(environment.account), bookings_known=bookings_known)
        for kind, query in queries.items():
            rows = await self._store.read(query, **values)
            first = tuple(matters.from_row(kind, row) for row in rows)
            found.append(Matters(kind, rows[0].total if rows else 0, first))
        return tuple(found)

    async def hidden(self, keys: dict[str, str]) -> frozenset[str]:
        """Return those keys that are set aside now, each given with its present cause."""
        table = schema.attention.c
        query = select(table.key, table.cause).where(table.key.in_(list(keys)), hides())
        rows = await self._store.read(query, now=self._clock())
        return frozenset(row.key for row in rows if keys[row.key] == row.cause)

    async def decisions(self, *, limit: int) -> tuple[SetAside, ...]:
        """Return what is set aside, the last decision first; a snooze that has ended is left out."""
        table, orders = schema.attention, schema.orders.c
        query = select(table, orders.reference).outerjoin(schema.orders, table.c.order_id == orders.id)
        query = query.where(hides()).order_by(table.c.at.desc()).limit(limit)
        rows = await self._store.read(query, now=self._clock())
        return tuple(
            SetAside(
                key=row.key,
                kind=AttentionKind(row.key.partition('.')[0]),
                decision=Decision(row.state),
                until=row.until,
                note=row.note,
                actor=row.actor,
                at=row.at,
                reference=row.reference or '',
            )
            for row in rows
        )

    async def bring_back(self, key: str, *, actor: str) -> bool:
        """Forget that a matter is set aside; False if it is not.

        Args:
            key: of the matter.
            actor: who does it.
        """
        table = schema.attention
        forget = delete(table).where(table.c.key == key).returning(table.c.order_id)

        def work(connection: Connection) -> bool:
            gone = connection.execute(forget).first()
            order = (
                gone
                and connection.execute(
                    select(schema.orders).where(schema.orders.c.id == gone.order_id)
                ).first()
            )
            if order:
                line = f'“{key.partition(".")[0]}” is not set aside any more'
                self._journal.write(
                    connection, order_from_row(order), because=Cause.OPERATOR, line=line, actor=actor
                )
            return gone is not None

        return await self._store.write(work)

    async def decide(
        self, key: str, cause: str, decision: Decision, *, until: datetime | None, note: str, actor: str
    ) -> bool:
        """Write down that a matter is snoozed or done, with a line in the journal of its order.

        Args:
            key: of the matter.
            cause: the occurrence; with another one it comes back.
            decision: which of the two.
            until: the end of the pause in UTC; None for what is done.
            note: what the operator wrote.
            actor: who it is.

        Returns:
            Whether there is such a kind of matter.
        """
        kind, _, target = key.partition('.')
        if kind not in set(AttentionKind) or not target:
            return False
        table, now = schema.attention, self._clock()

        def work(connection: Connection) -> None:
            row = self._order_of(connection, AttentionKind(kind), target)
            values = {'key': key, 'cause': cause, 'order_id': row.id if row else None, 'state': decision}
            values |= {'until': until, 'note': note, 'actor': actor, 'at': now}
            put = self._store.insert(table).values(values)
            connection.execute(put.on_conflict_do_update(index_elements=[table.c.key], set_=values))
            if row:
                pause = f' until {until:%Y-%m-%d %H:%M} UTC' if until else ''
                line = f'“{kind}” is {decision}{pause}' + (f': {note}' if note else '')
                self._journal.write(
                    connection, order_from_row(row), because=Cause.OPERATOR, line=line, actor=actor
                )

        await self._store.write(work)
        return True

    def _order_of(self, connection: Connection, kind: AttentionKind, target: str) -> Row[Any] | None:
        """Return the row of the order that a matter is about."""
        orders = schema.orders
        found = connection.scalar(matters.order_id_of(kind, target)) if kind in matters.ELSEWHERE else target
        return connection.execute(select(orders).where(orders.c.id == found)).first() if found else None
