"""Request a page over many keep-alive connections, and check every response.

It has one thread and bare sockets, so that a request costs less than its response.
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
    'GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: text/html\r\n'
    'Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\n\r\n'
)
LENGTH = re.compile(rb'\r\ncontent-length: *(\d+)', re.IGNORECASE)
CHUNKED = re.compile(rb'\r\ntransfer-encoding: *chunked', re.IGNORECASE)
ENCODING = re.compile(rb'\r\ncontent-encoding: *(\w+)', re.IGNORECASE)
LAST_CHUNK = b'\r\n0\r\n\r\n'
TIMEOUT = 60.0  # seconds without any response
DECODERS: dict[bytes, Callable[[bytes], bytes]] = {b'br': brotli.decompress, b'gzip': gzip.decompress}


@dataclass(frozen=True)
class Responses:
    """How many responses were usable, how many were not, and the seconds they all took."""

    usable: int
    unusable: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Usable responses a second."""
        return self.usable / self.seconds


class Connection:
    """One connection, and the part of a response that it has received."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=TIMEOUT)
        self.socket.setblocking(False)
        self._received = bytearray()
        self._body_start = self._body_end = 0

    def send(self, request: bytes) -> None:
        """Send a request; it is small enough for any empty buffer."""
        self._received.clear()
        self._body_start = self._body_end = 0
        self.socket.send(request)

    def read(self) -> tuple[bytes, bytes] | None:
        """Read what is there; return head and body once both are complete.

        Raises:
            ConnectionError: the server closed the connection.
        """
        part = self.socket.recv(1 << 18)
        if not part:
            raise ConnectionResetError
        self._received += part
        if not self._body_start and (end := self._received.find(b'\r\n\r\n')) >= 0:
            self._body_start = end + 4
            length = LENGTH.search(self._received, 0, end)
            self._body_end = self._body_start + int(length[1]) if length else 0
        if not self._is_complete():
            return None
        return bytes(self._received[: self._body_start]), bytes(self._received[self._body_start :])

    def _is_complete(self) -> bool:
        if not self._body_start:
            return False
        if self._body_end:
            return len(self._received) >= self._body_end
        return self._received.endswith(LAST_CHUNK)


class LoadGenerator:
    """Requests the landing page of one server, each time as a new browser."""

    def __init__(self, url: str, usable: bytes, *, connections: int = CONNECTIONS) -> None:
        """Open the connections.

        Args:
            url: of the server.
            usable: a text that every usable page contains.
            connections: how many.
        """
        parts = urlsplit(url)
        self._address = (str(parts.hostname), int(parts.port or 80))
        self._request = REQUEST.format(host=parts.netloc, agent=AGENT).encode()
        self._usable_text = usable
        self._known: set[bytes] = set()  # usable bodies that were received before
        self._selector = selectors.DefaultSelector()
        self._idle = [Connection(self._address) for _ in range(connections)]

    def run(
        self, *, number: float = float('inf'), seconds: float = float('inf'), keep: list[bytes] | None = None
    ) -> Responses:
        """Send requests up to a number or a time, whichever comes first, and read every response.

        Args:
            number: of requests.
            seconds: after which no request is sent any more.
            keep: receives the usable pages, uncompressed.

        Raises:
            TimeoutError: the server has stopped responding.
        """
        started, usable, unusable, sent, pending = time.perf_counter(), 0, 0, 0, 0
        while True:
            while self._idle and sent < number and time.perf_counter() < started + seconds:
                self._send(self._idle.pop())
                sent, pending = sent + 1, pending + 1
            if not pending:
                return Responses(usable, unusable, time.perf_counter() - started)
            for connection, response in self._completed():
                pending -= 1
                self._idle.append(connection)
                is_usable = response is not None and self._is_usable(*response, keep)
                usable, unusable = usable + is_usable, unusable + (not is_usable)

    def close(self) -> None:
        """Close the connections."""
        self._selector.close()
        for connection in self._idle:
            connection.socket.close()

    def _send(self, connection: Connection) -> None:
        connection.send(self._request)
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    def _completed(self) -> list[tuple[Connection, tuple[bytes, bytes] | None]]:
        """Return the completed responses; a lost connection is replaced, and its response is None."""
        completed: list[tuple[Connection, tuple[bytes, bytes] | None]] = []
        events = self._selector.select(TIMEOUT)
        if not events:
            raise TimeoutError(f'no response within {TIMEOUT:.0f} s')
        for key, _ in events:
            connection: Connection = key.data
            try:
                response = connection.read()
            except ConnectionError:
                self._selector.unregister(connection.socket)
                connection.socket.close()
                completed.append((Connection(self._address), None))
                continue
            if response is not None:
                self._selector.unregister(connection.socket)
                completed.append((connection, response))
        return completed

    def _is_usable(self, head: bytes, body: bytes, keep: list[bytes] | None) -> bool:
        if not head.startswith(b'HTTP/1.1 200'):
            return False
        if body in self._known:
            return True
        page = decode(head, body)
        if self._usable_text not in page:
            return False
        if keep is not None:
            keep.append(page)
        elif not CHUNKED.search(head) and len(self._known) < CONNECTIONS:
            self._known.add(body)
        return True


def decode(head: bytes, body: bytes) -> bytes:
    """Join the chunks of a body and uncompress it."""
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
