"""The settings as the program uses them, and the error that lists what is wrong with them."""

from dataclasses import dataclass, field
from pathlib import Path

from services.settings.mail import SmtpServer
from services.settings.place import HOME
from services.settings.urls import CALENDLY_HOST, host_names, is_public, origin_of, origins_of

STRIPE_HOST = 'checkout.stripe.com'
SEED_SITE = HOME / 'site.toml'
NO_TEST_CALENDAR = (
    'A test payment at a public address opens no calendar, because anybody could book real hours without '
    'paying. ALLOW_TEST_SALES=1 opens it while you test.'
)


class SettingsError(Exception):
    """The settings do not allow a start; ``problems`` are sentences that never hold a secret's value."""

    def __init__(self, problems: list[str], *, site_file: Path = SEED_SITE, live: bool = False) -> None:
        """Make the error.

        Args:
            problems: what is wrong, a sentence each.
            site_file: where the site's texts would be read from, so that their problems can be listed too.
            live: whether the Stripe key is a live one.
        """
        super().__init__('\n'.join(problems))
        self.problems = problems
        self.site_file = site_file
        self.live = live


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the operator set, a field for each row of the table and ``mode``; ``repr`` shows no secret."""

    mode: str
    """``test`` or ``live`` as the Stripe key says; ``demo`` when the demo command runs the shop."""
    stripe_secret_key: str = field(repr=False)
    stripe_publishable_key: str = field(repr=False)
    stripe_price_id: str
    stripe_webhook_secret: tuple[str, ...] = field(repr=False)
    calendly_link: str
    calendly_token: str = field(repr=False)
    calendly_webhook_signing_key: tuple[str, ...] = field(repr=False)
    domain: str
    smtp_url: SmtpServer | None
    mail_from: str
    operator_email: str
    admin_password: str = field(repr=False)
    host: str
    port: int
    database_url: str = field(repr=False)
    site_file: Path
    checkout_host: str
    stripe_js: bool
    allow_test_sales: bool
    promotion_codes: bool
    automatic_tax: bool
    slow_methods: bool
    terms_consent: bool
    invoices: bool
    reconcile_seconds: int
    trusted_proxies: str
    log_format: str
    log_level: str
    stripe_api_base: str
    calendly_api_base: str

    @property
    def https(self) -> bool:
        """Whether customers reach the shop by https."""
        return self.domain.startswith('https://')

    @property
    def selling(self) -> bool:
        """Whether a payment opens the calendar: not with test keys on a public domain, unless allowed."""
        return self.mode != 'test' or self.allow_test_sales or not is_public(self.domain)

    @property
    def payment_hosts(self) -> frozenset[str]:
        """Host names a customer may be sent to for paying."""
        return host_names(self.stripe_api_base) | ({STRIPE_HOST, self.checkout_host} - {''})

    @property
    def payment_origins(self) -> tuple[str, ...]:
        """The same hosts as origins; the sandbox's with its scheme and port."""
        own = {f'https://{host}' for host in (STRIPE_HOST, self.checkout_host) if host}
        return tuple(sorted(own | origins_of(self.stripe_api_base)))

    @property
    def payment_page(self) -> str:
        """The origin that customers pay at."""
        return origin_of(self.stripe_api_base) or f'https://{self.checkout_host or STRIPE_HOST}'

    @property
    def calendar_page(self) -> str:
        """The origin that customers pick a time at."""
        return origin_of(self.calendly_link)

    @property
    def loads_stripe_js(self) -> bool:
        """Whether the landing page loads Stripe's own script, which detects fraud."""
        return bool(self.stripe_publishable_key) and self.stripe_js and not self.stripe_api_base

    @property
    def calendar_hosts(self) -> frozenset[str]:
        """Host names, besides Calendly's own, that a calendar may have."""
        return host_names(self.calendly_link) | host_names(self.calendly_api_base)

    @property
    def frame_sources(self) -> tuple[str, ...]:
        """Origins that may be framed for the calendar."""
        own = origins_of(self.calendly_link) | origins_of(self.calendly_api_base)
        return tuple(sorted({f'https://{CALENDLY_HOST}'} | own))
