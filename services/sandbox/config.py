"""The sandbox's configuration, and the settings of a shop that uses the sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class SandboxConfig:
    """The configuration of one sandbox; every value has a default.

    `base` is the public URL of the app, without a slash at the end. Amounts are in minor units, times in
    seconds. Without a webhook URL no webhook is sent, without an SMTP port no mail is taken.
    """

    base: str = 'http://127.0.0.1:4242'

    secret_key: str = 'sk_test_sandboxNoMoneyMoves00000001'
    restricted_key: str = 'rk_test_sandboxNoMoneyMoves00000002'
    missing_permissions: tuple[str, ...] = ()
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
    refund_changes_after: float = 60.0  # of the test cards whose refunds are pending, or fail later

    stripe_webhook: str | None = None
    stripe_webhook_secret: str = 'whsec_sandboxNoMoneyMoves4'
    stripe_events: tuple[str, ...] = (
        'checkout.session.completed', 'checkout.session.async_payment_succeeded',
        'checkout.session.async_payment_failed', 'checkout.session.expired',
        'charge.refunded', 'charge.refund.updated', 'refund.created', 'refund.updated', 'refund.failed',
        'charge.dispute.created', 'charge.dispute.updated', 'charge.dispute.closed',
        'charge.dispute.funds_withdrawn', 'charge.dispute.funds_reinstated',
        'radar.early_fraud_warning.created', 'radar.early_fraud_warning.updated',
        'review.opened', 'review.closed',
    )  # fmt: skip

    stripe_payload: str = 'snapshot'  # or 'thin', or 'both'

    calendly_token: str = 'sandbox-personal-access-token'
    calendly_webhook: str | None = None
    calendly_signing_key: str = 'sandbox-calendly-signing-key'
    calendly_plan: str = 'paid'  # or 'free', which has a tenth of the API calls a minute
    host: str = 'Sam Sandbox'
    host_slug: str = 'sam-sandbox'
    host_email: str = 'sam@sandbox.test'
    host_timezone: str = 'America/New_York'
    event_name: str = 'Coaching Session'
    event_slug: str = 'coaching'
    event_minutes: int = 60
    location: str = 'google_conference'

    smtp_host: str = '127.0.0.1'
    smtp_port: int | None = None
    mail_from: str = 'shop@coach.test'
    operator_email: str = 'operator@coach.test'
    max_mails: int = 5_000

    retry_delays: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
    webhook_timeout: float = 10.0
    redirect_timeout: float = 10.0
    clock_interval: float = 1.0
    max_closed: int = 5_000
    max_open: int = 100_000
    max_requests: int = 5_000

    @property
    def stripe_api(self) -> str:
        """The base URL for a Stripe client."""
        return f'{self.base}/stripe'

    @property
    def calendly_api(self) -> str:
        """The base URL for a Calendly client."""
        return f'{self.base}/calendly'

    @property
    def calendly_link(self) -> str:
        """The public URL of the event type."""
        return f'{self.calendly_api}/{self.host_slug}/{self.event_slug}'

    def mail_settings(self) -> dict[str, str]:
        """Return the environment variables of a shop that sends its mail here too; none without a port."""
        if self.smtp_port is None:
            return {}
        return {
            'SMTP_URL': f'smtp://{self.smtp_host}:{self.smtp_port}',
            'MAIL_FROM': self.mail_from,
            'OPERATOR_EMAIL': self.operator_email,
        }

    def settings(self) -> dict[str, str]:
        """Return the environment variables of a shop that uses this sandbox."""
        return {
            'STRIPE_SECRET_KEY': self.secret_key,
            'STRIPE_PUBLISHABLE_KEY': self.publishable_key,
            'STRIPE_PRICE_ID': self.price,
            'STRIPE_WEBHOOK_SECRET': self.stripe_webhook_secret,
            'STRIPE_API_BASE': self.stripe_api,
            'SLOW_METHODS': '1',  # so that the bank debit can be tried
            'CALENDLY_LINK': self.calendly_link,
            'CALENDLY_TOKEN': self.calendly_token,
            'CALENDLY_WEBHOOK_SIGNING_KEY': self.calendly_signing_key,
            'CALENDLY_API_BASE': self.calendly_api,
        }
