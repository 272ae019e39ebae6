"""A crowd: above a budget of builds the landing page comes from memory, without script, and still sells.

A built page costs milliseconds, and memory until its browser connects or never does; a kept one costs
neither. Crawlers and HEAD always get the kept one. Nothing in it is anybody's own; the browser_id's cookie
comes on top.
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
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.catalog import Offer
from services.errors import AlreadyPaid
from services.shop import Shop
from ui.components.builder import h, join
from ui.middleware.browser_id import cookie, new_value, value_in
from ui.middleware.early_flush import encodings
from ui.pages import landing, seo
from ui.pages.errors import IN_ALERTS, alert_by_code
from ui.rendering.render import Unrenderable, render

log = logging.getLogger(__name__)

BUILDS, BURST = 20.0, 40.0  # landing pages: a second, and after a quiet time
SPARED = 10.0  # of these, for customers who come back from Stripe or from trouble
AT_ONCE = 12  # landing pages under construction, so that a slow machine answers, too
WAITING = 200  # pages that no browser has connected to yet; above, nobody gets another one
TOO_MANY = 400  # of them, order pages included; above, the oldest are given up
SLOW_PHONE = 10.0  # seconds in which any browser connects
COUNTED = 0.2  # seconds a count of them is good for
LOOKED, TOLD = 1.0, 60.0  # seconds between two looks at the price, two lines in the log
BACK = 'back'
CRAWLER = re.compile(
    r'(?<!cu)bot|crawl|spider|slurp|preview|facebookexternalhit|whatsapp|embedly|iframely|mastodon|google-inspection',
    re.IGNORECASE,
)
CachedPage = dict[str, tuple[list[tuple[bytes, bytes]], bytes]]
"""A page in each encoding: headers and body."""


class Bucket:
    """So much at once, and so much more each second."""

    def __init__(self, rate: float, size: float, clock: Callable[[], float]) -> None:
        self._rate, self._size, self._clock = rate, size, clock
        self._level, self._at = size, clock()

    def has(self, number: float) -> bool:
        """Whether there is so much in it now."""
        now = self._clock()
        self._level = min(self._size, self._level + (now - self._at) * self._rate)
        self._at = now
        return self._level >= number

    def take(self) -> bool:
        """Take one, if there is one."""
        if not self.has(1):
            return False
        self._level -= 1
        return True


class LoadShedder:
    """ASGI wrapper that builds a landing page while there is room, and gives out the kept one otherwise."""

    def __init__(self, app: ASGIApp, shop: Shop, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._shop = shop
        self._clock = clock
        self._builds = Bucket(BUILDS, BURST, clock)
        self._looks = Bucket(1 / LOOKED, 1, clock)
        self._lines = Bucket(1 / TOLD, 1, clock)
        self._building = 0
        self._waiting, self._counted_at = 0, clock() - COUNTED
        self._offer = shop.catalog.offer
        self._kept: dict[str, CachedPage] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for the landing page, or pass the request on."""
        if scope['type'] != 'http' or scope['path'] != '/':
            await self._app(scope, receive, send)
        elif self._is_kept_for(scope) and (page := await self._page(_case(scope['query_string']))):
            await self._answer(page, scope, send)
        else:
            await self._build(scope, receive, send)

    async def _build(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Build a page; once its answer begins it only has to be sent."""
        self._building += 1
        is_built = False

        async def send_built(message: Message) -> None:
            nonlocal is_built
            if not is_built:
                is_built, self._building = True, self._building - 1
            await send(message)

        try:
            await self._app(scope, receive, send_built)
        finally:
            self._building -= not is_built

    def _is_kept_for(self, scope: Scope) -> bool:
        if scope['method'] != 'GET':
            return bool(scope['method'] == 'HEAD')
        if not self._has_room(spared=0 if scope['query_string'] else SPARED):
            if self._lines.take():
                log.warning('a crowd: the landing page is answered from memory for now')
            return True
        if CRAWLER.search(Headers(scope=scope).get('user-agent', '')):
            return True
        return not self._builds.take()

    def _has_room(self, *, spared: float) -> bool:
        """Whether one more page may be built, with so many builds left for others."""
        if self._building >= AT_ONCE or not self._builds.has(1 + spared):
            return False
        if (now := self._clock()) >= self._counted_at + COUNTED:
            self._waiting, self._counted_at = len(waiting()), now
        return self._waiting < WAITING

    async def _answer(self, page: CachedPage, scope: Scope, send: Send) -> None:
        accepted = encodings(scope)
        headers, body = page[next((name for name in page if name in accepted), '')]
        browser_id = value_in(Headers(scope=scope).get('cookie', '')) or new_value()
        said = (b'set-cookie', cookie(browser_id, secure=self._shop.settings.https).encode())
        await send({'type': 'http.response.start', 'status': 200, 'headers': [*headers, said]})
        await send({'type': 'http.response.body', 'body': b'' if scope['method'] == 'HEAD' else body})

    async def _page(self, case: str) -> CachedPage:
        """The page for a case, made anew when the offer is another one; empty when it cannot be painted."""
        offer = await self._look()
        if self._offer != offer:
            self._offer = offer
            self._kept.clear()
        if case not in self._kept:
            self._kept[case] = self._made(case)
        return self._kept[case]

    def _made(self, case: str) -> CachedPage:
        try:
            return _encoded(document(self._shop, self._offer, case))
        except Unrenderable:
            log.exception('no page for a crowd')
            return {}

    async def _look(self) -> Offer:
        """The offer as it is known, without waiting for Stripe, unless nobody has ever known the price."""
        catalog = self._shop.catalog
        if catalog.offer.price is None:
            return await catalog.look()
        if self._looks.take():
            background_tasks.create(catalog.look(), name='look at the price')
        return catalog.offer


def waiting() -> list[Client]:
    """The pages that no browser has ever connected to, oldest first."""
    return [client for client in Client.instances.values() if client.environ is None]


def drop_unconnected_pages() -> None:
    """Give up the oldest pages that wait in vain, while there are too many; a late browser loads its anew."""
    clients = waiting()
    for client in clients[: max(0, len(clients) - TOO_MANY)]:
        if time.time() - client.created > SLOW_PHONE:
            client.delete()


def document(shop: Shop, offer: Offer, case: str) -> Markup:
    """The landing page as a document without script, painted from the same elements.

    Args:
        shop: whose page it is.
        offer: what is for sale.
        case: a code of trouble, BACK for somebody who came back from Stripe, '' for everybody else.
    """
    client = Client(ui.page('/'))
    try:
        with client:
            trouble = alert_by_code(case, '', shop.site.contact)
            notice = landing.draw(shop, offer, trouble=trouble, again=case == AlreadyPaid.code)
            if case == BACK:
                notice.show(landing.unclear(shop))
        head = join(Markup(client.head_html), seo.head_of_landing(shop, offer))
        return _whole(seo.title_of_landing(shop), head, render(client.layout))
    finally:
        client.delete()


def _whole(title: str, head: Markup, body: Markup) -> Markup:
    meta = (
        h('meta', charset='utf-8'),
        h('meta', name='viewport', content='width=device-width, initial-scale=1'),
    )
    icon = h('link', rel='icon', type='image/svg+xml', href='/favicon.svg')
    parts = h('head', *meta, h('title', title), icon, head), h('body', h('div', body, id='app'))
    return Markup('<!doctype html>\n') + h('html', *parts, lang='en-US')


def _encoded(page: Markup) -> CachedPage:
    plain = page.encode()
    bodies = {'br': brotli.compress(plain, quality=9), 'gzip': gzip.compress(plain), '': plain}
    return {name: (_headers(name, len(body)), body) for name, body in bodies.items()}


def _headers(encoding: str, length: int) -> list[tuple[bytes, bytes]]:
    headers = {
        'content-type': 'text/html; charset=utf-8',
        'content-length': str(length),
        'cache-control': 'no-store',
        'vary': 'Accept-Encoding',
    }
    if encoding:
        headers['content-encoding'] = encoding
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _case(query: bytes) -> str:
    """What an address of the landing page says has happened."""
    if not query:
        return ''
    params = QueryParams(query)
    code = params.get('trouble', '')
    return code if code in IN_ALERTS else BACK if BACK in params else ''
