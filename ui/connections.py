"""The connections of the web server: how many may be open, and how long one may take to send its headers.

Uvicorn waits for the headers of a request without end. Its ``limit_concurrency`` would answer 503 to every
request, health checks included, while it keeps the silent connections that are the cause.
"""

import asyncio
import logging
import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger(__name__)

HEADER_TIMEOUT = 10.0  # seconds from connecting, or from the first byte of a request, to the last header
RESERVED = 100  # file descriptors for the database, Stripe, Calendly and files
MOST = 10_000  # connections; beyond this memory is the limit
NEARLY = 0.8  # of the connections; above, the log says so
LOG_EVERY = 60.0  # seconds
RAISE_LIMIT = '. Raise the limit of open files of this process (ulimit -n, LimitNOFILE, ulimits)'
WITHOUT_LIMITS = 1024  # file descriptors; what is assumed where the system does not say
BUSY = (
    b'HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n'
    b'Retry-After: 10\r\nConnection: close\r\n\r\nbusy'
)


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard limit; returns how many connections fit.

    Many systems start a process with 1,024, however many it may have.
    """
    try:
        import resource  # not on Windows
    except ImportError:
        return WITHOUT_LIMITS - RESERVED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + RESERVED if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and wanted > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError) as error:
            log.warning('the limit of open files stays at %d: %s', soft, error)
        else:
            log.info('the limit of open files was raised from %d to %d', soft, wanted)
            soft = wanted
    files = MOST + RESERVED if soft == resource.RLIM_INFINITY else soft
    return max(1, min(files - RESERVED, MOST))


class Connection(HttpToolsProtocol):
    """Uvicorn's connection, with a time for the headers and a number of connections; made by ``bounded``."""

    limit: int
    waiting: dict['Connection', asyncio.TimerHandle]
    logged_at: float

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for headers; above the limit, drop the connection that has waited longest."""
        super().connection_made(transport)
        self._wait()
        number = len(self.connections)  # open pages, which have websockets, are among them
        if number > NEARLY * self.limit:
            self._log(number)
        if number > self.limit:
            longest = next(iter(self.waiting))
            if longest is self:
                transport.write(BUSY)
                transport.close()
            else:
                longest._end_wait()  # the system tells of its end later, perhaps after more have come
                longest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait."""
        self._end_wait()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of a later request on the same connection."""
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        """End the wait and handle the request."""
        self._end_wait()
        super().on_headers_complete()

    def _wait(self) -> None:
        if self not in self.waiting:
            self.waiting[self] = self.loop.call_later(HEADER_TIMEOUT, self.transport.abort)

    def _end_wait(self) -> None:
        if timer := self.waiting.pop(self, None):
            timer.cancel()

    def _log(self, number: int) -> None:
        kind = type(self)
        if (now := time.monotonic()) < kind.logged_at + LOG_EVERY:
            return
        kind.logged_at = now
        log.warning(
            '%d connections are open, %d without a request; at %d the oldest without one are closed%s',
            number,
            len(self.waiting),
            self.limit,
            '' if self.limit == MOST else RAISE_LIMIT,
        )


def bounded(limit: int) -> type[Connection]:
    """Make the connection class of one server.

    Args:
        limit: how many connections may be open.
    """
    attributes: dict[str, Any] = {'limit': limit, 'waiting': {}, 'logged_at': -LOG_EVERY}
    return type('BoundedConnection', (Connection,), attributes)
