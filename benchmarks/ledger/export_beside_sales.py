"""Measure an export of a million orders: memory of the process, and clicks on the pay button meanwhile.

The shop and the sandbox are real processes. Clicks with and without an export take turns. The export is the
download of the admin, from the process that serves the clicks; the command runs alone, as the operator's own.
"""

import asyncio
import http.client
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from benchmarks.checkout.clicks import Click, Times, click_with_pauses
from benchmarks.checkout.relay import Relay
from benchmarks.ledger.order_history import history
from benchmarks.shared.databases import fill
from benchmarks.shared.http_client import ConnectionPool, Message
from benchmarks.shared.order_template import record, utc_now
from benchmarks.shared.servers import memory, new_sandbox, new_server, running, sandbox_settings
from benchmarks.shared.tables import met, p99, table
from tests.processes import ROOT, Server

TITLE = 'Export: a million orders beside sales'
SIZE = 1_000_000
ROUNDS = 3
SHOP = ['-m', 'benchmarks.checkout.unlimited_clicks', 'serve']
PASSWORD = 'a password for benchmarks'  # noqa: S105
MEMORY, SLOWER = 150, 0.20
DOWNLOAD = '/admin/export/download?subject=orders&format=csv'

NOTES = f"""
Command: `python -m benchmarks.ledger export`. SQLite, three years of orders
(`benchmarks/ledger/order_history.py`). Clicks: 50 customers, each every three seconds, {ROUNDS} rounds with
an export and as many without, in turn; own share of a click as in the benchmark of checkouts. Memory: the
greatest resident memory of the process, read five times a second; of the shop, what the export added."""


class NewConnections(ConnectionPool):
    """Sends each request over a connection of its own: customers who pause find theirs closed."""

    async def send(self, request: bytes) -> tuple[Message, float]:
        """Send a request unchanged; return the response and the seconds it took."""
        self.close()
        self._idle.clear()
        return await super().send(request)


class Download:
    """Downloads an export, again and again, until it is stopped."""

    def __init__(self, url: str, cookie: str) -> None:
        self._address, self._cookie = urlsplit(url).netloc, cookie
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.size = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Download for as long as the block lasts."""
        self._thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            connection = http.client.HTTPConnection(self._address, timeout=60)
            connection.request(
                'GET', DOWNLOAD, headers={'Cookie': self._cookie, 'Accept-Encoding': 'identity'}
            )
            answer = connection.getresponse()
            assert answer.status == 200, answer.status
            while not self._stopped.is_set() and (piece := answer.read(65536)):
                self.size += len(piece)
            connection.close()


class Peak:
    """The greatest resident memory of a process while a block runs, in MiB."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.mib = 0.0

    def read(self) -> None:
        """Read it now."""
        with suppress(OSError):  # it may have ended just now
            status = Path(f'/proc/{self._pid}/status').read_text()
            if found := re.search(r'^VmRSS:\s+(\d+)', status, re.MULTILINE):
                self.mib = max(self.mib, int(found[1]) / 1024)

    async def watch(self, until: asyncio.Event) -> None:
        """Read it five times a second."""
        while not until.is_set():
            self.read()
            await asyncio.sleep(0.2)


def sign_in(server: Server) -> str:
    """Sign in to the admin; returns the cookie."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    headers = {'Content-Type': 'application/x-www-form-urlencoded', 'Origin': server.url}
    connection.request('POST', '/admin/login', urlencode({'password': PASSWORD}), headers)
    answer = connection.getresponse()
    assert answer.status == 303, answer.read()
    return str(answer.getheader('set-cookie')).partition(';')[0]


async def export_by_command(settings: dict[str, str], folder: Path) -> tuple[float, float, int]:
    """Run the command alone; return its greatest memory in MiB, its seconds, and the size of the file."""
    file = folder / 'orders.csv'
    arguments = ['main.py', 'export', 'orders', '--output', str(file)]
    environment = {'PATH': os.environ['PATH']} | settings
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT, env=environment)
    peak, done = Peak(process.pid), asyncio.Event()
    watching = asyncio.create_task(peak.watch(done))
    assert await process.wait() == 0
    done.set()
    await watching
    return peak.mib, time.perf_counter() - started, file.stat().st_size


async def measure() -> list[str]:
    """Measure everything; return the lines of the section."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url, started = f'sqlite:///{folder}/large.db', time.perf_counter()
        await fill(url, history(await record(), SIZE, utc_now()))
        print(f'{SIZE:,} orders inserted in {time.perf_counter() - started:.0f} s', flush=True)
        async with running(new_sandbox(folder)) as sandbox:
            relay = Relay(sandbox.url)
            settings = sandbox_settings(sandbox) | {'DATABASE_URL': url, 'ADMIN_PASSWORD': PASSWORD}
            command, seconds, size = await export_by_command(settings, folder)
            print(f'command: {command:.0f} MiB, {seconds:.0f} s, {size / 1e6:.0f} MB', flush=True)
            settings |= {'STRIPE_API_BASE': f'{relay.url}/stripe', 'RECONCILE_SECONDS': '3600'}
            server = new_server('shop', SHOP, folder, settings)
            async with relay.open(), running(server):
                alone, beside, added = await _compare(server, relay)
    return [*_rows(alone, beside, command, added, seconds, size), NOTES]


async def _compare(server: Server, relay: Relay) -> tuple[Times, Times, float]:
    """Click without and with an export, in turn; return the times, and the memory that exports added."""
    cookie, shop = sign_in(server), NewConnections(server.url)
    without: list[Click] = []
    meanwhile: list[Click] = []
    await click_with_pauses(shop)
    before, peak = memory(server), Peak(server.pid)
    for _ in range(ROUNDS):
        without += await click_with_pauses(shop)
        with Download(server.url, cookie).running():
            done = asyncio.Event()
            watching = asyncio.create_task(peak.watch(done))
            meanwhile += await click_with_pauses(shop)
            done.set()
            await watching
    shop.close()
    return Times.of(without, relay), Times.of(meanwhile, relay), peak.mib - before


def _rows(alone: Times, beside: Times, command: float, added: float, seconds: float, size: int) -> list[str]:
    """Write the figures as a table."""
    difference = p99(beside.own) / p99(alone.own) - 1
    rows = [
        ['click p99 without an export', f'{p99(alone.own):.1f} ms', ''],
        [
            'click p99 with an export',
            f'{p99(beside.own):.1f} ms ({difference:+.0%})',
            met(difference <= SLOWER),
        ],
        ['memory of the command', f'{command:.0f} MiB', met(command < MEMORY)],
        ['memory that it adds to the shop', f'{added:.0f} MiB', met(added < MEMORY)],
        ['the command alone', f'{seconds:.0f} s for {SIZE:,} orders, {size / 1e6:.0f} MB', ''],
    ]
    return table(['', 'measured', f'{SLOWER:.0%}, {MEMORY} MiB'], rows)
