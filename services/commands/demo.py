"""``main.py demo``: run the shop on this machine, against a sandbox of Stripe and Calendly."""

import atexit
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from starlette.types import ASGIApp

from services import logs
from services.settings import SettingsError, is_port, parse_settings
from services.shop import Shop, build

HOST, PORT = '127.0.0.1', '3000'
HOSTS = ('127.0.0.1', 'localhost')  # against DNS rebinding: other sites cannot reach the demo


class Start(Protocol):
    """Runs the web server."""

    def __call__(self, shop: Shop, *, sandbox: ASGIApp, hosts: Sequence[str], greeting: str) -> None:
        """Serve the shop, and the sandbox under /sandbox, until the process is stopped."""


def run(environ: Mapping[str, str], *, start: Start) -> None:
    """Run the demo until the process is stopped.

    Args:
        environ: the process environment; HOST, PORT and SITE_FILE are read from it.
        start: runs the web server.
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
        smtp_port=_free_port(),
    )
    # The sandbox keeps its data in memory only, so the demo's orders are deleted at the end, too.
    folder = tempfile.mkdtemp(prefix='paidslot-demo-')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = parse_settings(
        config.settings()
        | config.mail_settings()
        | {
            'DOMAIN': domain,
            'HOST': environ.get('HOST') or HOST,
            'DATABASE_URL': f'sqlite:///{folder}/demo.db',
            'SITE_FILE': environ.get('SITE_FILE', ''),
            'ADMIN_PASSWORD': environ.get('ADMIN_PASSWORD', ''),
        }
    )
    line = f'Open {domain} and click; card 4242 4242 4242 4242 pays, and {domain}/sandbox/ makes things fail.'
    logs.set_up(form=settings.log_format, level='warning')
    start(
        build(replace(settings, mode='demo')),
        sandbox=create_app(config),
        hosts=HOSTS,
        greeting=line,
    )


def _free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
