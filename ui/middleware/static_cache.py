"""NiceGUI's scripts and style sheets, compressed and kept in memory.

Compression can reveal a secret to somebody who adds text to a response and watches its length (BREACH). No
page repeats text of a request, and the secret in every page, NiceGUI's client id, is new each time; so pages
are compressed as well.
"""

import asyncio
import posixpath

import brotli
from nicegui import __version__, background_tasks
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.middleware.early_flush import accepted_encodings

STATIC = f'/_nicegui/{__version__}/'
"""Files below it never change: the URL holds NiceGUI's version."""
DYNAMIC = f'{STATIC}dynamic_resources/'
COMPRESSIBLE = ('.js', '.mjs', '.css')
REQUEST_HEADERS_REMOVED = (b'accept-encoding', b'if-none-match', b'if-modified-since', b'range')
RESPONSE_HEADERS_REMOVED = ('content-length', 'etag', 'last-modified')
FAST, SMALLEST = 5, 11  # qualities of Brotli: the largest file takes 25 ms or 2 s of a core


class StaticCacheMiddleware:
    """ASGI middleware that answers from memory with Brotli-compressed files."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._cache: dict[str, Response] = {}
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, or pass the request on."""
        if not _is_cacheable(scope):
            await self._app(scope, receive, send)
            return
        response = self._cache.get(scope['path']) or await self._fetch(scope)
        await response(scope, receive, send)

    async def _fetch(self, scope: Scope) -> Response:
        """Read a file and keep it; the number of files is limited by NiceGUI."""
        path, plain = scope['path'], await _read(self._app, scope)
        if plain.status_code != 200:
            return plain
        response = await _compressed(plain, FAST)
        if path not in self._cache:
            self._cache[path] = response
            background_tasks.create(self._compress_further(path, plain), name=f'compress {path}')
        return response

    async def _compress_further(self, path: str, plain: Response) -> None:
        async with self._one_at_a_time:
            self._cache[path] = await _compressed(plain, SMALLEST)


def _is_cacheable(scope: Scope) -> bool:
    """Whether a request is for one of these files, by its canonical path, and accepts Brotli."""
    if scope['type'] != 'http' or scope['method'] != 'GET':
        return False
    path: str = scope['path']
    is_file = path.startswith(STATIC) and not path.startswith(DYNAMIC) and path.endswith(COMPRESSIBLE)
    return is_file and posixpath.normpath(path) == path and 'br' in accepted_encodings(scope)


async def _read(app: ASGIApp, scope: Scope) -> Response:
    """Request the whole uncompressed file, also if the browser that asked for it leaves meanwhile."""
    request_headers = [header for header in scope['headers'] if header[0] not in REQUEST_HEADERS_REMOVED]
    starts: list[Message] = []
    body = bytearray()

    async def collect(message: Message) -> None:
        if message['type'] == 'http.response.start':
            starts.append(message)
        else:
            body.extend(message.get('body', b''))

    await app({**scope, 'headers': request_headers, 'extensions': {}}, _never, collect)
    headers = {name.decode('latin-1'): value.decode('latin-1') for name, value in starts[0]['headers']}
    for name in RESPONSE_HEADERS_REMOVED:
        headers.pop(name, None)
    return Response(bytes(body), starts[0]['status'], headers)


async def _never() -> Message:
    """Receive nothing: whoever reads the file is told of no disconnection, which would cut it off."""
    await asyncio.Event().wait()
    raise AssertionError('nobody sets the event')


async def _compressed(plain: Response, quality: int) -> Response:
    body = await asyncio.to_thread(brotli.compress, bytes(plain.body), quality=quality)
    headers = {name: value for name, value in plain.headers.items() if name != 'content-length'}
    return Response(body, headers=headers | {'content-encoding': 'br', 'vary': 'Accept-Encoding'})
