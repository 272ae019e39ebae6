"""Paidslot: settings, shop, pages and endpoints, run; ``serve`` sells, ``demo`` shows."""

import argparse
import asyncio
import atexit
import gc
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response
from nicegui import app, ui
from starlette.middleware.trustedhost import TrustedHostMiddleware

import ui as pages
from services import logs, site
from services.database.backup import CopyRefused, backup, restore
from services.endpoints.errors import error_response
from services.errors import ShopError
from services.settings import Settings, SettingsError, load, parse_settings
from services.shop import Shop, build
from services.site import SiteProblem
from ui.components.theme import favicon
from ui.middleware.browser_id import BrowserIdMiddleware
from ui.middleware.load_shedding import LoadShedder, drop_unconnected_pages
from ui.middleware.security_headers import SecurityHeadersMiddleware
from ui.middleware.static_cache import StaticCacheMiddleware
from ui.middleware.timing import TimingMiddleware

if TYPE_CHECKING:
    from services.sandbox import SandboxConfig

log = logging.getLogger('paidslot')

MISCONFIGURED = 2  # exit code
DEMO_PORT = '3000'
LITTER = 5_000, 5, 3  # seldom enough for pages to be quick, often enough for closed ones to be gone soon
RELIEF = 5.0  # seconds between two looks at whether there are too many pages in memory
COMMANDS = {
    'serve': 'run the shop with the settings of .env and environment (the default)',
    'demo': 'run the shop on this machine, with pretended Stripe and Calendly',
    'backup': 'copy the orders into FILE, also while the shop is running',
    'restore': 'put such a FILE in place of the orders, while the shop is stopped',
}
WITH_FILE = {'backup': 'back up', 'restore': 'restore'}


def main(arguments: list[str]) -> None:
    """Run one of the commands; exits with 2 and a list of what is wrong when the settings do not allow it."""
    # Uvicorn raises the signal again after its graceful end; that end is a success.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    command, file = _command(arguments)
    try:
        if command == 'demo':
            demo()
        elif command == 'backup':
            print(backup(_settings().database_url, file))
        elif command == 'restore':
            print(restore(_settings().database_url, file, now=datetime.now(UTC)))
        else:
            serve(_settings())
    except (SettingsError, SiteProblem, CopyRefused) as error:
        doing = WITH_FILE.get(command, 'start')
        print(f'Paidslot cannot {doing}:', *(f'  - {problem}' for problem in error.problems), sep='\n')
        if command == 'serve':
            print('To look around without any account: python main.py demo')
        sys.exit(MISCONFIGURED)


def serve(settings: Settings) -> None:
    """Run the shop."""
    logs.set_up(form=settings.log_format, level=settings.log_level)
    start(build(settings))


def demo() -> None:
    """Run the shop on this machine alone, against the sandbox of Stripe and Calendly, on the same port."""
    from services.sandbox import SandboxConfig, create_app  # no part of a real shop

    domain = f'http://127.0.0.1:{os.environ.get("PORT") or DEMO_PORT}'
    sandbox = SandboxConfig(
        base=f'{domain}/sandbox',
        stripe_webhook=f'{domain}/webhooks/stripe',
        calendly_webhook=f'{domain}/webhooks/calendly',
        bank_settles_after=60,
    )
    # The sandbox forget everything at their end, so the demo's orders end with them.
    folder = tempfile.mkdtemp(prefix='paidslot-demo-')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = _demo_settings(domain, sandbox, folder)
    logs.set_up(form=settings.log_format, level='warning')
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=['127.0.0.1', 'localhost'])
    app.mount('/sandbox', create_app(sandbox))
    line = f'Open {domain} and click; card 4242 4242 4242 4242 pays, and {domain}/sandbox/ makes things fail.'
    app.on_startup(lambda: print(line, flush=True))
    start(build(settings))


def start(shop: Shop) -> None:
    """Open the ledger, and only then listen: NiceGUI does not wait for what it is told to do at its start."""
    _refuse_taken_port(shop.settings)
    asyncio.run(shop.open())
    assemble(shop)
    app.on_startup(_spare_the_collector)
    run(shop)


def assemble(shop: Shop) -> None:
    """Put pages, endpoints and the life of the process onto the web application."""
    app.router.redirect_slashes = False  # such a redirect would be made of the request's Host header
    app.add_middleware(BrowserIdMiddleware, secure=shop.settings.https)
    app.add_middleware(TimingMiddleware, told=shop.metrics.built)
    app.add_exception_handler(ShopError, _refusal)
    for endpoint in shop.routers():
        app.include_router(endpoint)
    pages.register(shop)

    settings = shop.settings
    app.on_startup(lambda: _wrap(shop))
    where = f'{settings.domain} (listening on {settings.host}:{settings.port})'
    app.on_startup(lambda: log.info('selling %s with %s keys at %s', shop.catalog.slug, settings.mode, where))
    app.on_startup(shop.begin)
    app.on_shutdown(shop.close)
    app.on_shutdown(lambda: log.info('stopped'))


def _wrap(shop: Shop) -> None:
    """Put around all else what must see every answer, also those that other middlewares give."""
    inner = app.middleware_stack or app.build_middleware_stack()
    app.middleware_stack = SecurityHeadersMiddleware(
        LoadShedder(StaticCacheMiddleware(inner), shop), shop.settings
    )
    app.timer(RELIEF, drop_unconnected_pages)


def _spare_the_collector() -> None:
    """Keep what is there at the start out of every round of the garbage collector; it stays anyway."""
    gc.freeze()
    gc.set_threshold(*LITTER)


def _refuse_taken_port(settings: Settings) -> None:
    """Say in our words, and before anything is opened, that this address cannot be listened on."""
    family = socket.AF_INET6 if ':' in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        where, why = f'{settings.host}:{settings.port}', str(error.strerror).partition(' (')[0]
        raise SettingsError([f'HOST and PORT: {where} is not to be had: {why}']) from error


def run(shop: Shop) -> None:
    """Start the web server and wait."""
    settings = shop.settings
    options: dict[str, Any] = {'forwarded_allow_ips': settings.trusted_proxies} | {
        'access_log': False,
        'timeout_graceful_shutdown': 8,
        'server_header': False,
        'log_config': None,  # ours is set up already, and masks
    }
    ui.run(
        host=settings.host,
        port=settings.port,
        title='Paidslot',
        favicon=str(favicon(shop.site.look)),
        language='en-US',
        dark=None,
        tailwind=False,
        binding_refresh_interval=None,
        # A phone that changes networks or apps comes back to the page it left, with what was typed into it.
        reconnect_timeout=30,
        reload=False,
        show=False,
        show_welcome_message=False,
        gzip_middleware_factory=None,  # ours compresses
        **options,
    )


def _settings() -> Settings:
    """Read settings and texts; both are judged before either is refused, so that there is one list."""
    try:
        return load(os.environ, Path('.env'))
    except SettingsError as error:
        try:
            site.load(error.site_file)
        except SiteProblem as texts:
            raise SettingsError(error.problems + texts.problems) from error
        raise


async def _refusal(_request: Request, error: Exception) -> Response:
    return error_response(error if isinstance(error, ShopError) else ShopError(repr(error)))


def _demo_settings(domain: str, sandbox: 'SandboxConfig', folder: str) -> Settings:
    """Judge the sandbox's keys like an operator's, then say that this is the demo's own environment."""
    settings = parse_settings(
        {
            'STRIPE_SECRET_KEY': sandbox.secret_key,
            'STRIPE_PUBLISHABLE_KEY': sandbox.publishable_key,
            'STRIPE_PRICE_ID': sandbox.price,
            'STRIPE_WEBHOOK_SECRET': sandbox.stripe_webhook_secret,
            'STRIPE_API_BASE': sandbox.stripe_api,
            'CALENDLY_LINK': sandbox.calendly_link,
            'CALENDLY_TOKEN': sandbox.calendly_token,
            'CALENDLY_WEBHOOK_SIGNING_KEY': sandbox.calendly_signing_key,
            'CALENDLY_API_BASE': sandbox.calendly_api,
            'DOMAIN': domain,
            'HOST': os.environ.get('HOST') or '127.0.0.1',
            'DATABASE_URL': f'sqlite:///{folder}/demo.db',
            'SITE_FILE': os.environ.get('SITE_FILE', ''),
        }
    )
    return replace(settings, mode='demo')


def _command(arguments: list[str]) -> tuple[str, Path]:
    """Read the command line: what to do, and with which file."""
    parser = argparse.ArgumentParser(prog='main.py', description=__doc__)
    told = '; '.join(f'{name}: {what}' for name, what in COMMANDS.items())
    parser.add_argument('command', nargs='?', default='serve', choices=list(COMMANDS), help=told)
    parser.add_argument('file', nargs='?', default='', metavar='FILE', help='for backup and restore')
    given = parser.parse_args(arguments)
    if bool(given.file) != (given.command in WITH_FILE):
        parser.error('backup and restore, and they alone, want the name of a FILE')
    return given.command, Path(given.file)


if __name__ in {'__main__', '__mp_main__'}:
    main(sys.argv[1:])
