"""Checks after a kill: the payments in the sandbox against the ledger, the journal and the order pages."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
from sqlalchemy import Engine, select, update

from services.database import schema
from services.database.engine import engine_for
from services.ledger import MailState
from services.ledger.mails import LEASE
from services.ledger.mapping import order_from_row
from services.orders import MailKind, Order, State
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient

CALENDAR_TIMEOUT = 15.0  # seconds until an order page shows its calendar
MAIL_TIMEOUT = 30.0
SURELY_DEAD = timedelta(seconds=3)  # a mail is sent in less: whoever claimed it this long ago was killed


@dataclass
class Findings:
    """What is wrong, one line for each problem; three empty lists mean that all is well."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    wrong_pages: list[str] = field(default_factory=list)

    def __add__(self, other: 'Findings') -> 'Findings':
        """Join two findings."""
        return Findings(
            self.lost + other.lost, self.duplicated + other.duplicated, self.wrong_pages + other.wrong_pages
        )


class LedgerReader:
    """Reads the ledger of a shop from outside its process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def orders(self) -> list[Order]:
        """Return all orders."""
        with self._engine.connect() as connection:
            return [order_from_row(row) for row in connection.execute(select(schema.orders))]

    def became_paid(self) -> Counter[str]:
        """Count, for each order id, the journal lines that say it became paid."""
        lines = select(schema.journal.c.order_id).where(schema.journal.c.line.like('%→ paid%'))
        with self._engine.connect() as connection:
            return Counter(connection.scalars(lines))

    def mailed_sessions(self) -> list[str]:
        """Return the session id of each order whose mail after the payment was sent."""
        orders, mails = schema.orders.c, schema.mails.c
        sent = select(orders.session_id).join(schema.mails, mails.order_id == orders.id)
        sent = sent.where(mails.kind == MailKind.PAID, mails.state == MailState.SENT)
        with self._engine.connect() as connection:
            return list(connection.scalars(sent))

    def expire_mail_leases(self) -> None:
        """Let the lease of each mail expire that a killed process holds; otherwise it lasts minutes."""
        mails, now = schema.mails, datetime.now(UTC)
        held = (mails.c.state == MailState.SENDING, mails.c.next_try < now + LEASE - SURELY_DEAD)
        with self._engine.begin() as connection:
            connection.execute(update(mails).where(*held).values(next_try=now))

    def paid_sessions(self) -> list[str]:
        """Return the session id of each paid order."""
        return [str(order.session_id) for order in self.orders() if order.state is State.PAID]


@contextmanager
def open_ledger(database_url: str) -> Iterator[LedgerReader]:
    """Open the ledger in a database."""
    engine = engine_for(database_url, connections=2)
    yield LedgerReader(engine)
    engine.dispose()


def check_payments(ledger: LedgerReader, sandbox: SandboxClient) -> Findings:
    """Check that every payment is in the ledger once, and that the ledger holds no other."""
    orders, became_paid = ledger.orders(), ledger.became_paid()
    paid = {each['id'] for each in sandbox.state()['sessions'] if each['payment_status'] == 'paid'}
    known = Counter(str(order.session_id) for order in orders if order.state is State.PAID)
    buyers = Counter(
        order.browser_hash for order in orders if order.session_id in paid and order.browser_hash
    )
    return Findings(
        lost=[f'{session} is not paid in the ledger' for session in sorted(paid - known.keys())],
        duplicated=[
            *(f'{session} is paid {count} times' for session, count in known.items() if count > 1),
            *(f'{session} was never paid' for session in known.keys() - paid),
            *(f'a browser paid {count} times' for count in buyers.values() if count > 1),
            *(
                f'order {order} became paid {count} times'
                for order, count in became_paid.items()
                if count > 1
            ),
        ],
    )


def check_mails(ledger: LedgerReader, sandbox: SandboxClient, *, may_repeat: int) -> Findings:
    """Check that every customer who paid got one mail.

    Args:
        ledger: of the shop, which is running.
        sandbox: has the mails.
        may_repeat: how often the shop may have died after the server had accepted a mail, before it was
            marked: this one case repeats it, with the same Message-ID.
    """
    wanted = set(ledger.paid_sessions())

    def all_are_sent() -> bool:
        ledger.expire_mail_leases()
        return wanted <= set(ledger.mailed_sessions())

    lost = []
    try:
        wait_until(all_are_sent, seconds=MAIL_TIMEOUT, why='every mail is sent')
    except TimeoutError:
        lost = [f'{session} has no mail' for session in sorted(wanted - set(ledger.mailed_sessions()))]
    ids = Counter(mail['headers']['Message-ID'].partition('@')[0] for mail in sandbox.mails())
    expected = {f'<{order.reference}.paid': 1 for order in ledger.orders() if order.state is State.PAID}
    repeats = sum(ids[name] - 1 for name in expected if ids[name] > 1)
    return Findings(
        lost=lost + [f'mail {name} never arrived' for name in expected if not ids[name] and not lost],
        duplicated=[f'{repeats} mails were repeated'] if repeats > may_repeat else [],
    )


def check_pages(orders: Iterable[Order], url: str) -> Findings:
    """Check the page of each order: a paid order shows its own calendar, any other order shows none."""
    wrong = []
    with httpx.Client(base_url=url, timeout=CALENDAR_TIMEOUT, trust_env=False, verify=False) as http:
        for order in orders:
            if problem := _check_page(order, http):
                wrong.append(f'order {order.reference} ({order.state}): {problem}')
    return Findings(wrong_pages=wrong)


def _check_page(order: Order, http: httpx.Client) -> str:
    def shows_calendar() -> bool:
        page = http.get(f'/order/{order.token}').raise_for_status().text
        return f'utm_content={order.booking_key}' in page

    if order.state is not State.PAID:
        return 'a calendar is shown' if shows_calendar() else ''
    try:
        wait_until(shows_calendar, seconds=CALENDAR_TIMEOUT, why='the calendar')
    except TimeoutError:
        return 'no calendar is shown'
    return ''
