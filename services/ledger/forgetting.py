"""Forgetting: the personal data of a customer are erased; amounts, times and Stripe's ids stay."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Table, and_, func, or_, select, update

from services.database import schema
from services.database.store import Store
from services.ledger.journal import Journal
from services.ledger.mapping import booking_from_row, order_from_row
from services.ledger.records import MailState
from services.orders import Booking, Cause, Order
from services.orders.forgotten import ERASED, ERASED_BOOKING, PERSONAL_COLUMNS, PERSONAL_FACTS

FREE_TEXT = frozenset('line text note details last_error error cancel_reason'.split())
"""Columns of any table in which people or programs may have written a name or an address."""
TEXTS: tuple[tuple[Table, Column[Any]], ...] = tuple(
    (table, column)
    for table in schema.metadata.sorted_tables
    for column in table.c
    if column.name in FREE_TEXT
)
NOTE = re.compile(r'note: .*', re.DOTALL)  # what the operator has typed may say anything
ANY_EMAIL = re.compile(r'[^\s<>"(),;:]+@[^\s<>"(),;:]+')
LINE = 'the data of the customer were erased'
ORDER_LIMIT = 1000


@dataclass(frozen=True)
class Traces:
    """What is known of an e-mail address beside the orders that it paid: rows by what they are."""

    bookings: tuple[str, ...]
    unmatched: tuple[tuple[str, str], ...]
    mails: tuple[str, ...]
    deliveries: tuple[tuple[str, str], ...]
    texts: int

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.bookings) + len(self.unmatched) + len(self.mails) + len(self.deliveries) + self.texts


class Forgetting:
    """Erases personal data; what was erased once does not come back by what Stripe and Calendly say."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        clock: Callable[[], datetime],
        *,
        on_change: Callable[[Order], None],
    ) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock
        self._on_change = on_change

    async def orders_of(self, email: str) -> tuple[Order, ...]:
        """Return the orders of an e-mail address, Stripe's or a corrected one, in any environment."""
        table, wanted = schema.orders, email.strip().lower()
        same = or_(func.lower(table.c.email) == wanted, func.lower(table.c.contact_email) == wanted)
        rows = await self._store.read(
            select(table).where(same).order_by(table.c.created_at).limit(ORDER_LIMIT)
        )
        return tuple(map(order_from_row, rows))

    async def find_traces(self, email: str, *, kept: Iterable[str]) -> Traces:
        """Find an e-mail address outside the orders that it paid: who booked or was written to, and texts.

        Args:
            email: the address.
            kept: the ids of orders whose rows must stay as they are.
        """
        wanted, kept = email.strip().lower(), list(kept)
        found: dict[str, list[Any]] = {}
        for table, same in (
            (schema.bookings, func.lower(schema.bookings.c.email) == wanted),
            (
                schema.unmatched_bookings,
                and_(
                    func.lower(schema.unmatched_bookings.c.email) == wanted,
                    schema.unmatched_bookings.c.end <= self._clock(),
                ),
            ),
            (schema.mails, func.lower(schema.mails.c.recipient) == wanted),
            (
                schema.deliveries,
                func.lower(schema.deliveries.c.payload).contains(wanted, autoescape=True),
            ),
        ):
            query = select(*table.primary_key).where(same, *_not_of(table, kept))
            found[table.name] = [tuple(row) for row in await self._store.read(query)]
        texts = 0
        for table, column in TEXTS:
            texts += len(await self._store.read(_containing(table, column, wanted, kept)))
        return Traces(
            bookings=tuple(key for (key,) in found['bookings']),
            unmatched=tuple(found['unmatched_bookings']),
            mails=tuple(key for (key,) in found['mails']),
            deliveries=tuple(found['deliveries']),
            texts=texts,
        )

    async def erase_order(self, order: Order, *, actor: str) -> Order | None:
        """Erase the person of an order and of everything that belongs to it, in one transaction.

        Args:
            order: as it was read; its version decides.
            actor: the person who wants it.

        Returns:
            The order as it is now, or None when a move came first: read again.
        """
        now, table = self._clock(), schema.orders
        changes: dict[str, Any] = dict.fromkeys((*PERSONAL_FACTS, *PERSONAL_COLUMNS), '')
        changes |= dict.fromkeys(('contact_email_at', 'claim', 'session_url'))
        changes |= dict.fromkeys(('calendar_url', 'calendar_url_at', 'calendar_share'))
        changes |= {'forgotten_at': now, 'version': order.version + 1}
        same = (table.c.id == order.id, table.c.version == order.version)

        def work(connection: Connection) -> Order | None:
            if connection.execute(update(table).where(*same).values(changes)).rowcount == 0:
                return None
            of_order = schema.bookings.c.order_id == order.id
            rows = connection.execute(select(schema.bookings).where(of_order)).all()
            pattern = _pattern(_words_of(order, map(booking_from_row, rows)))
            for text_table, column in TEXTS:
                if 'order_id' in text_table.c:
                    where = text_table.c.order_id == order.id
                    _rewrite(connection, text_table, column, where, pattern, notes=True)
            connection.execute(update(schema.bookings).where(of_order).values(**ERASED_BOOKING))
            unmatched = update(schema.unmatched_bookings).values(email=ERASED, name=ERASED)
            connection.execute(unmatched.where(schema.unmatched_bookings.c.order_id == order.id))
            _erase_mails(connection, schema.mails.c.order_id == order.id, now)
            after = order_from_row(connection.execute(select(table).where(table.c.id == order.id)).one())
            self._journal.write(connection, after, because=Cause.OPERATOR, line=LINE, actor=actor)
            return after

        after = await self._store.write(work)
        if after:
            self._on_change(after)
        return after

    async def erase_traces(self, email: str, traces: Traces, *, kept: Iterable[str]) -> None:
        """Erase an e-mail address where it was found beside the orders that it paid.

        Args:
            email: the address.
            traces: what `find_traces` has found.
            kept: the ids of orders whose rows must stay as they are.
        """
        wanted, kept, now = email.strip().lower(), list(kept), self._clock()
        bookings, unmatched, deliveries = schema.bookings, schema.unmatched_bookings, schema.deliveries

        def work(connection: Connection) -> None:
            names = [
                select(each.c.name).where(func.lower(each.c.email) == wanted)
                for each in (bookings, unmatched)
            ]
            words = [name for query in names for name in connection.scalars(query) if name]
            pattern = _pattern([email.strip(), *words])
            for table, column in TEXTS:
                for row in connection.execute(_containing(table, column, wanted, kept)).all():
                    _rewrite(connection, table, column, _is_row(table, tuple(row)), pattern)
            for invitee_id in traces.bookings:
                which = bookings.c.invitee_id == invitee_id
                connection.execute(update(bookings).where(which).values(**ERASED_BOOKING))
            for key in traces.unmatched:
                gone = {'email': ERASED, 'name': ERASED, 'note': ''}
                connection.execute(update(unmatched).where(_is_row(unmatched, key)).values(gone))
            for key in traces.deliveries:  # it is not tried again: it could only bring the person back
                done = {'payload': '', 'handled_at': now, 'next_try': None}
                connection.execute(update(deliveries).where(_is_row(deliveries, key)).values(done))
            _erase_mails(connection, schema.mails.c.id.in_(traces.mails), now)

        await self._store.write(work)


def _containing(table: Table, column: Column[Any], wanted: str, kept: list[str]) -> Any:
    """Select the keys of rows whose text contains an address."""
    same = func.lower(column).contains(wanted, autoescape=True)
    return select(*table.primary_key).where(same, *_not_of(table, kept))


def _not_of(table: Table, kept: list[str]) -> list[Any]:
    """Return the condition for a row not to belong to one of these orders."""
    if 'order_id' not in table.c or not kept:
        return []
    return [or_(table.c.order_id.is_(None), table.c.order_id.not_in(kept))]


def _is_row(table: Table, key: tuple[Any, ...]) -> Any:
    return and_(*(column == value for column, value in zip(table.primary_key, key, strict=True)))


def _words_of(order: Order, bookings: Iterable[Booking]) -> list[str]:
    """Return what may stand in texts about the person of an order."""
    facts = order.facts
    words = [facts.email, facts.name, facts.phone, order.contact_email]
    for booking in bookings:
        words += [booking.email, booking.name, booking.phone, booking.cancel_reason]
    return [word for word in words if word and word != ERASED]


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Match these words as they are, and as they stand in JSON; long ones first."""
    written = {spelling for word in words for spelling in (word, json.dumps(word)[1:-1])}
    choices = '|'.join(re.escape(word) for word in sorted(written, key=len, reverse=True))
    return re.compile(rf'(?<!\w)(?:{choices})(?!\w)' if choices else r'(?!)', re.IGNORECASE)


def _rewrite(
    connection: Connection,
    table: Table,
    column: Column[Any],
    where: Any,
    pattern: re.Pattern[str],
    *,
    notes: bool = False,
) -> None:
    """Replace in a text what names the person; with ``notes`` also every address and the notes."""
    for row in connection.execute(select(*table.primary_key, column.label('written')).where(where)).all():
        text = pattern.sub(ERASED, row.written)
        if notes:
            text = NOTE.sub(f'note: {ERASED}', ANY_EMAIL.sub(ERASED, text))
            text = ERASED if column.name == 'note' and text else text
        if text != row.written:
            which = _is_row(table, tuple(row)[:-1])
            connection.execute(update(table).where(which).values({column.name: text}))


def _erase_mails(connection: Connection, which: Any, now: datetime) -> None:
    """Forget who got mails; what was not sent yet is not sent any more."""
    table = schema.mails
    waiting = table.c.state.in_((MailState.WANTED, MailState.SENDING))
    dropped = {'state': MailState.DROPPED, 'next_try': None, 'finished_at': now}
    connection.execute(update(table).where(which, waiting).values(dropped))
    connection.execute(update(table).where(which).values(recipient=''))
