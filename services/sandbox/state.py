"""The sandbox's state: the objects of both services, the limits of their number, and the clock."""

import secrets
import string
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.requests import Request

from services.sandbox.calendly.calendar import Calendar
from services.sandbox.calendly.rate_limit import RateLimit, ReceivedCalls
from services.sandbox.config import SandboxConfig
from services.sandbox.faults.rules import Faults
from services.sandbox.mail.mailbox import Mailbox
from services.sandbox.types import Json
from services.sandbox.webhooks import Delivery, Webhooks

LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """Return a random id such as `cs_test_…`."""
    return prefix + ''.join(secrets.choice(LETTERS) for _ in range(length))


@dataclass(slots=True, eq=False)
class Session:
    """A checkout session; amounts in minor units, times in seconds since the epoch."""

    id: str
    created: int
    expires_at: int
    params: Json
    price: Json
    quantity: int
    status: str = 'open'
    payment_status: str = 'unpaid'
    discount: int = 0
    promotion: str | None = None
    tax: int = 0
    tax_inside: int = 0
    adds_tax: bool = False
    taxed: bool = False
    payer: Json | None = None
    intent: str | None = None
    invoice: str | None = None
    customer: str | None = None
    pending_payment: object = None
    settles_at: float | None = None
    objects: list[tuple[str, str]] = field(default_factory=list)

    @property
    def currency(self) -> str:
        """The ISO currency in lower case."""
        return str(self.price['currency'])

    @property
    def subtotal(self) -> int:
        """The amount before discounts and tax."""
        return int(self.price['unit_amount']) * self.quantity

    @property
    def total(self) -> int:
        """The amount that the customer pays; `tax_inside` is the part of the tax that prices include."""
        return self.subtotal - self.discount + self.tax - self.tax_inside


@dataclass(slots=True)
class TaxSettings:
    """The account's tax settings: the default of `automatic_tax`, the rate, and what prices include.

    `behavior` is `exclusive`, `inclusive`, or `mixed` for a tax of which half is inside the price.
    """

    percent: int
    by_default: bool = False
    behavior: str = 'exclusive'


@dataclass(slots=True)
class DashboardSettings:
    """What the owner of the account has or has not filled in on Stripe's dashboard."""

    terms_url: bool = True
    tax_office: bool = True
    charges_enabled: bool = True


@dataclass(slots=True, eq=False)
class Event:
    """A Stripe event; `data` is the object at that time as JSON text."""

    id: str
    created: int
    type: str
    data: str
    deliveries: list[Delivery] = field(default_factory=list)


@dataclass(slots=True)
class IdempotencyRecord:
    """The response stored under an idempotency key; no `body` while the first request is running."""

    fingerprint: str
    expires_at: float
    status: int = 0
    body: bytes | None = None
    request_id: str = ''


class SandboxState:
    """All state of one sandbox, for use in one event loop."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.clear()

    def clear(self) -> None:
        """Delete everything."""
        config = self.config
        self.clock_offset = timedelta()
        self.faults = Faults()
        self.webhooks = Webhooks(config, self.faults)
        self.calendar = Calendar(config, self.now, minutes=config.event_minutes, location=config.location)
        self.calendly_limit = RateLimit(config.calendly_plan)
        self.calendly_calls = ReceivedCalls()
        self.mailbox = Mailbox(config.max_mails)
        self.requests: deque[Json] = deque(maxlen=config.max_requests)
        self.key_revoked = False
        self.missing_permissions: set[str] = set(config.missing_permissions)
        self.stripe_payload = config.stripe_payload
        self.tax = TaxSettings(percent=config.tax_percent)
        self.dashboard = DashboardSettings()
        self.prices: dict[str, Json] = {}
        self.products: dict[str, Json] = {}
        self.sessions: dict[str, Session] = {}
        self.deadlines: list[tuple[float, str]] = []
        self.closed_sessions: deque[str] = deque()
        self.pending_bank_payments: set[str] = set()
        self.changing_refunds: list[tuple[float, str]] = []
        self.tables: dict[str, dict[str, Json]] = {
            kind: {}
            for kind in (
                'payment_intent',
                'charge',
                'refund',
                'dispute',
                'review',
                'radar.early_fraud_warning',
                'invoice',
                'webhook_endpoint',
                'v2.core.event_destination',
            )
        }
        self.webhook_secrets: dict[str, str] = {}
        self.session_of_intent: dict[str, str] = {}
        self.intents_without_session: dict[str, Session] = {}  # what their objects are made from
        self.events: dict[str, Event] = {}
        self.idempotency: dict[str, IdempotencyRecord] = {}

    def now(self) -> datetime:
        """Return the time of the sandbox's clock, in UTC."""
        return datetime.now(UTC) + self.clock_offset

    def timestamp(self) -> int:
        """Return the time of the sandbox's clock in whole seconds since the epoch."""
        return int(self.now().timestamp())

    def add(self, session: Session, item: Json) -> Json:
        """Store an object of a session's payment."""
        self.tables[item['object']][item['id']] = item
        session.objects.append((item['object'], item['id']))
        return item

    def close_session(self, session: Session) -> None:
        """Record that a session is closed, and delete the oldest closed sessions above the limit."""
        self.closed_sessions.append(session.id)
        while len(self.closed_sessions) > self.config.max_closed:
            self.delete_session(self.closed_sessions.popleft())

    def delete_session(self, session_id: str) -> None:
        """Delete a session and all objects of its payment."""
        session = self.sessions.pop(session_id, None)
        self.pending_bank_payments.discard(session_id)
        if session is None:
            return
        for kind, key in session.objects:
            self.tables[kind].pop(key, None)
            self.session_of_intent.pop(key, None)

    def get_session_of_intent(self, intent: str) -> Session:
        """Return the session of a payment intent, or what stands for it where there is none."""
        return self.intents_without_session.get(intent) or self.sessions[self.session_of_intent[intent]]

    async def close(self) -> None:
        """Stop all webhook deliveries."""
        await self.webhooks.close()


def state_of(request: Request) -> SandboxState:
    """Return the state of the sandbox that serves a request."""
    state: SandboxState = request.app.state.sandbox
    return state
