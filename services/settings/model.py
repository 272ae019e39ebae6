"""The settings themselves, and where an operator finds each value."""

from dataclasses import dataclass, field
from pathlib import Path

from services.settings.urls import CALENDLY_HOST, is_public, names_of, origin_of, origins_of

STRIPE_HOST = 'checkout.stripe.com'
DEFAULT_PORT = 3000
SEED_SITE = Path(__file__).parents[2] / 'site.toml'

WHERE = {
    'STRIPE_SECRET_KEY': 'Stripe Dashboard > Developers > API keys: it starts with sk_ or rk_',
    'STRIPE_PUBLISHABLE_KEY': 'Stripe Dashboard > Developers > API keys: it starts with pk_',
    'STRIPE_JS': '1 or 0',
    'STRIPE_PRICE_ID': 'Stripe Dashboard > Product catalog > your product > the price: it starts with price_',
    'STRIPE_WEBHOOK_SECRET': 'Stripe Dashboard > Developers > Webhooks > endpoint: it starts with whsec_',
    'CALENDLY_LINK': 'Calendly > Event types > Copy link, such as https://calendly.com/you/session',
    'CALENDLY_TOKEN': 'Calendly > Integrations > API and webhooks > Personal access tokens',
    'CALENDLY_WEBHOOK_SIGNING_KEY': 'the signing_key you gave when you made the webhook subscription',
    'DOMAIN': 'the address customers type, such as https://coach.example',
    'HOST': 'the address to listen on, such as 0.0.0.0',
    'PORT': 'a number from 1 to 65535',
    'DATABASE_URL': 'such as sqlite:///data/paidslot.db, or your host of databases > Connect > URI',
    'SITE_FILE': 'the path of your site.toml',
    'CHECKOUT_HOST': 'the host name of your Stripe custom domain, such as pay.coach.example',
    'STRIPE_API_BASE': 'leave it out, unless you run a test double of Stripe',
    'CALENDLY_API_BASE': 'leave it out, unless you run a test double of Calendly',
    'ALLOW_TEST_SALES': '1 or 0',
    'PROMOTION_CODES': '1 or 0',
    'AUTOMATIC_TAX': '1 or 0',
    'RECONCILE_SECONDS': 'seconds from 1 to 3600; 60 suits most',
    'TRUSTED_PROXIES': 'the addresses of your reverse proxy, such as 127.0.0.1,10.0.0.0/8',
    'LOG_FORMAT': 'text or json',
    'LOG_LEVEL': 'debug, info, warning or error',
}
NAMES = tuple(WHERE)


class SettingsError(Exception):
    """The settings do not allow a start; ``problems`` are sentences that never hold a secret's value."""

    def __init__(self, problems: list[str], *, site_file: Path = SEED_SITE) -> None:
        """Make the error.

        Args:
            problems: what is wrong, a sentence each.
            site_file: where the texts would be, so that they can be judged in the same breath.
        """
        super().__init__('\n'.join(problems))
        self.problems = problems
        self.site_file = site_file


@dataclass(frozen=True)
class Settings:
    """What the operator decided; secrets stay out of ``repr``."""

    stripe_secret_key: str = field(repr=False)
    stripe_price_id: str
    calendly_link: str
    domain: str
    host: str
    port: int
    database_url: str = field(repr=False)
    site_file: Path
    mode: str = 'test'
    stripe_publishable_key: str = field(default='', repr=False)
    stripe_js: bool = True
    stripe_webhook_secret: str = field(default='', repr=False)
    calendly_token: str = field(default='', repr=False)
    calendly_webhook_signing_key: str = field(default='', repr=False)
    checkout_host: str = ''
    stripe_api_base: str = ''
    calendly_api_base: str = ''
    allow_test_sales: bool = False
    promotion_codes: bool = False
    automatic_tax: bool = False
    reconcile_seconds: int = 60
    trusted_proxies: str = '127.0.0.1'
    log_format: str = 'text'
    log_level: str = 'info'

    @property
    def https(self) -> bool:
        """Whether customers reach the shop by https."""
        return self.domain.startswith('https://')

    @property
    def selling(self) -> bool:
        """Whether a payment earns a slot: test money on a public address does not, unless allowed."""
        return self.mode != 'test' or self.allow_test_sales or not is_public(self.domain)

    @property
    def payment_hosts(self) -> frozenset[str]:
        """Host names a customer may be sent to for paying."""
        return names_of(self.stripe_api_base) | ({STRIPE_HOST, self.checkout_host} - {''})

    @property
    def payment_origins(self) -> tuple[str, ...]:
        """The same hosts as origins; a double's with its scheme and port."""
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
        """Whether the landing page loads Stripe's own script, which watches for fraud."""
        return bool(self.stripe_publishable_key) and self.stripe_js and not self.stripe_api_base

    @property
    def calendar_hosts(self) -> frozenset[str]:
        """Host names, besides Calendly's own, that a calendar may be at."""
        return names_of(self.calendly_link) | names_of(self.calendly_api_base)

    @property
    def frame_sources(self) -> tuple[str, ...]:
        """Origins that may be framed for the calendar."""
        own = origins_of(self.calendly_link) | origins_of(self.calendly_api_base)
        return tuple(sorted({f'https://{CALENDLY_HOST}'} | own))
