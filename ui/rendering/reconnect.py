"""Reconnecting: a page whose client is not in this process is built again here, under the same client id.

NiceGUI keeps the state of an open page, its client, in the memory of one process. When it is gone, NiceGUI
has the browser reload the page: after a restart, after a long time without network, or behind a proxy that
sends the websocket to another process. Here the page is built again instead, and its elements are sent. They
get the same ids as before, so Vue changes only what differs. An iframe keeps its document and what was typed.

With ``nicegui_template`` this is the only module that knows the inside of NiceGUI.
"""

import asyncio
import inspect
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote
from weakref import WeakValueDictionary

from cachetools import TTLCache
from fastapi import Request
from nicegui import Client, ui
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from ui.components.elements import Tag
from ui.rendering.token_bucket import TokenBucket

log = logging.getLogger(__name__)

MAX_CONCURRENT = 12  # pages that are built again at the same time; the others wait
BUILD_RATE, BUILD_BURST = 20.0, 200.0  # pages: each second, and after a quiet time
CLIENT_RATE, CLIENT_BURST = 5.0, 50.0  # the same for one IP address
CLIENTS = 10_000, 60  # IP addresses that are remembered, and for how many seconds
MAX_UNCONNECTED = 200  # pages built again that no browser has connected to yet
LOG_EVERY = 60.0  # seconds
SOCKET = '/_nicegui_ws/socket.io/'
PAGE = 'page'  # the name in the websocket's query of the page's path
REBUILT = 'rebuilt'  # set in the storage of a client that was built again
LOADED_AGAIN = 'loaded again'  # set in the storage of a client that only says which URL to open
CLIENT_ID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
MESSAGE_ID = re.compile(r'\d{1,9}')

Build = Callable[..., Awaitable[Any]]


class Reconnector:
    """Knows how each page is built, and builds it for browsers that come back.

    Anybody can ask for that with an invented client id, so it is limited like the building of pages itself.
    """

    def __init__(self, domain: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Make it.

        Args:
            domain: the shop's address.
            clock: seconds that only grow.
        """
        self._domain = domain
        self._clock = clock
        self._pages: list[tuple[re.Pattern[str], ui.page, Build]] = []
        self._loaded_again: list[re.Pattern[str]] = []
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # by client id
        self._builds = TokenBucket(BUILD_RATE, BUILD_BURST, clock)
        self._builds_for: TTLCache[str, TokenBucket] = TTLCache(*CLIENTS)  # by IP address

    def page(self, path: str, **options: Any) -> Callable[[Build], Build]:
        """Register a page as ``ui.page`` does, and as one that can be built again.

        Args:
            path: the template of its path.
            options: those of ``ui.page``.
        """
        page = ui.page(path, **options)

        def register(build: Build) -> Build:
            self._pages.append((compile_path(path)[0], page, build))
            page(build)
            return build

        return register

    def load_again(self, path: str) -> None:
        """Have browsers load the pages at and below a path again, where others are built again.

        Such a page depends on a cookie that the websocket does not bring.
        """
        self._loaded_again.append(re.compile(f'{re.escape(path)}(/.*)?'))

    async def prepare(self, scope: Scope) -> bool:
        """Have the client ready that a browser is about to connect to.

        Returns:
            False if its page cannot be built now, because too many are: the browser shall try again.
        """
        query = dict(parse_qsl(scope['query_string'].decode('latin-1')))
        client_id, message_id = query.get('client_id', ''), query.get('next_message_id', '')
        if 'sid' in query or not CLIENT_ID.fullmatch(client_id) or not MESSAGE_ID.fullmatch(message_id):
            return True  # connected already, or no browser
        # A browser that comes twice waits for the whole page.
        async with self._locks.setdefault(client_id, asyncio.Lock()):
            if client_id not in Client.instances and self._is_from_this_shop(scope):
                if not self._may_build(scope):
                    return False
                async with self._slots:
                    await self._rebuild(client_id, query.get(PAGE, ''), scope)
        if client := Client.instances.get(client_id):
            _send_again(client, int(message_id))
        return True

    def _is_from_this_shop(self, scope: Scope) -> bool:
        """Whether no script of another site asks: it would read what the cookie gives access to.

        Browsers name the origin of each websocket, and of each request to another site.
        """
        headers = Headers(scope=scope)
        origin = headers.get('origin', '')
        return not origin or origin == self._domain or origin.partition('://')[2] == headers.get('host')

    def _may_build(self, scope: Scope) -> bool:
        address = scope['client'][0] if scope.get('client') else ''
        if address not in self._builds_for:
            self._builds_for[address] = TokenBucket(CLIENT_RATE, CLIENT_BURST, self._clock)
        rebuilt = (client for client in Client.instances.values() if REBUILT in client.storage)
        if sum(client.environ is None for client in rebuilt) >= MAX_UNCONNECTED:
            return False
        return self._builds_for[address].take() and self._builds.take()

    async def _rebuild(self, client_id: str, url: str, scope: Scope) -> None:
        """Build the page at a URL for a client id; leave no client behind for a URL without page."""
        path, _, query_string = url.partition('?')
        path = unquote(path)
        about = {'type': 'http', 'method': 'GET', 'path': path, 'query_string': query_string.encode()}
        request = Request({**scope, **about})
        if any(pattern.fullmatch(path) for pattern in self._loaded_again):
            client = _adopt(client_id, ui.page(path), request)
            client.storage[LOADED_AGAIN] = True
            client.open(url)  # all that its browser is told
            return
        found = next((row for row in self._pages if row[0].fullmatch(path)), None)
        if found is None:
            return
        pattern, page, build = found
        match = pattern.fullmatch(path)
        arguments: dict[str, Any] = match.groupdict() if match else {}
        if 'request' in inspect.signature(build).parameters:
            arguments['request'] = request
        client = _adopt(client_id, page, request)
        try:
            with client:
                await build(**arguments)
        except BaseException:
            client.delete()
            raise


class ReconnectMiddleware:
    """ASGI middleware in front of the websocket, and of the polling that replaces it."""

    def __init__(self, app: ASGIApp, *, reconnector: Reconnector) -> None:
        self._app = app
        self._reconnector = reconnector
        self._log_lines = TokenBucket(1 / LOG_EVERY, 1, time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the browser's client ready, then pass the request on."""
        if scope['type'] != 'lifespan' and scope['path'].startswith(SOCKET):
            # NiceGUI would refuse a browser without client, which then gives up. This way it tries again.
            try:
                is_ready = await self._reconnector.prepare(scope)
            except Exception:
                is_ready = False
                if self._log_lines.take():
                    log.exception('a page could not be built again; its browser will try again')
            if not is_ready:
                await _unavailable(scope, receive, send)
                return
            await self._pass_on(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except KeyError as error:
            # python-engineio fails so when the browser has left before its request was read.
            if error.args != ('REQUEST_METHOD',):
                raise


async def _unavailable(scope: Scope, receive: Receive, send: Send) -> None:
    if scope['type'] == 'websocket':
        await WebSocketClose()(scope, receive, send)
    else:
        await PlainTextResponse('try again', 503)(scope, receive, send)


def _adopt(client_id: str, page: ui.page, request: Request) -> Client:
    """Make a client with the id that a browser has."""
    client = Client(page, request=request)
    del Client.instances[client.id]
    client.id = client_id
    Client.instances[client_id] = client
    client.storage[REBUILT] = True
    return client


def _send_again(client: Client, next_message_id: int) -> None:
    """Send every element, unless the messages that the browser has missed are still kept."""
    outbox = client.outbox
    if LOADED_AGAIN in client.storage:
        outbox.next_message_id = next_message_id
        outbox.updates.clear()  # the page stays as it is until it is loaded
        return
    kept = {message_id for message_id, *_ in outbox.message_history}
    if next_message_id in {outbox.next_message_id, *kept}:
        return
    outbox.message_history.clear()
    outbox.next_message_id = next_message_id
    for element in client.elements.values():
        outbox.enqueue_update(element)


def is_rebuilt() -> bool:
    """Whether the page is built for a browser that shows it already."""
    return REBUILT in ui.context.client.storage


@contextmanager
def numbered_from(first: int, client: Client) -> Iterator[None]:
    """Give the elements made inside the same ids in every build of a page: ``first`` and those after it."""
    following, client.next_element_id = client.next_element_id, first
    try:
        yield
    finally:
        client.next_element_id = following


def number_listeners(client: Client) -> None:
    """Give the event listeners the same ids in every build of a page.

    NiceGUI's are random. For other ones the browser would make the element anew, and a button lose its focus.
    """
    for element in client.elements.values():
        listeners = [*element._event_listeners.values()]
        for number, listener in enumerate(listeners):
            listener.id = f'{element.id}-{number}'
        element._event_listeners = {listener.id: listener for listener in listeners}


class LastingFrame(Tag):
    """An iframe; a browser that shows it already keeps its URL, whatever a page built again says."""

    def __init__(self, **attributes: str) -> None:
        super().__init__('iframe', **attributes)

    def _to_dict(self) -> dict[str, Any]:
        return {**super()._to_dict(), 'preserved_props': ['src']}
