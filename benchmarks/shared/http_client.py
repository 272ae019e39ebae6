"""A small HTTP/1.1 client on bare streams, so that sending requests costs little of the two cores.

It understands bodies with a Content-Length only; ``benchmarks.pages.load_generator`` also reads chunked ones.
"""

import asyncio
import re
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Message:
    """One request or response as it was received: the head with its empty line, and the body."""

    head: bytes
    body: bytes

    @property
    def is_ok(self) -> bool:
        """Whether this is a response with status 200."""
        return self.head.startswith(b'HTTP/1.1 200')


async def read_message(reader: asyncio.StreamReader) -> Message:
    """Read one message; its head gives the length of its body.

    Raises:
        asyncio.IncompleteReadError: the peer closed the connection.
    """
    head = await reader.readuntil(b'\r\n\r\n')
    length = re.search(rb'(?i)\r\ncontent-length: *(\d+)', head)
    return Message(head, await reader.readexactly(int(length[1]) if length else 0))


class ConnectionPool:
    """Keep-alive connections to one server."""

    def __init__(self, url: str) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._idle: list[Stream] = []

    async def send(self, request: bytes) -> tuple[Message, float]:
        """Send a request unchanged; return the response and the seconds it took."""
        reader, writer = stream = await self._connection()
        started = time.perf_counter()
        writer.write(request)
        response = await read_message(reader)
        seconds = time.perf_counter() - started
        self._idle.append(stream)
        return response, seconds

    def close(self) -> None:
        """Close the connections."""
        for _, writer in self._idle:
            writer.close()

    async def _connection(self) -> Stream:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():  # a server closes a connection that was idle for a while
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)
