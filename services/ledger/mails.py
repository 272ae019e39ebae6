"""Mails: a row is written in the transaction of the move that causes it, then claimed, sent and marked.

The id of a mail to a customer is made of the order and the kind, so that there is at most one of each. What
needs the operator's hand is an alert, and one mail collects the alerts of ten minutes.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Connection, Row, event, func, select, update

from services.database import schema
from services.database.store import Store
from services.ledger import statements
from services.ledger.leases import claim
from services.ledger.records import Alert, Mail, MailRecord, MailRules, MailState, NewMail
from services.orders import AlertKind, MailKind, Order, alerts_after, mails_after

LEASE = timedelta(minutes=5)  # a process that dies while it sends a mail holds it this long
COLLECTED = timedelta(minutes=10)  # between two mails to the operator


class Mails:
    """All mails of one database; ``wanted`` is set when this process has written one down."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        rules: MailRules,
        *,
        on_mail: Callable[[str, str], object],
    ) -> None:
        """Make it.

        Args:
            store: the database.
            clock: the present time in UTC.
            rules: which mails are written down.
            on_mail: called with the kind of a mail and what became of it, as that is committed.
        """
        self._store = store
        self._clock = clock
        self._rules = rules
        self._on_mail = on_mail
        self.wanted = asyncio.Event()

    def write_after(self, connection: Connection, order: Order, *, before: Order) -> bool:
        """Write down the mails that a move calls for, in its transaction; returns whether there are any.

        Args:
            connection: the transaction.
            order: the order as it is after the move.
            before: the order as it was.
        """
        now, written = self._clock(), []
        if self._rules.customers and not order.forgotten_at:
            for kind, due_at in mails_after(before, order, now, reminder_after=self._rules.reminder_after):
                values = self._values(f'{order.id}.{kind}', kind, order_id=order.id, due_at=due_at)
                written.append(self._put(connection, values))
            if order.contact_email != before.contact_email:
                recipients = {MailKind.OLD_ADDRESS: before.email, MailKind.NEW_ADDRESS: order.email}
                for kind, email in recipients.items():
                    mail_id = f'{order.id}.{order.version}.{kind.partition(" ")[0]}'
                    if email:
                        values = self._values(mail_id, kind, order_id=order.id, recipient=email)
                        written.append(self._put(connection, values))
        for alert, key in alerts_after(before, order, now):
            written.append(self.alert(connection, Alert(f'{order.id}.{key}', alert, order.id, '')))
        return any(written)

    def write(self, connection: Connection, order: Order, mail: NewMail) -> None:
        """Write a mail to the customer of an order down, in the transaction of what causes it."""
        if self._rules.customers and not order.forgotten_at:
            self._put(connection, self._values(mail.id_for(order), mail.kind, order_id=order.id))

    def alert(self, connection: Connection, alert: Alert) -> bool:
        """Write an alert down in the transaction of its cause; False if it was written down earlier."""
        if not self._rules.operator:
            return False
        who = {'id': alert.key, 'kind': alert.kind, 'order_id': alert.order_id, 'text': alert.text}
        values = who | {'mail_id': '', 'created_at': self._clock()}
        if connection.execute(statements.put_alert(self._store.insert), values).first() is None:
            return False
        collected = {'alert': alert.key, 'collected_by': self._collection(connection)}
        connection.execute(statements.collect_alert(), collected)
        return True

    async def report(self, alert: Alert) -> None:
        """Write an alert down that no move causes."""
        if self._rules.operator:
            await self._store.write(lambda connection: self.alert(connection, alert))

    async def of(self, order_id: str) -> tuple[MailRecord, ...]:
        """Return the mails of an order, oldest first."""
        table = schema.mails.c
        columns = table.id, table.kind, table.recipient, table.state, table.due_at, table.finished_at
        query = select(*columns, table.last_error.label('error')).where(table.order_id == order_id)
        rows = await self._store.read(query.order_by(table.created_at, table.id))
        return tuple(
            MailRecord(**{**row._mapping, 'kind': MailKind(row.kind), 'state': MailState(row.state)})
            for row in rows
        )

    async def send_links(self, email: str) -> None:
        """Have the links of all orders of an e-mail address sent to it.

        The row is the same whether there are any: the orders are looked up when the mail is sent.

        Args:
            email: the address as somebody has typed it.
        """
        if self._rules.customers:
            values = self._values(f'links.{secrets.token_hex(8)}', MailKind.LINKS, recipient=email)
            await self._store.write(lambda connection: self._put(connection, values))
            self.wanted.set()

    async def claim(self) -> Mail | None:
        """Claim the mail that has been due for the longest time."""
        table, now = schema.mails, self._clock()
        due = select(table).where(table.c.next_try <= now).order_by(table.c.next_try, table.c.id).limit(1)

        def work(connection: Connection) -> Mail | None:
            again = {'tries': table.c.tries + 1, 'state': MailState.SENDING}
            rows = claim(connection, due, table.c.next_try, until=now + LEASE, changes=again)
            return replace(_from_row(rows[0]), tries=rows[0].tries + 1) if rows else None

        if not await self._store.read(due.with_only_columns(table.c.id)):
            return None  # nearly always: no transaction is needed to see that
        return await self._store.write(work)

    async def put_off(self, mail: Mail, until: datetime, *, error: str = '') -> None:
        """Write down when to try a claimed mail again, and why it could not be sent."""
        values = {'state': MailState.WANTED, 'next_try': until, 'last_error': error}
        await self._store.write(lambda connection: self._change(connection, mail, values))
        if error:
            self._on_mail(mail.kind, 'put off')

    async def finish(self, mail: Mail, state: MailState, *, recipient: str = '', error: str = '') -> None:
        """Write down what became of a claimed mail.

        A mail to a customer that was not sent for certain is an alert.

        Args:
            mail: which one.
            state: what became of it.
            recipient: the address that it went to.
            error: the server's answer.
        """
        values = {'state': state, 'next_try': None, 'last_error': error, 'finished_at': self._clock()}
        values |= {'recipient': recipient} if recipient else {}
        failed = state in (MailState.REFUSED, MailState.GIVEN_UP, MailState.UNKNOWN)

        def work(connection: Connection) -> None:
            if self._change(connection, mail, values):
                self._report(connection, mail.kind, state)
            if failed and mail.kind not in (MailKind.ALERTS, MailKind.LINKS):
                text = f'The mail "{mail.kind}" ({state}): {error}'
                self.alert(connection, Alert(f'mail.{mail.id}', AlertKind.MAIL, mail.order_id, text))

        await self._store.write(work)

    async def retry(self, order_id: str, mail_id: str) -> MailKind | None:
        """Have a mail of an order sent after all that was not sent for certain; None when it is no such mail.

        Args:
            order_id: the id of the order.
            mail_id: which mail.
        """
        table, now = schema.mails, self._clock()
        failed = table.c.state.in_((MailState.REFUSED, MailState.GIVEN_UP, MailState.UNKNOWN))
        values = {'state': MailState.WANTED, 'due_at': now, 'next_try': now, 'finished_at': None}
        which = (table.c.id == mail_id, table.c.order_id == order_id, failed)
        again = update(table).where(*which).values(values).returning(table.c.kind)
        kind = await self._store.write(lambda connection: connection.scalar(again))
        self.wanted.set()
        return MailKind(kind) if kind else None

    async def alerts_of(self, mail: Mail) -> tuple[Alert, ...]:
        """Return the alerts that a mail collects, oldest first, without meetings that are right again."""
        table, unmatched = schema.alerts.c, schema.unmatched_bookings.c
        rows = await self._store.read(
            select(schema.alerts).where(table.mail_id == mail.id).order_by(table.created_at, table.id)
        )
        alerts = [Alert(row.id, AlertKind(row.kind), row.order_id, row.text) for row in rows]
        meetings = [alert.key for alert in alerts if alert.kind is AlertKind.MEETING]
        if not meetings:
            return tuple(alerts)
        open_rows = select(unmatched.invitee_id, unmatched.reason).where(
            unmatched.state == 'open',
            unmatched.invitee_id.in_([key.rpartition('.')[0] for key in meetings]),
        )
        still_open = {f'{row.invitee_id}.{row.reason}' for row in await self._store.read(open_rows)}
        return tuple(
            alert for alert in alerts if alert.kind is not AlertKind.MEETING or alert.key in still_open
        )

    def report_written(self) -> None:
        """Say, after a transaction, that mails may have been written down."""
        self.wanted.set()

    def _collection(self, connection: Connection) -> str:
        """Return the id of the mail that collects alerts now; its row is locked until the transaction ends.

        A mail that is being sent, or was, collects nothing more.
        """
        if known := connection.scalar(statements.collecting_mail()):
            return str(known)
        table, now = schema.mails, self._clock()
        last = connection.scalar(select(func.max(table.c.finished_at)).where(table.c.kind == MailKind.ALERTS))
        for number in count(int(now.timestamp() // COLLECTED.total_seconds())):
            due_at = max(now, last or now) + COLLECTED
            values = self._values(f'alerts.{number}', MailKind.ALERTS, due_at=due_at)
            put = self._store.insert(table).values(values)
            put = put.on_conflict_do_update(
                index_elements=[table.c.id],
                set_={'kind': MailKind.ALERTS},
                where=table.c.state == MailState.WANTED,
            )
            if written := connection.execute(put.returning(table.c.id, table.c.created_at)).first():
                if written.created_at == values['created_at']:
                    self._report(connection, MailKind.ALERTS, 'queued')
                return str(written.id)
        raise AssertionError('numbers do not end')

    def _put(self, connection: Connection, mail: dict[str, Any]) -> bool:
        """Write a mail down, given as its values; False where it was written down earlier."""
        if not connection.execute(statements.put_mail(self._store.insert), mail).rowcount:
            return False
        self._report(connection, mail['kind'], 'queued')
        return True

    def _values(
        self,
        mail_id: str,
        kind: MailKind,
        *,
        order_id: str | None = None,
        recipient: str = '',
        due_at: datetime | None = None,
    ) -> dict[str, Any]:
        now = self._clock()
        due_at = due_at or now
        values = {'id': mail_id, 'kind': kind, 'order_id': order_id, 'recipient': recipient}
        times = {'created_at': now, 'due_at': due_at, 'next_try': due_at, 'finished_at': None}
        return values | times | {'state': MailState.WANTED, 'tries': 0, 'last_error': ''}

    def _report(self, connection: Connection, kind: MailKind, outcome: str) -> None:
        """Say what became of a mail when the transaction ends, unless it is rolled back."""
        event.listen(connection, 'commit', lambda _: self._on_mail(kind, outcome))

    def _change(self, connection: Connection, mail: Mail, values: dict[str, Any]) -> bool:
        """Change a claimed mail, unless its lease has expired and another process has claimed it."""
        table = schema.mails
        claimed = (table.c.id == mail.id, table.c.state == MailState.SENDING, table.c.tries == mail.tries)
        return bool(connection.execute(update(table).where(*claimed).values(values)).rowcount)


def _from_row(row: Row[Any]) -> Mail:
    return Mail(row.id, MailKind(row.kind), row.order_id, row.recipient, row.tries, row.due_at)
