"""One order and its payment, recorded at the sandbox, from which any number of others are made.

The ids of the recorded order are replaced by a blank number; another order is the same text with its own
number.
"""

import hashlib
import hmac
import re
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks.shared.servers import new_sandbox, running, sandbox_settings
from services.ledger.mapping import values_of
from services.orders import SESSION_LIFETIME, Cause, Environment, Order, next_check
from services.settings import parse_settings
from services.shop import build
from tests.processes import ROOT, Server
from tests.sandbox_client import SandboxClient

EXPAND = 'expand[0]=payment_intent.latest_charge'
DIGITS = 12
BLANK = '0' * DIGITS
PREFIXES = {
    'id': 'order-',
    'reference': 'R',
    'token': 'token-',
    'booking_key': 'key-',
    'browser_hash': 'browser-',
}
"""The columns of an order that are unique, and what each begins with."""
FACTS = ('payment_id', 'card_fingerprint', 'email')
"""The facts of an order that are unique."""


@dataclass(frozen=True)
class OrderTemplate:
    """A recorded order, every id of which ends in a blank number.

    Attributes:
        session: what Stripe's API answers for its checkout session.
        event: the body of its delivery.
        opened: the order before its payment.
        paid: the order after its payment.
        settings: of the shop that the order belongs to.
    """

    session: bytes
    event: bytes
    opened: Order
    paid: Order
    settings: dict[str, str]

    def numbered(self, text: bytes, number: int) -> bytes:
        """Write the session or the event of another order."""
        return text.replace(BLANK.encode(), b'%0*d' % (DIGITS, number))

    def numbered_order(self, order: Order, number: int, *, at: datetime) -> Order:
        """Make another order.

        Args:
            order: ``opened`` or ``paid``.
            number: of the new order.
            at: when it was created, and completed if it is paid; in UTC.
        """
        own = f'{number:0{DIGITS}}'
        columns: dict[str, Any] = {
            name: getattr(order, name).replace(BLANK, own) for name in (*PREFIXES, 'session_id')
        }
        facts: dict[str, Any] = {name: getattr(order.facts, name).replace(BLANK, own) for name in FACTS}
        return replace(
            order,
            **columns,
            claim=None,
            created_at=at,
            session_expires_at=at + SESSION_LIFETIME,
            completed_at=at if order.completed_at else None,
            facts=replace(order.facts, **facts),
        )

    def delivery(self, number: int, *, now: float) -> bytes:
        """Write a signed webhook request (docs.stripe.com/webhooks/signature).

        Args:
            number: of the order.
            now: seconds since 1970, for the signature.
        """
        return signed(self.numbered(self.event, number), self.settings['STRIPE_WEBHOOK_SECRET'], now=now)


def signed(body: bytes, secret: str, *, now: float) -> bytes:
    """Write the request with which Stripe delivers an event (docs.stripe.com/webhooks/signature)."""
    signature = hmac.new(secret.encode(), b'%d.%s' % (now, body), hashlib.sha256).hexdigest()
    return (
        b'POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Stripe/1.0\r\n'
        b'Accept: */*; q=0.5, application/xml\r\nContent-Type: application/json; charset=utf-8\r\n'
        b'Stripe-Signature: t=%d,v1=%s\r\nContent-Length: %d\r\n\r\n%s'
    ) % (now, signature.encode(), len(body), body)


def row_of(order: Order, now: datetime) -> dict[str, Any]:
    """Write an order as the row that the ledger inserts."""
    return values_of(order) | {'next_check': next_check(order, now)}


async def record() -> OrderTemplate:
    """Let one customer pay at the sandbox, and record the order and what Stripe says of it."""
    with tempfile.TemporaryDirectory() as folder:
        async with running(new_sandbox(Path(folder))) as server:
            return await _record(server, f'sqlite:///{folder}/shop.db')


async def _record(server: Server, database_url: str) -> OrderTemplate:
    sandbox = SandboxClient(server.url, sandbox_settings(server))
    settings = sandbox.settings | {'SITE_FILE': str(ROOT / 'site.toml'), 'DOMAIN': 'http://127.0.0.1'}
    shop = build(parse_settings(settings | {'DATABASE_URL': database_url}))
    await shop.open()
    try:
        started = await shop.checkout.start(browser_id=PREFIXES['browser_hash'], because=Cause.BUTTON)
        opened = await shop.ledger.orders.find(session_id=started.id)
        sandbox.pay(started.id, email='customer@example.test')
        paid = await shop.fulfilment.fulfil(started.id, because=Cause.WEBHOOK)
        session, event = _read_stripe(settings, started.id)
    finally:
        await shop.close()
        sandbox.close()
    assert opened is not None
    assert paid is not None
    return _with_blank_ids(OrderTemplate(session, event, opened, paid, settings))


def _read_stripe(settings: dict[str, str], session_id: str) -> tuple[bytes, bytes]:
    """Read the checkout session and the event of its completion."""
    headers = {'Authorization': f'Bearer {settings["STRIPE_SECRET_KEY"]}'}
    with httpx.Client(base_url=f'{settings["STRIPE_API_BASE"]}/v1', headers=headers, trust_env=False) as http:
        session = http.get(f'/checkout/sessions/{session_id}?{EXPAND}').content
        events = http.get('/events?type=checkout.session.completed').json()['data']
        event = http.get(f'/events/{events[0]["id"]}').content
    return session, event


def _with_blank_ids(recorded: OrderTemplate) -> OrderTemplate:
    """Put the blank number into everything that distinguishes one order from another."""
    blanks = _blanks(recorded)

    def blank(text: str) -> str:
        for word, replacement in blanks.items():
            text = text.replace(word, replacement)
        return text

    def blank_order(order: Order) -> Order:
        columns: dict[str, Any] = {name: blank(getattr(order, name)) for name in (*PREFIXES, 'session_id')}
        facts: dict[str, Any] = {name: blank(getattr(order.facts, name)) for name in FACTS}
        environment = Environment(order.environment.mode)
        return replace(order, **columns, environment=environment, facts=replace(order.facts, **facts))

    session, event = (blank(text.decode()).encode() for text in (recorded.session, recorded.event))
    opened, paid = blank_order(recorded.opened), blank_order(recorded.paid)
    return replace(recorded, session=session, event=event, opened=opened, paid=paid)


def _blanks(recorded: OrderTemplate) -> dict[str, str]:
    """Map every id of the recorded order to its blank form."""
    facts = recorded.paid.facts
    return {
        str(recorded.opened.session_id): f'cs_test_{BLANK}',
        facts.payment_id: f'pi_{BLANK}',
        facts.card_fingerprint: f'card{BLANK}',
        facts.email: f'customer{BLANK}@example.test',
        re.findall(r'"(ch_\w+)"', recorded.session.decode())[0]: f'ch_{BLANK}',
        re.findall(r'"(evt_\w+)"', recorded.event.decode())[0]: f'evt_{BLANK}',
    } | {getattr(recorded.opened, name): f'{prefix}{BLANK}' for name, prefix in PREFIXES.items()}


def utc_now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)
