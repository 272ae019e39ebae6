"""A relay between a shop and the sandbox that times how long each checkout session takes at the sandbox."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from benchmarks.shared.http_client import Message, read_message
from tests.processes import free_port

SESSION = re.compile(rb'cs_test_\w+')


def session_in(message: Message) -> bytes:
    """Return the id of the first checkout session in a message; b'' if there is none."""
    found = SESSION.search(message.head + message.body)
    return found[0] if found else b''


class Relay:
    """Forwards every request to one server.

    Attributes:
        url: where it listens while ``open`` runs.
        seconds: the time from request to response, by the id of the session that was created.
    """

    def __init__(self, target: str) -> None:
        self._host, self._port = urlsplit(target).hostname, urlsplit(target).port
        self._own_port = free_port()
        self.url = f'http://127.0.0.1:{self._own_port}'
        self.seconds: dict[bytes, float] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen for as long as the block lasts."""
        async with await asyncio.start_server(self._serve, '127.0.0.1', self._own_port):
            yield

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target_reader, target_writer = await asyncio.open_connection(self._host, self._port)
        try:
            while True:
                request = await read_message(reader)
                started = time.perf_counter()
                target_writer.write(request.head + request.body)
                response = await read_message(target_reader)
                writer.write(response.head + response.body)
                if b'POST /stripe/v1/checkout/sessions ' in request.head:
                    self.seconds[session_in(response)] = time.perf_counter() - started
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            target_writer.close()
            writer.close()
