"""Load shedding: above a rate the landing page is answered from memory, without script, and still sells.

Building a page costs milliseconds, and memory until its browser connects; the cached page costs neither.
Crawlers and HEAD requests always get the cached page. It is the same for every browser; the browser-id cookie
is added to each response.
"""

import gzip
import logging
import re
import time
from collections.abc import Callable

import brotli
from markupsafe import Markup
from nicegui import Client, background_tasks, ui
from starlette.datastructures import Headers, QueryParams
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.catalog import Offer
from services.errors import AlreadyPaid
from services.shop import Shop
from ui.components.builder import h, join
from ui.components.documents import document
from ui.middleware.browser_id import browser_id_in, cookie, new_browser_id
from ui.middleware.early_flush import accepted_encodings
from ui.pages import landing, seo
from ui.pages.errors import ALERTS, alert_by_code
from ui.pages.free_times import free_times_note
from ui.pages.pay_buttons import CHECKOUT, FormTarget
from ui.rendering.render import Unrenderable, render
from ui.rendering.token_bucket import TokenBucket

log = logging.getLogger(__name__)

BUILD_RATE, BUILD_BURST = 20.0, 40.0  # landing pages: each second, and after a quiet time
RESERVE = 10.0  # of these, for customers who return from Stripe or come to an alert
MAX_CONCURRENT = 12  # landing pages that are built at the same time
MAX_UNCONNECTED = 200  # pages no browser has connected to yet; above, no more landing pages are built
DELETE_ABOVE = 400  # unconnected pages, order pages included; above, the oldest are deleted
CONNECT_TIMEOUT = 10.0  # seconds within which any browser connects
RECOUNT_AFTER = 0.2  # seconds for which the number of unconnected pages is reused
PRICE_CHECK_EVERY, LOG_EVERY = 1.0, 60.0  # seconds
BACK = 'back'
CRAWLER = re.compile(
    r'(?<!cu)bot|crawl|spider|slurp|preview|facebookexternalhit|whatsapp|embedly|iframely|mastodon|google-inspection',
    re.IGNORECASE,
)
CachedPage = dict[str, HTMLResponse]
"""A page in each encoding."""


class LoadShedder:
    """ASGI middleware that has landing pages built up to a rate, and answers from memory above it."""

    def __init__(self, app: ASGIApp, shop: Shop, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._shop = shop
        self._clock = clock
        self._builds = TokenBucket(BUILD_RATE, BUILD_BURST, clock)
        self._price_checks = TokenBucket(1 / PRICE_CHECK_EVERY, 1, clock)
        self._log_lines = TokenBucket(1 / LOG_EVERY, 1, clock)
        self._building = 0
        self._unconnected, self._counted_at = 0, clock() - RECOUNT_AFTER
        self._shown: tuple[object, ...] | None = None  # what the cached pages show
        self._cache: dict[str, CachedPage] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for the landing page, or pass the request on."""
        if scope['type'] != 'http' or scope['path'] != '/':
            await self._app(scope, receive, send)
        elif self._sheds(scope) and (page := await self._cached_page(_variant(scope['query_string']))):
            await self._answer(page, scope, send)
        else:
            await self._build(scope, receive, send)

    async def _build(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a page built; it counts as built once its response begins."""
        self._building += 1
        is_built = False

        async def send_and_count(message: Message) -> None:
            nonlocal is_built
            if not is_built:
                is_built, self._building = True, self._building - 1
            await send(message)

        try:
            await self._app(scope, receive, send_and_count)
        finally:
            self._building -= not is_built

    def _sheds(self, scope: Scope) -> bool:
        """Whether a request gets the cached page."""
        if scope['method'] != 'GET':
            return bool(scope['method'] == 'HEAD')
        if not self._may_build(reserve=0 if scope['query_string'] else RESERVE):
            if self._log_lines.take():
                log.warning('load shedding: the landing page is answered from memory for now')
            return True
        if CRAWLER.search(Headers(scope=scope).get('user-agent', '')):
            return True
        return not self._builds.take()

    def _may_build(self, *, reserve: float) -> bool:
        """Whether one more page may be built, with a number of builds left in reserve."""
        if self._building >= MAX_CONCURRENT or not self._builds.has(1 + reserve):
            return False
        if (now := self._clock()) >= self._counted_at + RECOUNT_AFTER:
            self._unconnected, self._counted_at = len(unconnected_pages()), now
        return self._unconnected < MAX_UNCONNECTED

    async def _answer(self, page: CachedPage, scope: Scope, send: Send) -> None:
        accepted = accepted_encodings(scope)
        cached = page[next((name for name in page if name in accepted), 'identity')]
        browser_id = browser_id_in(scope) or new_browser_id()
        set_cookie = (b'set-cookie', cookie(browser_id, secure=self._shop.settings.https).encode())
        headers = [*cached.raw_headers, set_cookie]
        await send({'type': 'http.response.start', 'status': 200, 'headers': headers})
        await send({'type': 'http.response.body', 'body': b'' if scope['method'] == 'HEAD' else cached.body})

    async def _cached_page(self, variant: str) -> CachedPage:
        """The page in a variant, rebuilt when what it shows has changed; empty when it cannot be rendered."""
        offer = await self._current_offer()
        stop = await self._shop.selling.stop_for_page()
        if (shown := (offer, stop, free_times_note(self._shop), self._shop.site)) != self._shown:
            self._shown = shown
            self._cache.clear()
        if variant not in self._cache:
            try:
                self._cache[variant] = _encoded(landing_document(self._shop, offer, variant))
            except Unrenderable:
                log.exception('the landing page cannot be rendered for the cache')
                self._cache[variant] = {}
        return self._cache[variant]

    async def _current_offer(self) -> Offer:
        """The offer as it is known, without waiting for Stripe unless the price has never been read."""
        catalog = self._shop.catalog
        if catalog.get().price is None:
            return await catalog.get_for_page()
        if self._price_checks.take():
            background_tasks.create(catalog.get_for_page(), name='check the price')
        return catalog.get()


def unconnected_pages() -> list[Client]:
    """The pages that no browser has ever connected to, oldest first."""
    return [client for client in Client.instances.values() if client.environ is None]


def delete_unconnected_pages() -> None:
    """Delete the oldest unconnected pages while there are too many; for a late browser one is built again."""
    clients = unconnected_pages()
    for client in clients[: max(0, len(clients) - DELETE_ABOVE)]:
        if time.time() - client.created > CONNECT_TIMEOUT:
            client.delete()


def landing_document(shop: Shop, offer: Offer, variant: str) -> Markup:
    """Render the landing page, from the same elements, as a document without script.

    Args:
        shop: whose page it is.
        offer: what is for sale.
        variant: the code of an alert, BACK for a customer who returned from Stripe, '' for all others.
    """
    head, body = landing_parts(shop, offer, variant)
    return document(seo.title_of_landing(shop), head=head, body=body)


def landing_parts(
    shop: Shop, offer: Offer, variant: str = '', *, target: FormTarget = CHECKOUT
) -> tuple[Markup, Markup]:
    """Render head and body of the landing page without script.

    Args:
        shop: whose page it is.
        offer: what is for sale.
        variant: as in ``landing_document``.
        target: where the pay buttons lead.
    """
    client = Client(ui.page('/'))
    try:
        with client:
            alert = alert_by_code(variant, '', shop.site.contact)
            again = variant == AlreadyPaid.code
            notice = landing.build(shop, offer, alert=alert, again=again, target=target)
            if variant == BACK:
                notice.show(landing.payment_unknown(shop))
        head = join(Markup(client.head_html), seo.head_of_landing(shop, offer))
        return head, h('div', render(client.layout), id='app')
    finally:
        client.delete()


def _encoded(page: Markup) -> CachedPage:
    plain = page.encode()
    bodies = {'br': brotli.compress(plain, quality=9), 'gzip': gzip.compress(plain), 'identity': plain}
    headers = {'cache-control': 'no-store', 'vary': 'Accept-Encoding'}
    return {
        name: HTMLResponse(body, headers=headers | ({'content-encoding': name} if name != 'identity' else {}))
        for name, body in bodies.items()
    }


def _variant(query: bytes) -> str:
    """Which variant of the landing page a query string asks for."""
    params = QueryParams(query)
    code = params.get('alert', '')
    return code if code in ALERTS else BACK if BACK in params else ''
