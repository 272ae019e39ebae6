"""The sandbox's whole memory: what both sandbox know, how old it may grow, and what time it is there."""

import secrets
import string
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.sandbox.calendly.calendar import Calendar
from services.sandbox.config import SandboxConfig
from services.sandbox.faults.rules import Faults
from services.sandbox.forms import Nested
from services.sandbox.problems import Json
from services.sandbox.webhooks import Delivery, Webhooks

LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """A random id in the vendors' manner."""
    return prefix + ''.join(secrets.choice(LETTERS) for _ in range(length))


@dataclass(slots=True, eq=False)
class Session:
    """One checkout session; amounts in minor units, moments in seconds since the epoch."""

    id: str
    created: int
    expires_at: int
    params: Nested
    price: Json
    quantity: int
    status: str = 'open'
    payment_status: str = 'unpaid'
    discount: int = 0
    promotion: str | None = None
    tax: int = 0
    taxed: bool = False
    payer: Json | None = None
    intent: str | None = None
    attempt: object = None
    settles_at: float | None = None
    belongings: list[tuple[str, str]] = field(default_factory=list)

    @property
    def currency(self) -> str:
        """The lower-case ISO currency."""
        return str(self.price['currency'])

    @property
    def subtotal(self) -> int:
        """Before discounts and tax."""
        return int(self.price['unit_amount']) * self.quantity

    @property
    def total(self) -> int:
        """What the customer pays."""
        return self.subtotal - self.discount + self.tax


@dataclass(slots=True, eq=False)
class Event:
    """One event: the object as it was, already written as JSON."""

    id: str
    created: int
    type: str
    data: str
    delivery: Delivery | None = None


@dataclass(slots=True)
class IdempotencyRecord:
    """What an idempotency key stands for; without `body` the first request is still under way."""

    fingerprint: str
    until: float
    status: int = 0
    body: bytes | None = None
    request: str = ''


class SandboxState:
    """All state of one sandbox, for one event loop."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.empty()

    def empty(self) -> None:
        """Forget everything."""
        config = self.config
        self.ahead = timedelta()
        self.faults = Faults()
        self.webhooks = Webhooks(config, self.faults)
        self.calendar = Calendar(config, self.now)
        self.requests: deque[Json] = deque(maxlen=config.keep_requests)
        self.revoked = False
        self.missing_rights: set[str] = set(config.missing_rights)
        self.stripe_webhook = config.stripe_webhook
        self.prices: dict[str, Json] = {}
        self.products: dict[str, Json] = {}
        self.sessions: dict[str, Session] = {}
        self.deadlines: list[tuple[float, str]] = []
        self.settled: deque[str] = deque()
        self.slow: set[str] = set()
        self.tables: dict[str, dict[str, Json]] = {
            kind: {} for kind in ('payment_intent', 'charge', 'refund', 'dispute')
        }
        self.session_of: dict[str, str] = {}
        self.events: dict[str, Event] = {}
        self.kept: dict[str, IdempotencyRecord] = {}

    def now(self) -> datetime:
        """The moment it is in the sandbox, aware, UTC."""
        return self.config.clock() + self.ahead

    def timestamp(self) -> int:
        """The moment it is in the sandbox, in whole seconds since the epoch."""
        return int(self.now().timestamp())

    def add(self, session: Session, thing: Json) -> Json:
        """Keep an object that belongs to a session's payment."""
        self.tables[thing['object']][thing['id']] = thing
        session.belongings.append((thing['object'], thing['id']))
        return thing

    def settle(self, session: Session) -> None:
        """Note that a session is closed, and forget the oldest closed ones beyond the limit."""
        self.settled.append(session.id)
        while len(self.settled) > self.config.keep_settled:
            self.forget(self.settled.popleft())

    def forget(self, session_id: str) -> None:
        """Drop a session and all that belongs to its payment."""
        session = self.sessions.pop(session_id, None)
        self.slow.discard(session_id)
        if session is None:
            return
        for kind, key in session.belongings:
            self.tables[kind].pop(key, None)
            self.session_of.pop(key, None)

    def session_by(self, intent: str) -> Session:
        """The session whose payment an intent is."""
        return self.sessions[self.session_of[intent]]

    async def close(self) -> None:
        """Stop everything under way."""
        await self.webhooks.close()
