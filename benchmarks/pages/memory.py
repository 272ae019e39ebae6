"""Memory: after page loads that never connect, and with a thousand customers who stay."""

import asyncio
import time
from dataclasses import dataclass
from statistics import median

from benchmarks.pages.customers import connected
from benchmarks.pages.load import Visitors
from benchmarks.pages.throughput import USABLE
from benchmarks.shared.aims import Aim, Part, at_most, spread, table
from benchmarks.shared.stand import BUILT, PLAIN, SHOP, Stand, cpu_seconds, memory, running
from tests.processes import Server

LOADS, TIME = 20_000, 60.0  # page loads that never connect, spread over so many seconds
SLICES = 60
FLAT = 10.0  # MiB that the second half of them may add
CUSTOMERS, BATCH = 1000, 50
STAY, GONE = 10.0, 45.0  # seconds they stay; seconds after which the shop has let go of those who left
TOTAL = 200.0  # MiB

NOTES = f"""\
Resident memory of the server process. Page loads that never connect: {LOADS:,} over {TIME:.0f} s from 64
connections; who does not keep up has had fewer when the time is over. Connected: {CUSTOMERS:,} landing pages,
each with its websocket; the core is what the server spends while they all read. Then they leave,
{GONE:.0f} s pass, and as many others come: what the second {CUSTOMERS:,} need on top was not let go of.
(Here every page of the shop is built; with its budget the thousand would come less quickly.)"""


@dataclass(frozen=True)
class Passing:
    """Memory in MiB around page loads that never connect."""

    loads: int
    before: float
    half: float
    after: float


@dataclass(frozen=True)
class Staying:
    """Memory in MiB around customers who stay."""

    before: float
    first: float
    second: float
    cpu: float  # of a core, while they are there

    def each(self, customers: int) -> float:
        """KiB that one of them needs."""
        return (self.first - self.before) * 1024 / customers


def measure(stand: Stand, rounds: int, *, quick: bool) -> Part:
    """Let people pass by and stay, the contenders in turn."""
    scale = 10 if quick else 1
    passing: dict[str, list[Passing]] = {SHOP: [], PLAIN: []}
    staying: dict[str, list[Staying]] = {BUILT: [], PLAIN: []}
    for _ in range(rounds):
        for name in (SHOP, PLAIN):
            with running(stand.contender(name)) as server:
                passing[name].append(_pass(server, name, scale))
            print(name, passing[name][-1], flush=True)
        for name in (BUILT, PLAIN):
            with running(stand.contender(name)) as server:
                staying[name].append(asyncio.run(_stay(server, name, CUSTOMERS // scale)))
            print(name, staying[name][-1], flush=True)
    lines = [*_passed(passing), '', *_stayed(staying, CUSTOMERS // scale), '', NOTES]
    return Part('Memory', lines, _aims(passing[SHOP], staying, CUSTOMERS // scale))


def _pass(server: Server, name: str, scale: int) -> Passing:
    visitors, before = Visitors(server.url, USABLE[name]), memory(server)
    slices, loads, halves = SLICES // scale, 0, [before]
    began, each = time.monotonic(), TIME / SLICES
    for number in range(1, slices + 1):
        left = began + number * each - time.monotonic()
        answers = visitors.ask(number=LOADS // SLICES, seconds=max(0.0, left))
        loads += answers.usable
        time.sleep(max(0.0, began + number * each - time.monotonic()))
        if number == slices // 2:
            halves.append(memory(server))
    visitors.leave()
    return Passing(loads, before, halves[-1], memory(server))


async def _stay(server: Server, name: str, customers: int) -> Staying:
    before = memory(server)
    first, cpu = await _wave(server, name, customers)
    await asyncio.sleep(GONE)
    second, _ = await _wave(server, name, customers)
    return Staying(before, first, second, cpu)


async def _wave(server: Server, name: str, customers: int) -> tuple[float, float]:
    """Let customers come and stay for a while; returns memory and use of a core while all are there."""
    async with asyncio.TaskGroup() as group:
        all_there = asyncio.Barrier(customers // BATCH + 1)
        leave = asyncio.Event()

        async def batch(pages: list[bytes]) -> None:
            async with connected(server.url, pages):
                await all_there.wait()
                await leave.wait()

        visitors = Visitors(server.url, USABLE[name], connections=10)
        for _ in range(customers // BATCH):
            pages: list[bytes] = []
            await asyncio.to_thread(visitors.ask, number=BATCH, keep=pages)
            group.create_task(batch(pages))
        visitors.leave()
        await all_there.wait()
        spent = cpu_seconds(server)
        await asyncio.sleep(STAY)
        found = memory(server), (cpu_seconds(server) - spent) / STAY
        leave.set()
    return found


def _passed(seen: dict[str, list[Passing]]) -> list[str]:
    heads = ('never connected', 'page loads', 'before, MiB', 'after half, MiB', 'after all, MiB')
    rows = [
        (
            name,
            f'{median(each.loads for each in found):,.0f}',
            *(spread([getattr(each, when) for each in found]) for when in ('before', 'half', 'after')),
        )
        for name, found in seen.items()
    ]
    return table(heads, rows)


def _stayed(seen: dict[str, list[Staying]], customers: int) -> list[str]:
    heads = (
        f'{customers:,} connected',
        'before, MiB',
        'with them, MiB',
        'KiB each',
        'core',
        'with as many others later, MiB',
    )
    rows = [
        (
            name,
            spread([each.before for each in found]),
            spread([each.first for each in found]),
            spread([each.each(customers) for each in found]),
            f'{median(each.cpu for each in found):.0%}',
            spread([each.second for each in found]),
        )
        for name, found in seen.items()
    ]
    return table(heads, rows)


def _aims(passing: list[Passing], staying: dict[str, list[Staying]], customers: int) -> list[Aim]:
    ours, plain = (median(each.each(customers) for each in staying[name]) for name in (BUILT, PLAIN))
    grown = median(each.after - each.half for each in passing)
    again = median(each.second - each.first for each in staying[BUILT])
    share = 100 * again / max(1.0, median(each.first - each.before for each in staying[BUILT]))
    return [
        at_most(
            'memory after page loads that never connect', max(each.after for each in passing), TOTAL, 'MiB', 0
        ),
        at_most('… and what their second half adds', grown, FLAT, 'MiB'),
        at_most('memory of a connected customer', ours / plain, 1, '× plain NiceGUI', 2),
        at_most('memory not let go of when customers leave', share, 20, '%', 0),
    ]
