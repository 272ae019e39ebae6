"""From the start of a process to the first answer of the landing page."""

import time
from statistics import median

from benchmarks.shared.aims import Part, at_most, spread, table
from benchmarks.shared.stand import PLAIN, SHOP, Stand
from tests.processes import Server

LIMIT = 1.8
NOTES = """\
Asked again and again from the start on, until the landing page is answered with 200. The shop finds its
ledger as it left it; Python has its byte code."""


def measure(stand: Stand, rounds: int, *, quick: bool) -> Part:
    """Start each contender again and again, in turn."""
    servers = {name: stand.contender(name) for name in (SHOP, PLAIN)}
    seconds: dict[str, list[float]] = {name: [] for name in servers}
    for server in servers.values():
        _start(server)
    for _ in range(rounds):
        for name, server in servers.items():
            seconds[name].append(_start(server))
            print(name, seconds[name][-1], flush=True)
    ratio = median(seconds[SHOP]) / median(seconds[PLAIN])
    rows = [(name, spread(found, 2)) for name, found in seconds.items()]
    return Part(
        'Start to first answer',
        [*table(('who', 'seconds'), rows), '', NOTES],
        [at_most('start to first answer', ratio, LIMIT, '× plain NiceGUI', 2)],
    )


def _start(server: Server) -> float:
    began = time.perf_counter()
    server.start()
    took = time.perf_counter() - began
    server.stop()
    return took
