"""The endpoint where Stripe knocks, against a bare one. Run: ``.venv/bin/python -m benchmarks.webhooks``.

Real processes: the shop on SQLite, the shop on PostgreSQL, the bare handler. This process signs and delivers,
and stands where Stripe would: a read there is answered with recorded bytes, since the sandbox itself would be
what limits. Each delivery is of another session; all of them are in the shop's ledger as open orders.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.checkout.__main__ import p99
from benchmarks.pages.layout_shift import Still, reads_of_the_sandbox
from benchmarks.pages.stencil import Stencil, record
from benchmarks.shared import results
from benchmarks.webhooks.endpoint import (
    BARE,
    CONNECTIONS,
    LIBRARIES,
    SHOP,
    Endpoint,
    Knocks,
    databases,
    endpoint_of,
    fill,
    open_orders,
)

TITLE = 'Deliveries at the webhook endpoint'
ROUNDS, DELIVERIES, WARM_UP = 5, 1000, 200
HALF = 1000  # deliveries at half load
NEEDED = WARM_UP + ROUNDS * DELIVERIES + HALF
LEAST, AIM, SLOWEST = 1 / 3, 1 / 2, 0.1  # of the bare rate; seconds

NOTES = f"""
A delivery is signed, names a session of its own, and counts when it was answered 200. Each contender takes
{DELIVERIES:,} over {CONNECTIONS} connections as fast as it goes, in turn, {ROUNDS} times; rates are medians.
Half load is half of a contender's own rate, at moments that chance gives, counted from those moments.
Paidslot notes the delivery (commit), finds the order, reads the session at Stripe, looks for an earlier
payment, moves the order with a line in its journal and settles the delivery (commit), and looks for open
siblings. The bare handler (`benchmarks/bare_endpoint.py`) verifies with `construct_event`, makes the same read
through httpx and commits one row. Every commit is on the disk: SQLite with `synchronous=FULL`, PostgreSQL
with `fsync`. The sandbox of Stripe answers {{reads:.0f}} reads a second, too near to what is measured: all ask a
stand-in that answers with what was recorded at the sandbox (`benchmarks/still.py`).

What limits is the one core that a Python process has, of which a delivery takes so many milliseconds. By
py-spy a third of Paidslot's is the asking of Stripe (httpx and the SDK), a third the ledger with five
transactions in threads, a third the web framework and the loop. The disk does not limit."""


@dataclass
class Contender:
    """One endpoint, the numbers of the orders that are still to be delivered there, and how it went."""

    name: str
    endpoint: Endpoint
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(NEEDED)))
    full: list[Knocks] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    half: Knocks = field(default_factory=Knocks)

    @property
    def rate(self) -> float:
        """Deliveries a second at full load."""
        return median(knocks.rate for knocks in self.full)

    async def take_all(self, stencil: Stencil, count: int) -> None:
        """Take so many deliveries as fast as it goes."""
        requests, before = self._requests(stencil, count), self.endpoint.cpu()
        self.full.append(self._taken(await self.endpoint.as_fast_as_it_goes(requests)))
        self.cpu.append((self.endpoint.cpu() - before) / count)

    async def take_half(self, stencil: Stencil) -> None:
        """Take deliveries at half the rate."""
        self.half = self._taken(await self.endpoint.at_a_rate(self._requests(stencil, HALF), self.rate / 2))

    def row(self) -> str:
        """Write it as a line of a table."""
        rates = [knocks.rate for knocks in self.full]
        seconds = [each for knocks in self.full for each in knocks.seconds]
        return (
            f'| {self.name} | {self.rate:.0f} | {min(rates):.0f}–{max(rates):.0f} '
            f'| {1000 * median(self.cpu):.1f} | {_times(seconds)} | {self.half.rate:.0f} '
            f'| {_times(self.half.seconds)} |'
        )

    def _requests(self, stencil: Stencil, count: int) -> list[bytes]:
        return [stencil.delivery(next(self.numbers), now=time.time()) for _ in range(count)]

    def _taken(self, knocks: Knocks) -> Knocks:
        if knocks.refused:
            raise RuntimeError(
                f'{self.name} refused {len(knocks.refused)}: {self.endpoint.server.log()[-2000:]}'
            )
        return knocks


def _times(seconds: list[float]) -> str:
    return f'{1000 * median(seconds):.0f} | {1000 * p99(seconds):.0f}'


@asynccontextmanager
async def contenders(stencil: Stencil, stripe: str, folder: Path) -> AsyncIterator[list[Contender]]:
    """Run all endpoints; only one is knocked at at a time. The bare one is the last."""
    environment = stencil.environment | {'STRIPE_API_BASE': stripe}
    async with AsyncExitStack() as stack:
        found = []
        for kind, url in (await stack.enter_async_context(databases(folder))).items():
            await fill(url, open_orders(stencil, NEEDED))
            endpoint = endpoint_of(SHOP, folder / kind, environment | {'DATABASE_URL': url})
            found.append(Contender(f'Paidslot, {kind}', await stack.enter_async_context(endpoint)))
        bare = await stack.enter_async_context(endpoint_of(BARE, folder / 'bare', environment))
        yield [*found, Contender('bare handler', bare)]


async def compare(stencil: Stencil, endpoints: list[Contender]) -> None:
    """Load them in turn."""
    for contender in endpoints:
        await contender.take_all(stencil, WARM_UP)
        contender.full.clear()
        contender.cpu.clear()
    for _ in range(ROUNDS):
        for contender in endpoints:
            await contender.take_all(stencil, DELIVERIES)
            print(f'{contender.name}: {contender.full[-1].rate:.0f}/s', flush=True)
    for contender in endpoints:
        await contender.take_half(stencil)


def verdict(contender: Contender, bare: Contender) -> str:
    """Say whether a shop is as fast as it must be."""
    share, slowest = contender.rate / bare.rate, p99(contender.half.seconds)
    reached = 'so the aim is met' if share >= AIM else 'which suffices' if share >= LEAST else 'MISSED'
    held = 'met' if slowest < SLOWEST else 'MISSED'
    return (
        f'- {contender.name}: **{share:.2f}** of the bare rate (at least {LEAST:.2f}, aim {AIM:.2f}), '
        f'{reached}; p99 at half load {1000 * slowest:.0f} ms (below {1000 * SLOWEST:.0f}), {held}'
    )


async def measure() -> list[str]:
    """Measure everything; returns the lines of the paper."""
    stencil = await record()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reads = await reads_of_the_sandbox(folder)
        async with Still(stencil).open() as stripe, contenders(stencil, stripe, folder) as endpoints:
            await compare(stencil, endpoints)
    return [
        '| who | deliveries/s | of the rounds | CPU ms each | median ms | p99 ms '
        '| half load: /s | median ms | p99 ms |',
        '|---|---|---|---|---|---|---|---|---|',
        *(contender.row() for contender in endpoints),
        '',
        *(verdict(contender, endpoints[-1]) for contender in endpoints[:-1]),
        NOTES.format(reads=reads),
    ]


if __name__ == '__main__':
    results.write(TITLE, asyncio.run(measure()), libraries=LIBRARIES)
