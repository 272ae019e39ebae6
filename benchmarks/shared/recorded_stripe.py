"""A server in the place of Stripe that answers with recorded bytes: it is faster than the sandbox.

Otherwise the sandbox would limit what is measured.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from benchmarks.shared.http_client import ConnectionPool, Message, read_message
from benchmarks.shared.order_template import EXPAND, OrderTemplate
from benchmarks.shared.servers import new_sandbox, running, sandbox_settings
from tests.processes import free_port

READS, CONNECTIONS = 1000, 16

PATH = re.compile(rb'GET /stripe/v1/([\w/]+)')
SESSION = re.compile(rb'checkout/sessions/cs_test_0*(\d+)')
EMPTY_LIST = json.dumps({'object': 'list', 'data': [], 'has_more': False}).encode()
PRICE = json.dumps({'id': 'price', 'active': True, 'unit_amount': 15000, 'currency': 'usd'}).encode()
ACCOUNT = b'{"id": "acct_recorded", "object": "account"}'
RESPONSE = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s'


class RecordedStripe:
    """Answers reads only: every checkout session is a paid one, and ``events`` is the list of events."""

    def __init__(self, template: OrderTemplate) -> None:
        self._template = template
        self.events = EMPTY_LIST

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Listen for as long as the block lasts; give the base URL."""
        port = free_port()
        async with await asyncio.start_server(self._serve, '127.0.0.1', port):
            yield f'http://127.0.0.1:{port}/stripe'

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                body = self._body(await read_message(reader))
                writer.write(RESPONSE % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _body(self, request: Message) -> bytes:
        found = PATH.match(request.head)
        path = found[1] if found else b''
        if session := SESSION.match(path):
            return self._template.numbered(self._template.session, int(session[1]))
        if path == b'account':
            return ACCOUNT
        if path == b'events':
            return self.events
        return PRICE if path.startswith(b'prices/') else EMPTY_LIST


async def sandbox_read_rate(folder: Path) -> float:
    """Measure how many reads of a checkout session a second the sandbox answers."""
    async with running(new_sandbox(folder)) as sandbox:
        settings = sandbox_settings(sandbox)
        form = {
            'mode': 'payment',
            'success_url': 'http://127.0.0.1',
            'line_items[0][price]': settings['STRIPE_PRICE_ID'],
            'line_items[0][quantity]': '1',
        }
        key = settings['STRIPE_SECRET_KEY']
        headers = {'Authorization': f'Bearer {key}'}
        async with httpx.AsyncClient(base_url=settings['STRIPE_API_BASE'], headers=headers) as http:
            session_id = (await http.post('/v1/checkout/sessions', data=form)).json()['id']
        return await _reads_a_second(sandbox.url, f'/stripe/v1/checkout/sessions/{session_id}?{EXPAND}', key)


async def _reads_a_second(url: str, path: str, key: str) -> float:
    server, remaining = ConnectionPool(url), iter(range(READS))
    request = f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n'.encode()

    async def connection() -> None:
        for _ in remaining:
            response, _seconds = await server.send(request)
            assert response.is_ok, response

    started = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    server.close()
    return READS / (time.perf_counter() - started)
