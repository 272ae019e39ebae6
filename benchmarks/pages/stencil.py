"""One paid order as it was once, recorded at the sandbox, from which any number of others are printed."""

import hashlib
import hmac
import re
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from services.ledger.mapping import values_of
from services.orders import SESSION_LIFETIME, Environment, Order, next_check
from services.settings import parse_settings
from services.shop import build
from tests.processes import ROOT
from tests.sandbox_client import SandboxClient
from tests.sandbox_server import running

EXPAND = 'expand[0]=payment_intent.latest_charge'
DIGITS = 12
BLANK = '0' * DIGITS
NAMES = {
    'id': 'order-',
    'reference': 'R',
    'token': 'token-',
    'booking_key': 'key-',
    'browser_hash': 'browser-',
}
FACTS = ('payment_id', 'card_fingerprint', 'email')


@dataclass(frozen=True)
class Stencil:
    """What Stripe said of one paid order, and the order before and after; every id ends in a number.

    ``session`` is what the API answers for it, ``event`` the body of its delivery, ``environment`` names the
    settings of a shop that it belongs to.
    """

    session: bytes
    event: bytes
    opened: Order
    paid: Order
    environment: dict[str, str]

    def print(self, plate: bytes, number: int) -> bytes:
        """Write the session or the event of another order."""
        return plate.replace(BLANK.encode(), b'%0*d' % (DIGITS, number))

    def order(self, plate: Order, number: int, *, at: datetime) -> Order:
        """Make another order, begun at a moment in UTC and completed there too if the plate is."""
        mark = f'{number:0{DIGITS}}'
        named: dict[str, Any] = {
            name: getattr(plate, name).replace(BLANK, mark) for name in (*NAMES, 'session_id')
        }
        facts: dict[str, Any] = {name: getattr(plate.facts, name).replace(BLANK, mark) for name in FACTS}
        return replace(
            plate,
            **named,
            claim=None,
            created_at=at,
            session_expires_at=at + SESSION_LIFETIME,
            completed_at=at if plate.completed_at else None,
            facts=replace(plate.facts, **facts),
        )

    def delivery(self, number: int, *, now: float, copy: int = 0) -> bytes:
        """Write a signed request for the endpoint (docs.stripe.com/webhooks/signature).

        Args:
            number: of the order.
            now: seconds since 1970, for the signature.
            copy: another event about the same order for each copy; the same copy is the same event.
        """
        body = self.print(self.event, number).replace(b'"evt_', b'"evt_%d_' % copy, 1)
        secret = self.environment['STRIPE_WEBHOOK_SECRET'].encode()
        signature = hmac.new(secret, b'%d.%s' % (now, body), hashlib.sha256).hexdigest()
        return (
            b'POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Stripe/1.0\r\n'
            b'Accept: */*; q=0.5, application/xml\r\nContent-Type: application/json; charset=utf-8\r\n'
            b'Stripe-Signature: t=%d,v1=%s\r\nContent-Length: %d\r\n\r\n%s'
        ) % (now, signature.encode(), len(body), body)


def row_of(order: Order, now: datetime) -> dict[str, Any]:
    """Write an order as the ledger does when it is added."""
    return values_of(order) | {'due_at': next_check(order, now)}


async def record() -> Stencil:
    """Let one customer buy at the sandbox, and keep what is seen of it."""
    with tempfile.TemporaryDirectory() as folder, running() as config:
        sandbox = SandboxClient(config.base, config.settings())
        environment = sandbox.settings | {'SITE_FILE': str(ROOT / 'site.toml'), 'DOMAIN': 'http://127.0.0.1'}
        shop = build(parse_settings(environment | {'DATABASE_URL': f'sqlite:///{Path(folder)}/shop.db'}))
        await shop.open()
        try:
            begun = await shop.checkout.start(browser_id=NAMES['browser_hash'], because='button')
            opened = await shop.ledger.find(session_id=begun.id)
            sandbox.pay(begun.id, email='customer@example.test')
            paid = await shop.fulfilment.fulfil(begun.id, because='webhook')
            session, event = _what_stripe_says(sandbox.base, environment, begun.id)
        finally:
            await shop.close()
            sandbox.close()
    assert opened is not None
    assert paid is not None
    return _cut(Stencil(session, event, opened, paid, environment))


def _what_stripe_says(base: str, environment: dict[str, str], session_id: str) -> tuple[bytes, bytes]:
    headers = {'Authorization': f'Bearer {environment["STRIPE_SECRET_KEY"]}'}
    with httpx.Client(base_url=f'{base}/stripe/v1', headers=headers, trust_env=False) as http:
        session = http.get(f'/checkout/sessions/{session_id}?{EXPAND}').content
        events = http.get('/events?type=checkout.session.completed').json()['data']
        event = http.get(f'/events/{events[0]["id"]}').content
    return session, event


def _cut(seen: Stencil) -> Stencil:
    """Put a blank number into everything that tells one order from another."""
    told = _names_in(seen)

    def cut(text: str) -> str:
        for word, blank in told.items():
            text = text.replace(word, blank)
        return text

    def plate(order: Order) -> Order:
        named: dict[str, Any] = {name: cut(getattr(order, name)) for name in (*NAMES, 'session_id')}
        facts: dict[str, Any] = {name: cut(getattr(order.facts, name)) for name in FACTS}
        environment = Environment(order.environment.mode)
        return replace(order, **named, environment=environment, facts=replace(order.facts, **facts))

    session, event = (cut(text.decode()).encode() for text in (seen.session, seen.event))
    return replace(seen, session=session, event=event, opened=plate(seen.opened), paid=plate(seen.paid))


def _names_in(seen: Stencil) -> dict[str, str]:
    """Return the words that belong to this order alone, and what to put in their place."""
    facts = seen.paid.facts
    return {
        str(seen.opened.session_id): f'cs_test_{BLANK}',
        facts.payment_id: f'pi_{BLANK}',
        facts.card_fingerprint: f'card{BLANK}',
        facts.email: f'customer{BLANK}@example.test',
        re.findall(r'"(ch_\w+)"', seen.session.decode())[0]: f'ch_{BLANK}',
        re.findall(r'"(evt_\w+)"', seen.event.decode())[0]: f'evt_{BLANK}',
    } | {getattr(seen.opened, name): f'{prefix}{BLANK}' for name, prefix in NAMES.items()}


def utc_now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)
