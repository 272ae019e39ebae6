"""Measure how many landing pages a second one process serves under load, and what a page costs."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from benchmarks.pages.contenders import (
    FLASK,
    PAIDSLOT,
    PLAIN_NICEGUI,
    STATIC,
    UNLIMITED,
    Contenders,
    selling,
)
from benchmarks.pages.load_generator import CONNECTIONS, LoadGenerator, Responses
from benchmarks.pages.part import Part
from benchmarks.shared.servers import cpu_seconds
from benchmarks.shared.tables import at_least, spread, table

USABLE = {PLAIN_NICEGUI: b'Schedule My C'} | dict.fromkeys(
    (PAIDSLOT, UNLIMITED, STATIC, FLASK), b'action="/checkout"'
)
"""A text that every usable page contains; plain NiceGUI's button is data in a script."""
WARM_UP = 2 * CONNECTIONS  # pages; they use up the builds that the shop allows in a burst
SECONDS, QUICK_SECONDS = 6.0, 2.0

NOTES = f"""\
{CONNECTIONS} keep-alive connections, each requesting the next page as soon as it has read one; headers as
browsers send them, a new browser each time. Every response is read, uncompressed, and searched for the pay
button or its form; the rates are of usable responses. Each round runs against a new process; the load
generator shares the cores. Flask: gunicorn, 1 worker with 4 threads, the hand-written page from its
template. CPU is the server's own. "Every page built" is the shop without load shedding
(`benchmarks/pages/unlimited_builds.py`). Plain NiceGUI: the same texts by its own elements and defaults
(`benchmarks/pages/plain_nicegui_site.py`). Static HTML: written by hand, rendered once
(`benchmarks/pages/static_site.py`)."""


@dataclass(frozen=True)
class Round:
    """One round of one server."""

    responses: Responses
    cpu: float  # milliseconds of the server for each usable response


def measure(contenders: Contenders, rounds: int, *, quick: bool) -> Part:
    """Put the servers under load, in turn."""
    seen: dict[str, list[Round]] = defaultdict(list)
    for _ in range(rounds):
        for name in (PAIDSLOT, UNLIMITED, PLAIN_NICEGUI, STATIC, FLASK):
            seen[name].append(_round(contenders, name, QUICK_SECONDS if quick else SECONDS))
            print(f'{name}: {seen[name][-1].responses.per_second:,.0f} pages/s', flush=True)
    rates = {name: median(each.responses.per_second for each in found) for name, found in seen.items()}
    rows = [
        (
            name,
            spread([each.responses.per_second for each in found]),
            f'{median(each.cpu for each in found):.2f}',
            f'{sum(each.responses.usable for each in found):,}',
            f'{sum(each.responses.unusable for each in found):,}',
        )
        for name, found in seen.items()
    ]
    heads = ('server', 'pages/s', 'CPU ms a page', 'usable responses', 'others')
    unusable = sum(each.responses.unusable for each in seen[PAIDSLOT])
    aims = [
        at_least('pages/s under load', rates[PAIDSLOT] / rates[FLASK], 5, '× Flask'),
        at_least('pages/s, every page built', rates[UNLIMITED] / rates[PLAIN_NICEGUI], 2, '× plain NiceGUI'),
        at_least('usable responses under load', 100.0 * (not unusable), 100, '%', 0),
    ]
    return Part('the landing page under load', [*table(heads, rows), '', NOTES], aims)


def _round(contenders: Contenders, name: str, seconds: float) -> Round:
    with selling(contenders.server(name)) as server:
        load = LoadGenerator(server.url, USABLE[name])
        load.run(number=WARM_UP)
        before = cpu_seconds(server)
        responses = load.run(seconds=seconds)
        spent = cpu_seconds(server) - before
        load.close()
    return Round(responses, 1000 * spent / max(1, responses.usable))
