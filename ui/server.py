"""The web application: its middleware, routes, start-up and shutdown, and the web server that runs it."""

import asyncio
import gc
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence

from fastapi import Request, Response
from nicegui import app, background_tasks
from nicegui import ui as nicegui
from nicegui.server import Server
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp
from starlette_compress import CompressMiddleware

from services.endpoints.errors import error_response
from services.errors import ShopError
from services.settings import SettingsError
from services.shop import Shop
from services.site import Site
from ui import register
from ui.admin.access import SignInMiddleware
from ui.components.theme import favicon
from ui.connections import bounded, raise_file_limit
from ui.middleware.browser_id import BrowserIdMiddleware
from ui.middleware.domain_check import DomainCheckMiddleware
from ui.middleware.early_flush import EarlyFlushMiddleware
from ui.middleware.load_shedding import LoadShedder, delete_unconnected_pages
from ui.middleware.security_headers import SecurityHeadersMiddleware
from ui.middleware.static_cache import StaticCacheMiddleware
from ui.middleware.timing import TimingMiddleware
from ui.rendering.nicegui_speed import make_faster
from ui.rendering.reconnect import ReconnectMiddleware, Reconnector

log = logging.getLogger('paidslot')

GC_THRESHOLDS = 5_000, 5, 3  # rare enough not to slow pages down, frequent enough to free closed ones soon
DELETE_EVERY = 5.0  # seconds between two rounds of delete_unconnected_pages
ANY_HOST = ('*',)
BOTH_FAMILIES = '::'  # the value of HOST that means every address of IPv6 and IPv4


def start(
    shop: Shop,
    *,
    sandbox: ASGIApp | None = None,
    hosts: Sequence[str] = ANY_HOST,
    greeting: str = '',
    beside: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Open the ledger, then listen, until the process is stopped.

    Args:
        shop: what is served.
        sandbox: an application to serve under /sandbox.
        hosts: the Host headers that are answered.
        greeting: a line to print once the server has started.
        beside: runs beside the server, and stops it at its end.

    Raises:
        SettingsError: the port is taken, or the database cannot be used.
    """
    refuse_taken_port(shop.settings.host, shop.settings.port)
    asyncio.run(shop.open())  # before NiceGUI starts, which does not wait for its start-up handlers
    assemble(shop, hosts=hosts)
    if sandbox:
        app.mount('/sandbox', sandbox)
    if greeting:
        app.on_startup(lambda: print(greeting, flush=True))
    if beside:
        app.on_startup(lambda: background_tasks.create(_run_beside(beside)))
    app.on_startup(_tune_garbage_collector)
    if shop.settings.host == BOTH_FAMILIES:
        app.on_startup(_listen_on_both_families)
    run(shop)


def assemble(shop: Shop, *, hosts: Sequence[str] = ANY_HOST) -> None:
    """Put pages, endpoints, middleware, start-up and shutdown onto the web application."""
    make_faster()
    app.router.redirect_slashes = False  # such a redirect would be built from the request's Host header
    app.add_exception_handler(ShopError, _error_response)
    for router in shop.routers():
        app.include_router(router)
    reconnector = register(shop)

    settings = shop.settings
    where = f'{settings.domain} (listening on {_address(settings.host, settings.port)})'
    app.on_startup(lambda: _add_middleware(shop, hosts, reconnector))
    app.on_startup(
        lambda: log.info('selling %s with %s keys at %s', shop.catalog.get().slug, settings.mode, where)
    )
    app.on_startup(shop.begin)
    app.on_shutdown(shop.close)
    app.on_shutdown(lambda: log.info('stopped'))


def _add_middleware(shop: Shop, hosts: Sequence[str], reconnector: Reconnector) -> None:
    """Wrap the application, NiceGUI's middleware and Starlette's error responses included.

    ``app.add_middleware`` would put ours inside Starlette's handler of uncaught exceptions.
    """
    outermost_first = (
        # Every response gets its security headers, whoever made it.
        Middleware(SecurityHeadersMiddleware, settings=shop.settings),
        # The demo answers only to the names of this machine.
        Middleware(TrustedHostMiddleware, allowed_hosts=hosts),
        # Above a rate the landing page is answered here, from memory.
        Middleware(LoadShedder, shop=shop),
        # NiceGUI's files are answered here, from memory, already compressed.
        Middleware(StaticCacheMiddleware),
        # Every other response is compressed.
        Middleware(CompressMiddleware),
        # Server-rendered pages are sent in two parts, in a compressed stream of their own.
        Middleware(EarlyFlushMiddleware),
        # Builds of pages are timed, without compression and without the pause between the two parts.
        Middleware(TimingMiddleware, record=shop.metrics.built),
        # The first request from the internet tells whether DOMAIN was left at localhost.
        Middleware(DomainCheckMiddleware, domain=shop.settings.domain),
        # Every request gets the id of its browser.
        Middleware(BrowserIdMiddleware, secure=shop.settings.https),
        # Below /admin nothing is answered without a sign-in, and no form of another site.
        *([Middleware(SignInMiddleware, access=shop.access, shop=shop)] if shop.access else []),
        # A browser that comes back to a process without its page has it built again.
        Middleware(ReconnectMiddleware, reconnector=reconnector),
    )
    stack = app.middleware_stack or app.build_middleware_stack()
    for cls, args, kwargs in reversed(outermost_first):
        stack = cls(stack, *args, **kwargs)
    app.middleware_stack = stack
    app.timer(DELETE_EVERY, delete_unconnected_pages)


async def _run_beside(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    finally:
        app.shutdown()


def _tune_garbage_collector() -> None:
    """Exclude everything that exists after start-up from garbage collection: it stays until the end."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _address(host: str, port: int) -> str:
    return f'[{host}]:{port}' if ':' in host else f'{host}:{port}'


def _listen_on_both_families() -> None:
    """Let the web server open two sockets, one for each family.

    One socket for both would show IPv4 clients as ``::ffff:…``, which no proxy in TRUSTED_PROXIES equals.
    asyncio makes two for an empty host, and NiceGUI takes none, so it is set here, before uvicorn listens.
    """
    Server.instance.config.host = ''


def refuse_taken_port(host: str, port: int) -> None:
    """Check that an address can be listened on, before anything is opened.

    Raises:
        SettingsError: it cannot.
    """
    families = [socket.AF_INET6 if ':' in host else socket.AF_INET]
    if host == BOTH_FAMILIES:
        families.append(socket.AF_INET)
    try:
        for family in families:
            one = host if family is families[0] else ''
            socket.create_server((one, port), family=family).close()
    except OSError as error:
        reason = str(error.strerror).partition(' (')[0]
        reason = reason[:1].lower() + reason[1:]
        problem = f'HOST and PORT: cannot listen on {_address(host, port)}: {reason}'
        raise SettingsError([problem]) from error


def run(shop: Shop) -> None:
    """Run the web server until the process is stopped."""
    settings = shop.settings
    shop.present.subscribe(_renew_icon)
    nicegui.run(
        host=settings.host,
        port=settings.port,
        title='Paidslot',
        favicon=str(favicon(shop.site.theme)),
        language='en-US',
        dark=None,
        tailwind=False,
        binding_refresh_interval=None,
        # Later a browser's page is built again (decision 48); sooner it comes back to what this process has.
        reconnect_timeout=30,
        reload=False,
        show=False,
        show_welcome_message=False,
        gzip_middleware_factory=None,  # CompressMiddleware compresses
        # For uvicorn:
        http=bounded(raise_file_limit()),
        forwarded_allow_ips=settings.trusted_proxies,
        access_log=False,
        timeout_graceful_shutdown=8,
        server_header=False,
        log_config=None,  # logging is set up already, and masks secrets
    )


def _renew_icon(site: Site) -> None:
    """Serve /favicon.ico in the colours of other texts."""
    app.config.favicon = str(favicon(site.theme))


async def _error_response(_request: Request, error: Exception) -> Response:
    return error_response(error if isinstance(error, ShopError) else ShopError(repr(error)))
