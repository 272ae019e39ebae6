"""Less to carry: answers are compressed, and the framework's own files as small as they get, once for all.

Compressing an answer can tell its length to somebody who puts words into it and guesses at a secret beside
them (BREACH). No page of ours repeats words of a request, and NiceGUI's client id, the secret in every page,
is another one each time; so pages are compressed as well.
"""

import asyncio
import posixpath
from dataclasses import dataclass, replace

import brotli
from nicegui import __version__, background_tasks
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress import CompressMiddleware

from ui.middleware.early_flush import EarlyFlushMiddleware, encodings

FOREVER = f'/_nicegui/{__version__}/'
"""Files under it never change: their address has the framework's version in it."""
MADE_EACH_TIME = f'{FOREVER}dynamic_resources/'
TEXTS = ('.js', '.mjs', '.css')
NOT_ASKED_OF_THE_FILE = (b'accept-encoding', b'if-none-match', b'if-modified-since', b'range')
AT_ONCE, AT_LEISURE = 5, 11  # Brotli's qualities; the largest file takes 25 ms or 2 s of a core


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: MutableHeaders
    body: bytes

    def with_body(self, body: bytes) -> 'Answer':
        """The same answer with another body of the same kind."""
        headers = MutableHeaders(raw=[*self.headers.raw])
        headers['Content-Length'] = str(len(body))
        return replace(self, headers=headers, body=body)

    async def send(self, send: Send) -> None:
        """Give the answer."""
        start = {'type': 'http.response.start', 'status': self.status, 'headers': [*self.headers.raw]}
        await send(start)
        await send({'type': 'http.response.body', 'body': self.body})


class StaticCacheMiddleware:
    """ASGI wrapper that compresses, and keeps the framework's scripts and styles compressed in memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressed = CompressMiddleware(EarlyFlushMiddleware(app))
        self._kept: dict[str, Answer] = {}
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from what is kept, or pass the request on."""
        if not _is_kept(scope):
            await self._compressed(scope, receive, send)
            return
        answer = self._kept.get(scope['path']) or await self._fetch(scope, receive)
        await answer.send(send)

    async def _fetch(self, scope: Scope, receive: Receive) -> Answer:
        """Read one of the framework's files and keep it; there are only so many."""
        path = scope['path']
        plain = await _whole(self._app, scope, receive)
        if plain.status != 200:
            return plain
        answer = plain.with_body(await asyncio.to_thread(brotli.compress, plain.body, quality=AT_ONCE))
        answer.headers['Content-Encoding'] = 'br'
        answer.headers.add_vary_header('Accept-Encoding')
        if path not in self._kept:
            self._kept[path] = answer
            background_tasks.create(self._squeeze(path, plain.body), name=f'compress {path}')
        return answer

    async def _squeeze(self, path: str, body: bytes) -> None:
        async with self._one_at_a_time:
            smallest = await asyncio.to_thread(brotli.compress, body, quality=AT_LEISURE)
        self._kept[path] = self._kept[path].with_body(smallest)


def _is_kept(scope: Scope) -> bool:
    """Whether a request is for a script or style of the framework, at its proper address, by Brotli."""
    if scope['type'] != 'http' or scope['method'] != 'GET':
        return False
    path: str = scope['path']
    ours = path.startswith(FOREVER) and not path.startswith(MADE_EACH_TIME) and path.endswith(TEXTS)
    return ours and posixpath.normpath(path) == path and 'br' in encodings(scope)


async def _whole(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    """Ask for a file as it is, and read all of the answer."""
    headers = [(name, value) for name, value in scope['headers'] if name not in NOT_ASKED_OF_THE_FILE]
    started: list[Message] = []
    body = bytearray()

    async def collect(message: Message) -> None:
        if message['type'] == 'http.response.start':
            started.append(message)
        else:
            body.extend(message.get('body', b''))

    await app({**scope, 'headers': headers, 'extensions': {}}, receive, collect)
    answer = MutableHeaders(raw=list(started[0]['headers']))
    del answer['etag'], answer['last-modified']
    return Answer(started[0]['status'], answer, bytes(body))
