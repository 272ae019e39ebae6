"""Checks after a kill: the payments in the sandbox against the ledger, the journal and the order pages."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import Engine, select, update

from services.database import schema
from services.database.engine import engine_for
from services.ledger import EffectKind, EffectState, MailState
from services.ledger.mails import LEASE
from services.ledger.mapping import order_from_row
from services.orders import BookingState, MailKind, Order, State
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient

EFFECTS_TIMEOUT = 30.0  # seconds until effects are carried out, leases of dead processes included
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

    def effects(self) -> list[dict[str, Any]]:
        """Return all outside effects."""
        with self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(select(schema.effects))]

    def booked(self) -> set[str]:
        """Return the ids of the orders with an active booking."""
        table = schema.bookings.c
        with self._engine.connect() as connection:
            return set(connection.scalars(select(table.order_id).where(table.state == BookingState.ACTIVE)))

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
    states = (State.PAID, State.REFUNDED)
    known = Counter(str(order.session_id) for order in orders if order.state in states)
    buyers = Counter(
        order.browser_hash
        for order in orders
        if order.session_id in paid and order.browser_hash and order.state is not State.REFUNDED
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


def check_effects(ledger: LedgerReader, sandbox: SandboxClient) -> Findings:
    """Check the links and meetings at Calendly: each order has its own, and a refunded one has none."""
    wait_until(lambda: not _waiting(ledger), seconds=EFFECTS_TIMEOUT, why='the effects are carried out')
    orders, state = ledger.orders(), sandbox.state()
    active = {share['uri'] for share in state['shares'] if share['status'] == 'active'}
    kept = Counter(order.calendar_share for order in orders if order.calendar_share)
    cut_off = [row for row in ledger.effects() if row['kind'] == EffectKind.MAKE_LINK]
    keys = {order.booking_key: order for order in orders}
    meetings = [
        (keys[invitee['tracking']['utm_content']], invitee['status']) for invitee in state['invitees']
    ]
    sent = Counter(request['path'] for request in sandbox.requests('/cancellation'))
    return Findings(
        lost=[
            *(f'a meeting of order {order.reference} takes place' for order, status in meetings
              if order.state is State.REFUNDED and status == 'active'),
            *(f'a meeting of order {order.reference} was canceled' for order, status in meetings
              if order.state is State.PAID and status == 'canceled'),
            *(f'the link of order {order.reference} is alive' for order in orders
              if order.state is State.REFUNDED and order.calendar_share in active),
        ],
        duplicated=[
            *(f'{share} is the link of {count} orders' for share, count in kept.items() if count > 1),
            *(f'{path} was requested {count} times' for path, count in sent.items() if count > 1),
            *['a link of no order is alive'] * (len(active - kept.keys()) > len(cut_off)),
        ],
    )  # fmt: skip


def check_refunds(ledger: LedgerReader, sandbox: SandboxClient) -> Findings:
    """Check that each refund that the operator wanted was made once, and that the ledger has the amounts."""
    wait_until(lambda: not _waiting(ledger), seconds=EFFECTS_TIMEOUT, why='the effects are carried out')
    wanted = {row['target'] for row in ledger.effects() if row['kind'] == EffectKind.REFUND}
    refunds = sandbox.state()['refunds']
    made = Counter(each['metadata']['paidslot_refund'] for each in refunds if each['metadata'])
    amounts = Counter[str]()
    for each in refunds:
        amounts[each['payment_intent']] += each['amount']
    return Findings(
        lost=[
            *(f'refund {wish} was not made' for wish in wanted - made.keys()),
            *(
                f'order {order.reference}: {order.facts.amount_refunded} refunded in the ledger'
                for order in ledger.orders()
                if order.facts.amount_refunded != amounts[order.facts.payment_id]
            ),
        ],
        duplicated=[
            *(f'refund {wish} was made {count} times' for wish, count in made.items() if count > 1),
            *(f'refund {wish} was made and is not in the ledger' for wish in made.keys() - wanted),
        ],
    )


def _waiting(ledger: LedgerReader) -> bool:
    return any(row['state'] == EffectState.WANTED for row in ledger.effects())


def check_pages(orders: Iterable[Order], url: str, *, booked: Container[str] = ()) -> Findings:
    """Check the page of each order: a paid order shows its own calendar, any other order shows none.

    Args:
        orders: which to check.
        url: where the shop listens.
        booked: the ids of orders with a meeting, which shows in place of the calendar.
    """
    wrong = []
    with httpx.Client(base_url=url, timeout=CALENDAR_TIMEOUT, trust_env=False, verify=False) as http:
        for order in orders:
            if problem := _check_page(order, http, is_booked=order.id in booked):
                wrong.append(f'order {order.reference} ({order.state}): {problem}')
    return Findings(wrong_pages=wrong)


def _check_page(order: Order, http: httpx.Client, *, is_booked: bool) -> str:
    def shows_calendar() -> bool:
        page = http.get(f'/order/{order.token}').raise_for_status().text
        return f'utm_content={order.booking_key}' in page

    if order.state is not State.PAID or is_booked:
        return 'a calendar is shown' if shows_calendar() else ''
    try:
        wait_until(shows_calendar, seconds=CALENDAR_TIMEOUT, why='the calendar')
    except TimeoutError:
        return 'no calendar is shown'
    return ''
