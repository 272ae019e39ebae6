"""HTTP/1.1 as thin as it can be: connections kept open, a customer's click, and a relay that keeps the time.

Both are bare streams, so that on a small machine the measuring costs little of what is measured.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

FORM = b'shown=15000-usd&again='
CLICK = (
    b'POST /checkout HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n'
    b'Content-Length: %d\r\n\r\n%s' % (len(FORM), FORM)
)
SESSION = re.compile(rb'cs_test_\w+')


@dataclass(frozen=True)
class Message:
    """One request or answer as it came: the head with its empty line, and the body."""

    head: bytes
    body: bytes

    @property
    def names(self) -> bytes:
        """The checkout session this names first; b'' for none."""
        found = SESSION.search(self.head + self.body)
        return found[0] if found else b''


async def read_message(reader: asyncio.StreamReader) -> Message:
    """Read one message, whose length its head tells.

    Raises:
        asyncio.IncompleteReadError: the other side has left.
    """
    head = await reader.readuntil(b'\r\n\r\n')
    length = re.search(rb'(?i)\r\ncontent-length: *(\d+)', head)
    return Message(head, await reader.readexactly(int(length[1]) if length else 0))


class Lines:
    """Connections to one server, kept open and used again."""

    def __init__(self, url: str) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, request: bytes) -> tuple[Message, float]:
        """Send a request as it stands; returns the answer and the seconds it took."""
        reader, writer = line = await self._line()
        began = time.perf_counter()
        writer.write(request)
        answer = await read_message(reader)
        took = time.perf_counter() - began
        self._idle.append(line)
        return answer, took

    async def _line(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            line = self._idle.pop()
            if not line[0].at_eof():  # a server closes a connection that was idle for a while
                return line
            line[1].close()
        return await asyncio.open_connection(self._host, self._port)

    def leave(self) -> None:
        """Close the connections."""
        for _, writer in self._idle:
            writer.close()


class Customers(Lines):
    """A place to click at; every click is a new browser."""

    async def click(self) -> tuple[bytes, float]:
        """Click once; returns the session that one is sent to, and the seconds it took.

        Raises:
            RuntimeError: the answer leads anywhere else.
        """
        answer, took = await self.ask(CLICK)
        if not answer.head.startswith(b'HTTP/1.1 303') or not answer.names:
            raise RuntimeError(f'not sent to Stripe: {answer.head.decode()}')
        return answer.names, took


class Relay:
    """Stands between a shop and the sandbox and keeps, per session, the seconds from request to answer."""

    def __init__(self, target: str) -> None:
        self._host, self._port = urlsplit(target).hostname, urlsplit(target).port
        self.seconds: dict[bytes, float] = {}

    @asynccontextmanager
    async def open(self, port: int) -> AsyncIterator[None]:
        """Listen for as long as the block lasts."""
        async with await asyncio.start_server(self._serve, '127.0.0.1', port):
            yield

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(self._host, self._port)
        try:
            while True:
                request = await read_message(reader)
                began = time.perf_counter()
                there_writer.write(request.head + request.body)
                answer = await read_message(there_reader)
                writer.write(answer.head + answer.body)
                if b'POST /stripe/v1/checkout/sessions ' in request.head:
                    self.seconds[answer.names] = time.perf_counter() - began
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            there_writer.close()
            writer.close()
