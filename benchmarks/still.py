"""A still of Stripe: answers with recorded bytes, so that what is measured does not wait for the twin."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.stencil import Stencil
from benchmarks.wire import Message, read_message

ASKED = re.compile(rb'GET /stripe/v1/([\w/]+)')
SESSION = re.compile(rb'checkout/sessions/cs_test_0*(\d+)')
NOTHING = json.dumps({'object': 'list', 'data': [], 'has_more': False}).encode()
PRICE = json.dumps({'id': 'price', 'active': True, 'unit_amount': 15000, 'currency': 'usd'}).encode()
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s'


class Still:
    """Stands where Stripe would; every session named is a paid one."""

    def __init__(self, stencil: Stencil) -> None:
        self._stencil = stencil
        self.reads = 0

    @asynccontextmanager
    async def open(self, port: int) -> AsyncIterator[None]:
        """Listen for as long as the block lasts."""
        async with await asyncio.start_server(self._serve, '127.0.0.1', port):
            yield

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
            self.reads += 1
            return self._stencil.print(self._stencil.session, int(session[1]))
        if what == b'account':
            return b'{"id": "acct_still", "object": "account"}'
        return PRICE if what.startswith(b'prices/') else NOTHING
