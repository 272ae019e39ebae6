"""A still of Stripe: answers with recorded bytes, so that what is measured does not wait for the sandbox."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from benchmarks.pages.stencil import EXPAND, Stencil
from benchmarks.pages.wire import Lines, Message, read_message
from tests.processes import Server, free_port

READS, CONNECTIONS = 1000, 16

ASKED = re.compile(rb'GET /stripe/v1/([\w/]+)')
SESSION = re.compile(rb'checkout/sessions/cs_test_0*(\d+)')
NOTHING = json.dumps({'object': 'list', 'data': [], 'has_more': False}).encode()
PRICE = json.dumps({'id': 'price', 'active': True, 'unit_amount': 15000, 'currency': 'usd'}).encode()
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s'


class Still:
    """Stands where Stripe would; every session named is a paid one, and ``events`` is the list of events."""

    def __init__(self, stencil: Stencil) -> None:
        self._stencil = stencil
        self.events = NOTHING

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Listen for as long as the block lasts, at the address that is given."""
        port = free_port()
        async with await asyncio.start_server(self._serve, '127.0.0.1', port):
            yield f'http://127.0.0.1:{port}/stripe'

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                body = self._answer(await read_message(reader))
                writer.write(ANSWER % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, request: Message) -> bytes:
        asked = ASKED.match(request.head)
        what = asked[1] if asked else b''
        if session := SESSION.match(what):
            return self._stencil.print(self._stencil.session, int(session[1]))
        if what == b'account':
            return b'{"id": "acct_still", "object": "account"}'
        if what == b'events':
            return self.events
        return PRICE if what.startswith(b'prices/') else NOTHING


async def reads_of_the_sandbox(folder: Path) -> float:
    """Say how many reads the sandbox answers, in a process of its own."""
    port = free_port()
    sandbox = Server(
        'sandbox', ['-m', 'services.sandbox', f'--port={port}'], port=port, health='/faults', folder=folder
    )
    await asyncio.to_thread(sandbox.start)
    try:
        named = dict(re.findall(r'^([A-Z_]+)=(.*)$', sandbox.log(), re.MULTILINE))
        key, price = named['STRIPE_SECRET_KEY'], named['STRIPE_PRICE_ID']
        form = {'mode': 'payment', 'success_url': 'http://127.0.0.1', 'line_items[0][price]': price}
        form['line_items[0][quantity]'] = '1'
        headers = {'Authorization': f'Bearer {key}'}
        async with httpx.AsyncClient(base_url=named['STRIPE_API_BASE'], headers=headers) as http:
            made = (await http.post('/v1/checkout/sessions', data=form)).json()['id']
        return await _reads_a_second(sandbox.url, f'/stripe/v1/checkout/sessions/{made}?{EXPAND}', key)
    finally:
        await asyncio.to_thread(sandbox.stop)


async def _reads_a_second(url: str, path: str, key: str) -> float:
    """Say how many reads of one session a stand-in of Stripe answers."""
    lines, left = Lines(url), iter(range(READS))
    request = f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n'.encode()

    async def connection() -> None:
        for _ in left:
            answer, _took = await lines.ask(request)
            assert answer.head.startswith(b'HTTP/1.1 200'), answer

    began = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    lines.leave()
    return READS / (time.perf_counter() - began)
