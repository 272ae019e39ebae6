"""A server at whose webhook endpoint deliveries are made: filled with orders, knocked at, watched."""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, Table, insert, text

from benchmarks.pages.stencil import Stencil, row_of, utc_now
from benchmarks.pages.wire import Lines
from services.database import schema
from services.ledger import connect
from tests import postgres
from tests.processes import ROOT, Server, free_port

SHOP, BARE = [str(ROOT / 'main.py'), 'serve'], ['-m', 'benchmarks.bare_endpoint']
CONNECTIONS = 16
DURABLE = {'fsync': 'on', 'full_page_writes': 'on', 'synchronous_commit': 'on'}
LIBRARIES = ('stripe', 'fastapi', 'nicegui', 'sqlalchemy', 'psycopg', 'httpx', 'uvicorn')
CHUNK = 10_000  # rows written at once
NOT_DUE = timedelta(hours=12)  # the reconciler has other things to do meanwhile


@dataclass
class Knocks:
    """How a load of deliveries went: the seconds each took, and those that were not taken."""

    began: float = field(default_factory=time.perf_counter)
    seconds: list[float] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    rate: float = 0.0

    def done(self) -> 'Knocks':
        """Stop the clock."""
        self.rate = len(self.seconds) / (time.perf_counter() - self.began)
        return self


class Endpoint:
    """One running server, and connections to it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._lines = Lines(server.url)

    async def as_fast_as_it_goes(self, requests: Iterable[bytes]) -> Knocks:
        """Knock over several connections, again as soon as the last knock is answered."""
        knocks, waiting = Knocks(), iter(requests)

        async def connection() -> None:
            for request in waiting:
                await self._knock(request, knocks, time.perf_counter())

        await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
        return knocks.done()

    async def at_a_rate(self, requests: Iterable[bytes], rate: float) -> Knocks:
        """Knock at moments that chance gives, so many a second, whether or not others are answered."""
        knocks, chance, moment = Knocks(), Random(1), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for request in requests:
                moment += chance.expovariate(rate)
                await asyncio.sleep(max(0.0, moment - time.perf_counter()))
                group.create_task(self._knock(request, knocks, moment))
        return knocks.done()

    async def ask(self, request: bytes) -> bytes:
        """Ask for something; returns the body of the answer.

        Raises:
            RuntimeError: it is not answered 200.
        """
        answer, _ = await self._lines.ask(request)
        if not answer.head.startswith(b'HTTP/1.1 200'):
            raise RuntimeError(answer.head.decode())
        return answer.body

    async def _knock(self, request: bytes, knocks: Knocks, moment: float) -> None:
        answer, _ = await self._lines.ask(request)
        knocks.seconds.append(time.perf_counter() - moment)
        if not answer.head.startswith(b'HTTP/1.1 200'):
            knocks.refused.append(request)

    def cpu(self) -> float:
        """The seconds of a core that the process has used so far (Linux)."""
        if sys.platform != 'linux':
            raise RuntimeError('the time of a process is read from /proc')
        fields = Path(f'/proc/{self.server.pid}/stat').read_text().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def memory(self) -> float:
        """The resident memory of the process in MiB (Linux)."""
        status = Path(f'/proc/{self.server.pid}/status').read_text()
        found = re.search(r'^VmRSS:\s+(\d+)', status, re.MULTILINE)
        assert found
        return int(found[1]) / 1024

    def leave(self) -> None:
        """Close the connections."""
        self._lines.leave()


@asynccontextmanager
async def endpoint_of(
    arguments: list[str], folder: Path, environment: dict[str, str]
) -> AsyncIterator[Endpoint]:
    """Run a server in a new folder for as long as the block lasts.

    Args:
        arguments: what Python runs: SHOP or BARE.
        folder: where it runs; must not exist yet.
        environment: its settings, without its own address.
    """
    await asyncio.to_thread(folder.mkdir)
    port = free_port()
    own = {'PORT': str(port), 'HOST': '127.0.0.1', 'DOMAIN': f'http://127.0.0.1:{port}'}
    server = Server(
        'server', arguments, port=port, health='/healthz', folder=folder, environment=own | environment
    )
    await asyncio.to_thread(server.start)
    endpoint = Endpoint(server)
    try:
        yield endpoint
    finally:
        endpoint.leave()
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def databases(folder: Path) -> AsyncIterator[dict[str, str]]:
    """Make an empty database of each kind that forgets nothing when the power goes."""
    with ExitStack() as stack:
        server = stack.enter_context(postgres.running(**DURABLE))
        yield {
            'SQLite': f'sqlite:///{folder}/shop.db',
            'PostgreSQL': stack.enter_context(server.database()),
        }


async def fill(database_url: str, rows: Iterable[tuple[Table, dict[str, Any]]]) -> None:
    """Bring a database up to date, and write rows into it, in the order in which they come."""
    store = connect(database_url)
    await store.open()
    await store.write(partial(_write, iter(rows)))
    if store.dialect == 'postgresql':  # as its autovacuum does by and by
        await store.write(lambda connection: connection.execute(text('ANALYZE')))
    await store.close()


def _write(rows: Iterator[tuple[Table, dict[str, Any]]], connection: Connection) -> None:
    if connection.dialect.name == 'sqlite':
        connection.execute(text(f'PRAGMA cache_size=-{2 * 1024 * 1024}'))  # KiB: indexes are built in memory
    while chunk := list(islice(rows, CHUNK)):
        for table in schema.metadata.sorted_tables:
            if values := [row for of, row in chunk if of is table]:
                connection.execute(insert(table), values)


def open_orders(stencil: Stencil, count: int) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Write orders whose customers are at Stripe."""
    now = utc_now()
    for number in range(count):
        order = stencil.order(stencil.opened, number, at=now)
        yield schema.orders, row_of(order, now) | {'due_at': now + NOT_DUE}
