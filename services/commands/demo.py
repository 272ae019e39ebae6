"""``main.py demo``: run the shop on this machine, against a sandbox of Stripe and Calendly."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from starlette.types import ASGIApp

from services import logs, site
from services.commands import demo_data
from services.commands.free_port import free_port
from services.commands.temporary_folder import temporary_folder
from services.money import Money
from services.orders import Environment, Purchase
from services.settings import Settings, SettingsError, is_port, parse_settings
from services.shop import Shop, build

HOST, PORT = '127.0.0.1', '3000'
ADMIN_PASSWORD = 'paidslot-demo'  # noqa: S105  # printed, and only for this machine
HOSTS = ('127.0.0.1', 'localhost')  # against DNS rebinding: other sites cannot reach the demo


class Start(Protocol):
    """Runs the web server."""

    def __call__(self, shop: Shop, *, sandbox: ASGIApp, hosts: Sequence[str], greeting: str) -> None:
        """Serve the shop, and the sandbox under /sandbox, until the process is stopped."""


def run(environ: Mapping[str, str], *, start: Start, filled: bool = False) -> None:
    """Run the demo until the process is stopped.

    Args:
        environ: the process environment; HOST, PORT, SITE_FILE and ADMIN_PASSWORD are read from it.
        start: runs the web server.
        filled: whether the ledger begins with three months of made-up orders.
    """
    from services.sandbox import SandboxConfig, create_app  # only the demo loads it

    port = environ.get('PORT') or PORT
    if not is_port(port):
        raise SettingsError(['PORT is not a port number'])
    domain = f'http://{HOST}:{port}'
    config = SandboxConfig(
        base=f'{domain}/sandbox',
        stripe_webhook=f'{domain}/webhooks/stripe',
        calendly_webhook=f'{domain}/webhooks/calendly',
        bank_settles_after=60,
        smtp_port=free_port(HOST),
    )
    # The sandbox keeps its data in memory only, so the demo's orders are deleted at the end, too.
    with temporary_folder('demo') as folder:
        settings = parse_settings(
            config.settings()
            | config.mail_settings()
            | {
                'DOMAIN': domain,
                'HOST': environ.get('HOST') or HOST,
                'DATABASE_URL': f'sqlite:///{folder}/demo.db',
                'SITE_FILE': environ.get('SITE_FILE', ''),
                'ADMIN_PASSWORD': environ.get('ADMIN_PASSWORD') or ADMIN_PASSWORD,
            }
        )
        lines = [
            f'Open {domain} and click; card 4242 4242 4242 4242 pays, '
            f'and {domain}/sandbox/ makes things fail.',
            f'The operator signs in at {domain}/admin with the password {settings.admin_password}',
        ]
        logs.set_up(form=settings.log_format, level='warning')
        if filled:
            print('Writing three months of made-up orders…', flush=True)
            sold = _sold(settings, Money(config.amount, config.currency), config.account)
            count = demo_data.fill(settings.database_url, sold, now=datetime.now(UTC))
            lines.append(f'The ledger holds {count} made-up orders of three months.')
        start(
            build(replace(settings, mode='demo')),
            sandbox=create_app(config),
            hosts=HOSTS,
            greeting='\n'.join(lines),
        )


def _sold(settings: Settings, price: Money, account: str) -> demo_data.Sold:
    """Return what made-up orders have bought: the one offer, at the price of the sandbox."""
    offer = site.load(settings.site_file).offer
    purchase = Purchase(offer.slug, offer.name, offer.minutes, 1, settings.stripe_price_id, price)
    return demo_data.Sold(purchase, Environment('demo', account), settings.domain)
