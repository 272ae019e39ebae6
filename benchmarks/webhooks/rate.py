"""Measure how many deliveries a second the webhook endpoint accepts, beside a bare handler.

The shop on SQLite, the shop on PostgreSQL and the bare handler are real processes. This process signs and
sends the deliveries, and answers in the place of Stripe with recorded bytes, because the sandbox would be
the limit. Each delivery is about a different checkout session, which the shop's ledger holds as an open
order.
"""

import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.shared.databases import databases, fill, open_orders
from benchmarks.shared.http_client import ConnectionPool
from benchmarks.shared.order_template import OrderTemplate, record
from benchmarks.shared.recorded_stripe import RecordedStripe, sandbox_read_rate
from benchmarks.shared.servers import SHOP, cpu_seconds, new_server, running
from benchmarks.shared.tables import met, p99
from benchmarks.webhooks.deliveries import CONNECTIONS, Outcome, send_all, send_at_rate
from tests.processes import Server

TITLE = 'Webhooks: deliveries a second'
BARE = ['-m', 'benchmarks.webhooks.bare_handler']
ROUNDS, DELIVERIES, WARM_UP = 5, 1000, 200
HALF = 1000  # deliveries at half load
NEEDED = WARM_UP + ROUNDS * DELIVERIES + HALF
LEAST, AIM, SLOWEST = 1 / 3, 1 / 2, 0.1  # of the bare rate; seconds

NOTES = f"""
Command: `python -m benchmarks.webhooks --only rate`. A delivery is signed, is about a session of its own,
and counts when the response is 200. Each server gets {DELIVERIES:,} over {CONNECTIONS} connections as fast
as it answers, in turn, {ROUNDS} times; rates are medians. Half load is half of a server's own rate, at
random times; the milliseconds count from these times. Paidslot records the delivery (commit), finds the
order, reads the session at Stripe, searches for an earlier payment, moves the order with a line in its
journal and marks the delivery handled (commit), and searches for other open sessions. The bare handler
(`benchmarks/webhooks/bare_handler.py`) verifies with `construct_event`, makes the same read through httpx
and commits one row. Every commit is on the disk: SQLite with `synchronous=FULL`, PostgreSQL with `fsync`.
The sandbox of Stripe answers {{reads:.0f}} reads a second, too near to what is measured: all servers read
from one that answers with bytes recorded at the sandbox (`benchmarks/shared/recorded_stripe.py`).

The limit is the one core that a Python process has, and the milliseconds of it that a delivery needs. By
py-spy, Paidslot spends a third on the read at Stripe (httpx and the SDK), a third on the ledger with five
transactions in threads, and a third on the web framework and the event loop. The disk is not the limit."""


@dataclass
class Contender:
    """One running server, the orders whose deliveries it has not had yet, and how it did."""

    name: str
    server: Server
    template: OrderTemplate
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(NEEDED)))
    full: list[Outcome] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)  # seconds for each delivery
    half: Outcome = field(default_factory=Outcome)

    def __post_init__(self) -> None:
        """Prepare the connections."""
        self._connections = ConnectionPool(self.server.url)

    @property
    def rate(self) -> float:
        """Deliveries a second at full load."""
        return median(outcome.rate for outcome in self.full)

    async def run_at_full_load(self, count: int) -> None:
        """Send deliveries as fast as they are answered."""
        requests, before = self._requests(count), cpu_seconds(self.server)
        self.full.append(self._accepted(await send_all(self._connections, requests)))
        self.cpu.append((cpu_seconds(self.server) - before) / count)

    async def run_at_half_load(self) -> None:
        """Send deliveries at half the rate."""
        requests = self._requests(HALF)
        self.half = self._accepted(await send_at_rate(self._connections, requests, self.rate / 2))

    def row(self) -> str:
        """Write it as a line of a table."""
        rates = [outcome.rate for outcome in self.full]
        seconds = [each for outcome in self.full for each in outcome.seconds]
        return (
            f'| {self.name} | {self.rate:.0f} | {min(rates):.0f}–{max(rates):.0f} '
            f'| {1000 * median(self.cpu):.1f} | {_times(seconds)} | {self.half.rate:.0f} '
            f'| {_times(self.half.seconds)} |'
        )

    def _requests(self, count: int) -> list[bytes]:
        return [self.template.delivery(next(self.numbers), now=time.time()) for _ in range(count)]

    def _accepted(self, outcome: Outcome) -> Outcome:
        if outcome.refused:
            raise RuntimeError(f'{self.name} refused {len(outcome.refused)}: {self.server.log()[-2000:]}')
        return outcome


def _times(seconds: list[float]) -> str:
    return f'{1000 * median(seconds):.0f} | {1000 * p99(seconds):.0f}'


@asynccontextmanager
async def contenders(template: OrderTemplate, stripe: str, folder: Path) -> AsyncIterator[list[Contender]]:
    """Run all servers, the bare handler last; only one of them is under load at a time."""
    settings = template.settings | {'STRIPE_API_BASE': stripe}
    async with AsyncExitStack() as stack:
        found = []
        for kind, url in (await stack.enter_async_context(databases(folder))).items():
            await fill(url, open_orders(template, NEEDED))
            shop = new_server('shop', SHOP, folder, settings | {'DATABASE_URL': url})
            server = await stack.enter_async_context(running(shop))
            found.append(Contender(f'Paidslot, {kind}', server, template))
        bare = await stack.enter_async_context(running(new_server('bare', BARE, folder, settings)))
        yield [*found, Contender('bare handler', bare, template)]


async def compare(found: list[Contender]) -> None:
    """Put the servers under load in turn."""
    for contender in found:
        await contender.run_at_full_load(WARM_UP)
        contender.full.clear()
        contender.cpu.clear()
    for _ in range(ROUNDS):
        for contender in found:
            await contender.run_at_full_load(DELIVERIES)
            print(f'{contender.name}: {contender.full[-1].rate:.0f}/s', flush=True)
    for contender in found:
        await contender.run_at_half_load()


def verdict(shop: Contender, bare: Contender) -> str:
    """Write whether a shop is as fast as it must be."""
    share, slowest = shop.rate / bare.rate, p99(shop.half.seconds)
    reached = 'aim met' if share >= AIM else 'sufficient' if share >= LEAST else 'MISSED'
    return (
        f'- {shop.name}: **{share:.2f}** of the bare rate (at least {LEAST:.2f}, aim {AIM:.2f}), {reached}; '
        f'p99 at half load {1000 * slowest:.0f} ms (below {1000 * SLOWEST:.0f}), {met(slowest < SLOWEST)}'
    )


async def measure() -> list[str]:
    """Measure everything; return the lines of the section."""
    template = await record()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reads = await sandbox_read_rate(folder)
        async with RecordedStripe(template).open() as stripe, contenders(template, stripe, folder) as found:
            await compare(found)
    return [
        '| server | deliveries/s | least–greatest | CPU ms each | median ms | p99 ms '
        '| half load: /s | median ms | p99 ms |',
        '|---|---|---|---|---|---|---|---|---|',
        *(contender.row() for contender in found),
        '',
        *(verdict(contender, found[-1]) for contender in found[:-1]),
        NOTES.format(reads=reads),
    ]
