"""Browsers by the dozen: connections kept open, each asking for a page again and again and reading it.

One thread and bare sockets, so that asking costs less than answering. Every answer is read and judged.
"""

import gzip
import re
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import brotli

CONNECTIONS = 64
AGENT = 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36'
REQUEST = (
    'GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: text/html\r\n'
    'Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\n\r\n'
)
LENGTH = re.compile(rb'\r\ncontent-length: *(\d+)', re.IGNORECASE)
CHUNKED = re.compile(rb'\r\ntransfer-encoding: *chunked', re.IGNORECASE)
ENCODING = re.compile(rb'\r\ncontent-encoding: *(\w+)', re.IGNORECASE)
LAST_CHUNK = b'\r\n0\r\n\r\n'
SILENCE = 60.0  # seconds without any answer after which a server counts as choked
DECODERS: dict[bytes, Callable[[bytes], bytes]] = {b'br': brotli.decompress, b'gzip': gzip.decompress}


class Choked(Exception):
    """A server has answered nobody for a long time."""


@dataclass(frozen=True)
class Answers:
    """What a number of requests came to."""

    usable: int
    unusable: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Usable answers per second."""
        return self.usable / self.seconds


class Line:
    """One connection: its request is out, its answer grows."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=SILENCE)
        self.socket.setblocking(False)
        self._got = bytearray()
        self._body_at = self._ends_at = 0

    def ask(self, request: bytes) -> None:
        """Send a request; it is small enough for any empty buffer."""
        self._got.clear()
        self._body_at = self._ends_at = 0
        self.socket.send(request)

    def read(self) -> tuple[bytes, bytes] | None:
        """Read what is there; returns head and body once both are whole.

        Raises:
            ConnectionError: the server has left.
        """
        part = self.socket.recv(1 << 18)
        if not part:
            raise ConnectionResetError
        self._got += part
        if not self._body_at and (end := self._got.find(b'\r\n\r\n')) >= 0:
            self._body_at = end + 4
            length = LENGTH.search(self._got, 0, end)
            self._ends_at = self._body_at + int(length[1]) if length else 0
        if not self._is_whole():
            return None
        return bytes(self._got[: self._body_at]), bytes(self._got[self._body_at :])

    def _is_whole(self) -> bool:
        if not self._body_at:
            return False
        return len(self._got) >= self._ends_at if self._ends_at else self._got.endswith(LAST_CHUNK)


class Visitors:
    """People with a browser each, who all want the same page of one server."""

    def __init__(self, url: str, usable: bytes, *, connections: int = CONNECTIONS, path: str = '/') -> None:
        """Open the connections.

        Args:
            url: of the server.
            usable: what stands in every page that is of use.
            connections: how many.
            path: of the page.
        """
        parts = urlsplit(url)
        self._address = (str(parts.hostname), int(parts.port or 80))
        self._request = REQUEST.format(path=path, host=parts.netloc, agent=AGENT).encode()
        self._usable_mark = usable
        self._known: set[bytes] = set()  # usable bodies that come again and again
        self._selector = selectors.DefaultSelector()
        self._idle = [Line(self._address) for _ in range(connections)]

    def ask(
        self, *, number: float = float('inf'), seconds: float = float('inf'), keep: list[bytes] | None = None
    ) -> Answers:
        """Ask so often or for so long, whichever ends first, and read every answer.

        Args:
            number: of requests.
            seconds: after which nothing more is asked.
            keep: takes the pages, as they read uncompressed.

        Raises:
            Choked: nothing comes back any more.
        """
        began, usable, unusable, asked = time.perf_counter(), 0, 0, 0
        ends, busy = began + seconds, 0
        while True:
            while self._idle and asked < number and time.perf_counter() < ends:
                self._send(self._idle.pop())
                asked, busy = asked + 1, busy + 1
            if not busy:
                return Answers(usable, unusable, time.perf_counter() - began)
            for line, answer in self._answered():
                busy -= 1
                self._idle.append(line)
                good = answer is not None and self._is_usable(*answer, keep)
                usable, unusable = usable + good, unusable + (not good)

    def leave(self) -> None:
        """Close the connections."""
        self._selector.close()
        for line in self._idle:
            line.socket.close()

    def _send(self, line: Line) -> None:
        line.ask(self._request)
        self._selector.register(line.socket, selectors.EVENT_READ, line)

    def _answered(self) -> list[tuple[Line, tuple[bytes, bytes] | None]]:
        """The lines that have come to an end; a lost one is replaced, and its answer is None."""
        done: list[tuple[Line, tuple[bytes, bytes] | None]] = []
        events = self._selector.select(SILENCE)
        if not events:
            raise Choked
        for key, _ in events:
            line: Line = key.data
            try:
                answer = line.read()
            except ConnectionError:
                self._selector.unregister(line.socket)
                line.socket.close()
                done.append((Line(self._address), None))
                continue
            if answer is not None:
                self._selector.unregister(line.socket)
                done.append((line, answer))
        return done

    def _is_usable(self, head: bytes, body: bytes, keep: list[bytes] | None) -> bool:
        if not head.startswith(b'HTTP/1.1 200'):
            return False
        if body in self._known:
            return True
        page = decoded(head, body)
        if self._usable_mark not in page:
            return False
        if keep is not None:
            keep.append(page)
        elif not CHUNKED.search(head) and len(self._known) < CONNECTIONS:
            self._known.add(body)
        return True


def decoded(head: bytes, body: bytes) -> bytes:
    """A body as it was before it was cut up and compressed for the way."""
    if CHUNKED.search(head):
        body = b''.join(_chunks(body))
    encoding = ENCODING.search(head)
    return DECODERS[encoding[1].lower()](body) if encoding else body


def _chunks(body: bytes) -> list[bytes]:
    chunks: list[bytes] = []
    at = 0
    while True:
        end = body.index(b'\r\n', at)
        size = int(body[at:end].partition(b';')[0], 16)
        if not size:
            return chunks
        chunks.append(body[end + 2 : end + 2 + size])
        at = end + 4 + size
