"""Around every request: the log, the clock's work, and the faults that spoil requests and answers.

A dropped connection needs the socket,
which ASGI hides and other people's middleware hides again. So it is found
among the process's open files by the peer's address in the scope, and shut down below the server's feet: the
client sees the end of the stream where an answer should be, whatever server and middleware stand in between.
"""

import asyncio
import contextlib
import json
import os
import socket
import stat
import struct
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.sandbox import forms
from services.sandbox.faults.rules import Rule
from services.sandbox.problems import Json
from services.sandbox.state import SandboxState
from services.sandbox.stripe import checkout, paying

RULE = 'sandbox.rule'
API_ROOTS = {
    'stripe': ('v1',),
    'calendly': (
        'users', 'event_types', 'event_type_available_times', 'scheduling_links', 'scheduled_events',
        'webhook_subscriptions',
    ),
}  # fmt: skip
BAD_GATEWAY = '<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>'


def fault(request: Request, do: str) -> Rule | None:
    """The fault this request met, if it is one that does this."""
    rule: Rule | None = request.scope.get(RULE)
    return rule if rule is not None and rule.do == do else None


async def pause(request: Request) -> None:
    """Wait where the fault says so."""
    rule = fault(request, 'delay')
    if rule:
        await asyncio.sleep(rule.seconds)


def sweep(state: SandboxState) -> None:
    """Do what the clock asks for."""
    checkout.sweep(state)
    paying.sweep(state)


def drop(scope: Scope) -> None:
    """Shut down the connection a request came by; nothing more is sent, and the client is not told why."""
    peer = tuple(scope.get('client') or ())
    for name in os.listdir('/dev/fd'):
        with contextlib.suppress(OSError, ValueError):
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            found = socket.socket(fileno=os.dup(int(name)))
            with found:
                if found.family in (socket.AF_INET, socket.AF_INET6) and found.getpeername()[:2] == peer:
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                    found.shutdown(socket.SHUT_RDWR)


async def gone(receive: Receive, seconds: float) -> None:
    """Wait until the client is gone, at most so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())['type'] != 'http.disconnect':
                pass


class FaultMiddleware:
    """ASGI middleware: logs a request, then lets it through or spoils it."""

    def __init__(self, app: ASGIApp, state: SandboxState) -> None:
        self.app = app
        self.state = state
        self.ticker: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        self._tick()
        sweep(self.state)
        path = scope['path'].removeprefix(scope.get('root_path', ''))
        vendor, short = vendor_of(path)
        if vendor is None:
            await self.app(scope, receive, send)
            return
        body, receive = await _read(receive)
        entry = self._note(scope, vendor, short, body)
        rule = self.state.faults.take(f'{scope["method"]} {short}', f'{scope["method"]} {path}')
        scope[RULE] = rule
        await self._spoil(rule, scope, receive, _noted(send, entry))

    def _tick(self) -> None:
        """Keep the clock's work going between requests; the task lives as long as its loop."""
        if (
            self.ticker is None
            or self.ticker.done()
            or self.ticker.get_loop() is not asyncio.get_running_loop()
        ):
            self.ticker = asyncio.create_task(self._ticking())

    async def _ticking(self) -> None:
        while True:
            await asyncio.sleep(self.state.config.sweep_every)
            sweep(self.state)

    def _note(self, scope: Scope, vendor: str, path: str, body: bytes) -> Json:
        headers = Headers(scope=scope)
        entry: Json = {
            'at': self.state.now().isoformat(), 'vendor': vendor, 'method': scope['method'], 'path': path,
            'params': _params(scope, headers, body), 'idempotency_key': headers.get('idempotency-key'),
            'user_agent': headers.get('user-agent'), 'status': None,
        }  # fmt: skip
        self.state.requests.append(entry)
        return entry

    async def _spoil(self, rule: Rule | None, scope: Scope, receive: Receive, send: Send) -> None:
        do = rule.do if rule else ''
        if rule and do == 'html':
            await HTMLResponse(BAD_GATEWAY, rule.status)(scope, receive, send)
        elif rule and do in ('hang', 'reset'):
            await gone(receive, rule.seconds if do == 'hang' else 0)
            await _hang_up(scope, receive, send)
        elif do in ('lose', 'cut', 'truncate'):
            await self._afterwards(do, scope, receive, send)
        elif rule and do in ('fail', 'delay') and not is_api(scope):
            await _page(rule, self.app)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _afterwards(self, do: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Do the work, then spoil the answer."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, keep)
        body = b''.join(message.get('body', b'') for message in messages[1:])
        half = body[: len(body) // 2]
        start = messages[0]
        if do == 'truncate':
            length = (b'content-length', str(len(half)).encode())
            start['headers'] = [item for item in start['headers'] if item[0] != b'content-length'] + [length]
        if do == 'cut':  # a compressor in between must not miss the other half
            start['headers'] = [item for item in start['headers'] if item[0] != b'content-length']
        if do != 'lose':
            await send(start)
            await send({'type': 'http.response.body', 'body': half, 'more_body': do == 'cut'})
        if do == 'cut':
            await asyncio.sleep(0.01)
            await _hang_up(scope, receive)
        elif do == 'lose':
            await _hang_up(scope, receive, send)


def is_api(scope: Scope) -> bool:
    """Whether a request goes to one of the two APIs, which heed `fail` and `delay` themselves."""
    vendor, path = vendor_of(scope['path'].removeprefix(scope.get('root_path', '')))
    return path.split('/')[1] in API_ROOTS.get(str(vendor), ())


def _page(rule: Rule, app: ASGIApp) -> ASGIApp:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        if rule.do == 'fail':
            await PlainTextResponse(rule.message or 'Something went wrong.', rule.status)(
                scope, receive, send
            )
            return
        await asyncio.sleep(rule.seconds)
        await app(scope, receive, send)

    return page


async def _hang_up(scope: Scope, receive: Receive, send: Send | None = None) -> None:
    """Drop the connection; what is still sent reaches nobody, it only satisfies middleware in between."""
    drop(scope)
    await gone(receive, 1.0)
    if send is not None:
        await Response(status_code=499)(scope, receive, send)


def vendor_of(path: str) -> tuple[str | None, str]:
    """Which sandbox a path belongs to, and the path as the vendor documents it."""
    for vendor in ('stripe', 'calendly'):
        if path.startswith(f'/{vendor}/'):
            return vendor, path.removeprefix(f'/{vendor}')
    return None, path


def _params(scope: Scope, headers: Headers, body: bytes) -> Any:
    if headers.get('content-type', '').startswith('application/json'):
        with contextlib.suppress(ValueError):
            return json.loads(body)
    text = body.decode(errors='replace') if scope['method'] == 'POST' else scope['query_string'].decode()
    return [list(pair) for pair in forms.pairs(text)]


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """The whole body, and a `receive` that tells it once more."""
    body, more = b'', True
    while more:
        message = await receive()
        body += message.get('body', b'')
        more = message.get('more_body', False)
    waiting: list[Message] = [{'type': 'http.request', 'body': body, 'more_body': False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return body, again


def _noted(send: Send, entry: Json) -> Send:
    async def noted(message: Message) -> None:
        if message['type'] == 'http.response.start':
            entry['status'] = message['status']
        await send(message)

    return noted
