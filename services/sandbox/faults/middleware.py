"""Middleware around every request: the request log, due work, and the faults that change the response."""

import asyncio
import contextlib
import json
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.sandbox import forms
from services.sandbox.clock import Ticker, run_due
from services.sandbox.faults.connection import drop, wait_for_disconnect
from services.sandbox.faults.rules import Rule
from services.sandbox.mail.server import SmtpListener
from services.sandbox.state import SandboxState
from services.sandbox.types import Json

RULE = 'sandbox.rule'  # key in the ASGI scope
API_ROOTS = {
    'stripe': ('v1', 'v2'),
    'calendly': (
        'users', 'event_types', 'event_type_available_times', 'scheduling_links', 'scheduled_events',
        'webhook_subscriptions', 'shares', 'invitee_no_shows',
    ),
}  # fmt: skip
BAD_GATEWAY = '<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>'


def fault(request: Request, do: str) -> Rule | None:
    """Return the rule that matched this request, if it does `do`."""
    rule: Rule | None = request.scope.get(RULE)
    return rule if rule is not None and rule.do == do else None


async def delay(request: Request) -> None:
    """Wait if a rule delays this request."""
    rule = fault(request, 'delay')
    if rule:
        await asyncio.sleep(rule.seconds)


class FaultMiddleware:
    """Log each request and apply the first rule that matches it."""

    def __init__(self, app: ASGIApp, state: SandboxState) -> None:
        self.app = app
        self.state = state
        self.ticker = Ticker(state)
        self.smtp = SmtpListener(state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        # A mounted application has no lifespan of its own, so the first request starts both.
        self.ticker.start()
        await self.smtp.update()
        run_due(self.state)
        path = scope['path'].removeprefix(scope.get('root_path', ''))
        vendor, vendor_path = vendor_of(path)
        if vendor is None:
            await self.app(scope, receive, self._after(send))
            return
        body, receive = await _read(receive)
        entry = self._log(scope, vendor, vendor_path, body)
        if vendor == 'calendly' and is_api(scope):
            self.state.calendly_calls.add(self.state.now(), scope['method'], vendor_path)
        rule = self.state.faults.take(f'{scope["method"]} {vendor_path}', f'{scope["method"]} {path}')
        scope[RULE] = rule
        await self._respond(rule, scope, receive, _log_status(send, entry))

    def _after(self, send: Send) -> Send:
        """Open or close the SMTP port as an action says, before its response is sent."""

        async def update_first(message: Message) -> None:
            if message['type'] == 'http.response.start':
                await self.smtp.update()
            await send(message)

        return update_first

    def _log(self, scope: Scope, vendor: str, path: str, body: bytes) -> Json:
        headers = Headers(scope=scope)
        entry: Json = {
            'at': self.state.now().isoformat(), 'vendor': vendor, 'method': scope['method'], 'path': path,
            'query': _pairs(scope['query_string'].decode()), 'json': _json(headers, body),
            'authorized': 'authorization' in headers, 'idempotency_key': headers.get('idempotency-key'),
            'user_agent': headers.get('user-agent'), 'status': None,
        }  # fmt: skip
        form = _pairs(body.decode(errors='replace')) if scope['method'] == 'POST' else entry['query']
        entry['params'] = form if entry['json'] is None else entry['json']
        self.state.requests.append(entry)
        return entry

    async def _respond(self, rule: Rule | None, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request as its rule says."""
        do = rule.do if rule else ''
        if rule and do == 'html':
            await HTMLResponse(BAD_GATEWAY, rule.status)(scope, receive, send)
        elif rule and do == 'body':
            await Response(rule.message or '', rule.status, media_type='application/json')(
                scope, receive, send
            )
        elif rule and do in ('hang', 'reset'):
            await wait_for_disconnect(receive, rule.seconds if do == 'hang' else 0)
            await drop(scope, receive, send)
        elif do in ('lose', 'cut', 'truncate'):
            await self._spoil(do, scope, receive, send)
        elif rule and do == 'fail' and not is_api(scope):
            message = rule.message or 'Something went wrong.'
            await PlainTextResponse(message, rule.status)(scope, receive, send)
        else:
            if rule and do == 'delay' and not is_api(scope):
                await asyncio.sleep(rule.seconds)
            await self.app(scope, receive, send)

    async def _spoil(self, do: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request, then withhold the response or a part of it."""
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, collect)
        body = b''.join(message.get('body', b'') for message in messages[1:])
        half = body[: len(body) // 2]
        start = messages[0]
        if do == 'truncate':
            length = (b'content-length', str(len(half)).encode())
            start['headers'] = [item for item in start['headers'] if item[0] != b'content-length'] + [length]
        if do == 'cut':  # outer middleware would wait for the rest of the declared length
            start['headers'] = [item for item in start['headers'] if item[0] != b'content-length']
        if do != 'lose':
            await send(start)
            await send({'type': 'http.response.body', 'body': half, 'more_body': do == 'cut'})
        if do == 'cut':
            await asyncio.sleep(0.01)
            await drop(scope, receive)
        elif do == 'lose':
            await drop(scope, receive, send)


def is_api(scope: Scope) -> bool:
    """Whether a request goes to an API; the APIs apply `fail` and `delay` themselves."""
    vendor, path = vendor_of(scope['path'].removeprefix(scope.get('root_path', '')))
    return path.split('/')[1] in API_ROOTS.get(str(vendor), ())


def vendor_of(path: str) -> tuple[str | None, str]:
    """Return the vendor of a path, if any, and the path as the vendor documents it."""
    for vendor in ('stripe', 'calendly'):
        if path.startswith(f'/{vendor}/'):
            return vendor, path.removeprefix(f'/{vendor}')
    return None, path


def _json(headers: Headers, body: bytes) -> Any:
    """Return the JSON of a body, None where it is none."""
    if headers.get('content-type', '').startswith('application/json'):
        with contextlib.suppress(ValueError):
            return json.loads(body)
    return None


def _pairs(text: str) -> list[list[str]]:
    return [list(pair) for pair in forms.pairs(text)]


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """Read the whole body; return it and a `receive` that yields it again."""
    body, more = b'', True
    while more:
        message = await receive()
        body += message.get('body', b'')
        more = message.get('more_body', False)
    unread: list[Message] = [{'type': 'http.request', 'body': body, 'more_body': False}]

    async def again() -> Message:
        return unread.pop() if unread else await receive()

    return body, again


def _log_status(send: Send, entry: Json) -> Send:
    async def log_status(message: Message) -> None:
        if message['type'] == 'http.response.start':
            entry['status'] = message['status']
        await send(message)

    return log_status
