"""Measure memory: after page loads that never connect, and with a thousand browsers that stay connected."""

import asyncio
import time
from dataclasses import dataclass
from statistics import median

from benchmarks.pages.contenders import PAIDSLOT, PLAIN_NICEGUI, UNLIMITED, Contenders, selling
from benchmarks.pages.load_generator import LoadGenerator
from benchmarks.pages.part import Part
from benchmarks.pages.throughput import USABLE
from benchmarks.pages.websocket_clients import connected
from benchmarks.shared.servers import cpu_seconds, memory
from benchmarks.shared.tables import Aim, at_most, spread, table
from tests.processes import Server

LOADS, DURATION = 20_000, 60.0  # page loads that never connect, spread over so many seconds
SLICES = 60
GROWTH = 10.0  # MiB that the second half of them may add
BROWSERS, BATCH = 1000, 50
STAY, AWAY = 10.0, 45.0  # seconds they stay connected; seconds until the shop has released their pages
TOTAL = 200.0  # MiB

NOTES = f"""\
Resident memory of the server process. Page loads that never connect: {LOADS:,} over {DURATION:.0f} s from
64 connections; a server that is too slow has had fewer when the time is over. Connected: {BROWSERS:,}
landing pages, each with its websocket; the core is what the server uses while all are connected. Then they
disconnect, {AWAY:.0f} s pass, and as many others connect: what the second {BROWSERS:,} need in addition was
not released. (Here every page of the shop is built; load shedding would let the thousand connect less
quickly.)"""


@dataclass(frozen=True)
class Unconnected:
    """Memory in MiB around page loads that never connect."""

    loads: int
    before: float
    half: float
    after: float


@dataclass(frozen=True)
class Connected:
    """Memory in MiB around browsers that stay connected."""

    before: float
    first: float
    second: float
    cpu: float  # of a core, while they are connected

    def each(self, browsers: int) -> float:
        """KiB that one of them needs."""
        return (self.first - self.before) * 1024 / browsers


def measure(contenders: Contenders, rounds: int, *, quick: bool) -> Part:
    """Load pages without and with websockets, the servers in turn."""
    scale = 10 if quick else 1
    browsers = BROWSERS // scale
    unconnected: dict[str, list[Unconnected]] = {PAIDSLOT: [], PLAIN_NICEGUI: []}
    staying: dict[str, list[Connected]] = {UNLIMITED: [], PLAIN_NICEGUI: []}
    for _ in range(rounds):
        for name in unconnected:
            with selling(contenders.server(name)) as server:
                unconnected[name].append(_load_unconnected(server, name, scale))
            print(name, unconnected[name][-1], flush=True)
        for name in staying:
            with selling(contenders.server(name)) as server:
                staying[name].append(asyncio.run(_connect_twice(server, name, browsers)))
            print(name, staying[name][-1], flush=True)
    lines = [*_unconnected_table(unconnected), '', *_connected_table(staying, browsers), '', NOTES]
    return Part('memory', lines, _aims(unconnected[PAIDSLOT], staying, browsers))


def _load_unconnected(server: Server, name: str, scale: int) -> Unconnected:
    load, before = LoadGenerator(server.url, USABLE[name]), memory(server)
    slices, loads, half = SLICES // scale, 0, before
    started, each = time.monotonic(), DURATION / SLICES
    for number in range(1, slices + 1):
        left = started + number * each - time.monotonic()
        loads += load.run(number=LOADS // SLICES, seconds=max(0.0, left)).usable
        time.sleep(max(0.0, started + number * each - time.monotonic()))
        if number == slices // 2:
            half = memory(server)
    load.close()
    return Unconnected(loads, before, half, memory(server))


async def _connect_twice(server: Server, name: str, browsers: int) -> Connected:
    before = memory(server)
    first, cpu = await _connect(server, name, browsers)
    await asyncio.sleep(AWAY)
    second, _ = await _connect(server, name, browsers)
    return Connected(before, first, second, cpu)


async def _connect(server: Server, name: str, browsers: int) -> tuple[float, float]:
    """Connect browsers for a while; return memory and use of a core while all are connected."""
    async with asyncio.TaskGroup() as group:
        all_connected = asyncio.Barrier(browsers // BATCH + 1)
        disconnect = asyncio.Event()

        async def batch(pages: list[bytes]) -> None:
            async with connected(server.url, pages):
                await all_connected.wait()
                await disconnect.wait()

        load = LoadGenerator(server.url, USABLE[name], connections=10)
        for _ in range(browsers // BATCH):
            pages: list[bytes] = []
            await asyncio.to_thread(load.run, number=BATCH, keep=pages)
            group.create_task(batch(pages))
        load.close()
        await all_connected.wait()
        spent = cpu_seconds(server)
        await asyncio.sleep(STAY)
        found = memory(server), (cpu_seconds(server) - spent) / STAY
        disconnect.set()
    return found


def _unconnected_table(seen: dict[str, list[Unconnected]]) -> list[str]:
    heads = ('never connected', 'page loads', 'before, MiB', 'after half, MiB', 'after all, MiB')
    rows = [
        (
            name,
            f'{median(each.loads for each in found):,.0f}',
            spread([each.before for each in found]),
            spread([each.half for each in found]),
            spread([each.after for each in found]),
        )
        for name, found in seen.items()
    ]
    return table(heads, rows)


def _connected_table(seen: dict[str, list[Connected]], browsers: int) -> list[str]:
    heads = (
        f'{browsers:,} connected',
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
            spread([each.each(browsers) for each in found]),
            f'{median(each.cpu for each in found):.0%}',
            spread([each.second for each in found]),
        )
        for name, found in seen.items()
    ]
    return table(heads, rows)


def _aims(unconnected: list[Unconnected], staying: dict[str, list[Connected]], browsers: int) -> list[Aim]:
    ours, plain = (
        median(each.each(browsers) for each in staying[name]) for name in (UNLIMITED, PLAIN_NICEGUI)
    )
    growth = median(each.after - each.half for each in unconnected)
    again = median(each.second - each.first for each in staying[UNLIMITED])
    share = 100 * again / max(1.0, median(each.first - each.before for each in staying[UNLIMITED]))
    return [
        at_most(
            'memory after page loads that never connect',
            max(each.after for each in unconnected),
            TOTAL,
            'MiB',
            0,
        ),
        at_most('… and what their second half adds', growth, GROWTH, 'MiB'),
        at_most('memory of a connected browser', ours / plain, 1, '× plain NiceGUI', 2),
        at_most('memory not released when browsers disconnect', share, 20, '%', 0),
    ]
