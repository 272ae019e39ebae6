"""A page as a browser got it, which opens its websocket; and a restart, after which it comes back."""

import html
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from nicegui import Client, core
from starlette.types import Message, Scope

from tests.pages.outline import ELEMENTS

QUERY = re.compile(r'query: (\{.*?\}),')
LEFT: Message = {'type': 'websocket.disconnect', 'code': 1001}
WEBSOCKET = {'EIO': '4', 'transport': 'websocket', 'tab_id': 'a', 'document_id': 'b'}


class Shown:
    """A page as a browser got it: the query of its websocket, and its elements."""

    def __init__(self, answer: str) -> None:
        (query,) = QUERY.findall(answer)
        (elements,) = ELEMENTS.findall(answer)
        self.query: dict[str, str] = {
            name: value.strip("'").lower() if value in ('True', 'False') else value.strip("'")
            for name, value in re.findall(r"'(\w+)': ('[^']*'|\w+)", query)
        }
        self.elements: dict[str, dict[str, Any]] = json.loads(html.unescape(elements))

    @property
    def client_id(self) -> str:
        """The id of the page's client."""
        return self.query['client_id']

    def frames(self) -> list[tuple[str, str]]:
        """The ids and URLs of the iframes."""
        return [(key, e['props']['src']) for key, e in self.elements.items() if e['tag'] == 'iframe']

    async def connect(self, origin: str = 'http://test', **changed: str) -> list[Message]:
        """Open the page's websocket and close it at once; returns what the server sent."""
        return await self._send(origin, changed, ({'type': 'websocket.connect'}, LEFT))

    async def leave_at_once(self) -> list[Message]:
        """Close the page's websocket before it is open; returns what the server sent."""
        return await self._send('http://test', {}, (LEFT,))

    async def _send(self, origin: str, changed: dict[str, str], messages: Iterable[Message]) -> list[Message]:
        headers = [(b'host', b'test'), (b'origin', origin.encode())]
        scope: Scope = {
            'type': 'websocket', 'path': '/_nicegui_ws/socket.io/', 'headers': headers,
            'query_string': urlencode(self.query | WEBSOCKET | changed).encode(), 'scheme': 'ws',
            'client': ('203.0.113.9', 1), 'server': ('test', 80),
        }  # fmt: skip
        received = iter(messages)
        sent: list[Message] = []

        async def receive() -> Message:
            return next(received)

        async def send(message: Message) -> None:
            sent.append(message)

        await core.app(scope, receive, send)
        return sent


def forget() -> None:
    """Forget every client, as a restart does."""
    for client in list(Client.instances.values()):
        client.delete()
