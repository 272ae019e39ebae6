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
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from fastapi import Request
from nicegui import Client, ui
from starlette.responses import PlainTextResponse
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from ui.components.elements import Tag

log = logging.getLogger(__name__)

MAX_CONCURRENT = 12  # pages that are built again at the same time; the others wait
SOCKET = '/_nicegui_ws/'
PAGE = 'page'  # the name in the websocket's query of the page's path
REBUILT = 'rebuilt'  # set in the storage of a client that was built again
CLIENT_ID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
MESSAGE_ID = re.compile(r'\d{1,9}')

Build = Callable[..., Awaitable[Any]]


class Reconnector:
    """Knows how each page is built, and builds it for browsers that come back."""

    def __init__(self) -> None:
        self._pages: list[tuple[re.Pattern[str], ui.page, Build]] = []
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)

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

    async def prepare(self, scope: Scope) -> None:
        """Have the client ready that a browser is about to connect to."""
        query = dict(parse_qsl(scope['query_string'].decode('latin-1')))
        client_id, message_id = query.get('client_id', ''), query.get('next_message_id', '')
        if 'sid' in query or not CLIENT_ID.fullmatch(client_id) or not MESSAGE_ID.fullmatch(message_id):
            return  # connected already, or no browser
        if client_id not in Client.instances:
            async with self._slots:
                if client_id not in Client.instances:
                    await self._rebuild(client_id, query.get(PAGE, ''), scope)
        if client := Client.instances.get(client_id):
            _send_again(client, int(message_id))

    async def _rebuild(self, client_id: str, url: str, scope: Scope) -> None:
        """Build the page at a URL for a client id; leave no client behind for a URL without page."""
        path, query_string = unquote(urlsplit(url).path), urlsplit(url).query
        found = next((row for row in self._pages if row[0].fullmatch(path)), None)
        if found is None:
            return
        pattern, page, build = found
        about = {'type': 'http', 'method': 'GET', 'path': path, 'query_string': query_string.encode()}
        request = Request({**scope, **about})
        match = pattern.fullmatch(path)
        arguments: dict[str, Any] = match.groupdict() if match else {}
        if 'request' in inspect.signature(build).parameters:
            arguments['request'] = request
        client = Client(page, request=request)
        del Client.instances[client.id]
        client.id = client_id
        Client.instances[client_id] = client
        client.storage[REBUILT] = True
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the browser's client ready, then pass the request on."""
        if scope['type'] != 'lifespan' and scope['path'].startswith(SOCKET):
            try:
                await self._reconnector.prepare(scope)
            except Exception:
                # NiceGUI would refuse the browser, which then gives up. This way it tries once more.
                log.exception('a page could not be built again; its browser will try once more')
                await _unavailable(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _unavailable(scope: Scope, receive: Receive, send: Send) -> None:
    if scope['type'] == 'websocket':
        await WebSocketClose()(scope, receive, send)
    else:
        await PlainTextResponse('try again', 503)(scope, receive, send)


def _send_again(client: Client, next_message_id: int) -> None:
    """Send every element, unless the messages that the browser has missed are still kept."""
    outbox = client.outbox
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
