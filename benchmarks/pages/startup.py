"""Measure the time from the start of a process to the first response of the landing page."""

import time
from statistics import median

from benchmarks.pages.contenders import PAIDSLOT, PLAIN_NICEGUI, Contenders
from benchmarks.pages.part import Part
from benchmarks.shared.tables import at_most, spread, table
from tests.processes import Server

LIMIT = 1.8
NOTES = """\
Requests are repeated from the start on, until the landing page is answered with 200. The shop's database
exists, and Python's byte code is cached."""


def measure(contenders: Contenders, rounds: int, *, quick: bool) -> Part:
    """Start each server several times, in turn."""
    servers = {name: contenders.server(name) for name in (PAIDSLOT, PLAIN_NICEGUI)}
    seconds: dict[str, list[float]] = {name: [] for name in servers}
    for server in servers.values():
        _start(server)
    for _ in range(rounds):
        for name, server in servers.items():
            seconds[name].append(_start(server))
            print(name, seconds[name][-1], flush=True)
    ratio = median(seconds[PAIDSLOT]) / median(seconds[PLAIN_NICEGUI])
    rows = [(name, spread(found, 2)) for name, found in seconds.items()]
    return Part(
        'from start to first response',
        [*table(('server', 'seconds'), rows), '', NOTES],
        [at_most('start to first response', ratio, LIMIT, '× plain NiceGUI', 2)],
    )


def _start(server: Server) -> float:
    started = time.perf_counter()
    server.start()
    seconds = time.perf_counter() - started
    server.stop()
    return seconds
