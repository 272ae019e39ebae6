"""What a sandbox is told when it is made: addresses, keys, the price, the calendar and the clock."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class SandboxConfig:
    """Everything a sandbox needs to know; the defaults make a complete one.

    `base` is the public address under which the app is reached, without a slash at the end. Amounts are whole
    minor units,
    delays are seconds. Without a target address no webhook is sent. `clock` drives every moment in
    the sandbox, `stamp` (seconds since the epoch) only the time inside webhook signatures.
    """

    base: str = 'http://127.0.0.1:4242'
    clock: Callable[[], datetime] = utc_now
    stamp: Callable[[], float] = time.time

    secret_key: str = 'sk_test_sandboxNoMoneyMoves00000001'
    restricted_key: str = 'rk_test_sandboxNoMoneyMoves00000002'
    missing_rights: tuple[str, ...] = ()
    publishable_key: str = 'pk_test_sandboxNoMoneyMoves00000003'
    account: str = 'acct_1SandboxPaidslot'
    business: str = 'Sandbox Coaching'
    api_version: str = '2026-10-28.endive'

    price: str = 'price_1SandboxSession'
    amount: int = 15000
    currency: str = 'usd'
    product: str = 'C&P Coaching Session'
    promotion_codes: Mapping[str, int] = field(default_factory=lambda: {'FREE100': 100, 'HALF50': 50})
    tax_percent: int = 10
    bank_settles_after: float | None = None

    stripe_webhook: str | None = None
    stripe_webhook_secret: str = 'whsec_sandboxNoMoneyMoves4'
    stripe_events: tuple[str, ...] = (
        'checkout.session.completed', 'checkout.session.async_payment_succeeded',
        'checkout.session.async_payment_failed', 'checkout.session.expired',
        'charge.refunded', 'refund.created', 'refund.updated', 'refund.failed',
        'charge.dispute.created', 'charge.dispute.closed',
    )  # fmt: skip

    calendly_token: str = 'sandbox-personal-access-token'
    calendly_webhook: str | None = None
    calendly_signing_key: str = 'sandbox-calendly-signing-key'
    calendly_paid_plan: bool = True
    host: str = 'Sam Sandbox'
    host_slug: str = 'sam-sandbox'
    host_email: str = 'sam@sandbox.test'
    host_timezone: str = 'America/New_York'
    event_name: str = 'Coaching Session'
    event_slug: str = 'coaching'
    event_minutes: int = 60
    location: str = 'google_conference'

    retry_delays: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
    webhook_timeout: float = 10.0
    redirect_wait: float = 10.0
    sweep_every: float = 1.0
    keep_settled: int = 5_000
    keep_open: int = 100_000
    keep_requests: int = 5_000

    @property
    def stripe_api(self) -> str:
        """The address a Stripe client is pointed at."""
        return f'{self.base}/stripe'

    @property
    def calendly_api(self) -> str:
        """The address a Calendly client is pointed at."""
        return f'{self.base}/calendly'

    @property
    def calendly_link(self) -> str:
        """The public address of the event type."""
        return f'{self.calendly_api}/{self.host_slug}/{self.event_slug}'
