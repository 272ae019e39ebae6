"""Click → leaving for Stripe, our own share of it. Run: ``.venv/bin/python -m benchmarks.click``.

Real processes: the shop (``main.py serve``), its rival, the sandbox of Stripe. This process clicks (POST
/checkout, connections kept open, a new browser each time) and relays what they ask of the sandbox. A click's
own share is the time from click to redirect, less the time in which *that click's* question was at the
sandbox, found by the id of its session: what the kernel, the SDK and our queue cost counts as ours.
"""

import asyncio
import re
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random
from statistics import median, quantiles

from benchmarks.pages.wire import Customers, Relay
from benchmarks.shared import results
from tests.processes import ROOT, Server, free_port

TITLE = 'Click → leaving for Stripe: our own share'
WARM_UP = 30  # clicks
# The shop takes 1,200 clicks a minute; each load meets a new process, and stays below.
CLICKS = 1000
CUSTOMERS = 50
PAUSE = 3.0  # seconds between two clicks of one customer who looks at the page in between
ROUNDS = 10  # clicks of each such customer
LIBRARIES = ('stripe', 'fastapi', 'nicegui', 'sqlalchemy', 'psycopg', 'httpx', 'uvicorn')

NOTES = f"""\
Own share: from the click to the redirect, less the time that click's question was at the sandbox of Stripe.
The bare handler (`benchmarks/rival.py`) opens a session and redirects; it keeps nothing, so a crash, a double
click or a lost answer loses what Paidslot keeps. Customers, relay, sandbox and server share the cores. Click
after click, fifty queue for one process: that time is the queue's, and {CUSTOMERS} divided by it is the
throughput."""

Load = Callable[[Customers], Awaitable[list[tuple[bytes, float]]]]


@dataclass(frozen=True)
class Share:
    """What the clicks of one load cost, in milliseconds: our own share, and the sandbox's."""

    own: list[float]
    sandbox: list[float]

    def row(self) -> str:
        """Write it as cells of a table."""
        return f'{len(self.own)} | {median(self.own):.1f} | {p99(self.own):.1f} | {median(self.sandbox):.1f}'


def p99(values: list[float]) -> float:
    """The value that one in a hundred exceeds."""
    return quantiles(values, n=100)[98]


async def one_after_another(customers: Customers) -> list[tuple[bytes, float]]:
    """One customer, the next click as soon as the last is answered."""
    return [await customers.click() for _ in range(CLICKS)]


async def all_at_once(customers: Customers) -> list[tuple[bytes, float]]:
    """Fifty customers who do nothing but click: the shop is never idle."""

    async def customer() -> list[tuple[bytes, float]]:
        return [await customers.click() for _ in range(CLICKS // CUSTOMERS)]

    return list(chain(*await asyncio.gather(*(customer() for _ in range(CUSTOMERS)))))


async def as_people_click(customers: Customers) -> list[tuple[bytes, float]]:
    """Fifty customers on the page, each clicking every three seconds or so: near the shop's own limit."""
    chance = Random(1)

    async def customer(pauses: list[float]) -> list[tuple[bytes, float]]:
        clicks = []
        for pause in pauses:
            await asyncio.sleep(pause)
            clicks.append(await customers.click())
        return clicks

    pauses = [[chance.uniform(0, 2 * PAUSE) for _ in range(ROUNDS)] for _ in range(CUSTOMERS)]
    return list(chain(*await asyncio.gather(*map(customer, pauses))))


LOADS: dict[str, Load] = {
    '1 customer, click after click': one_after_another,
    f'{CUSTOMERS} customers, a click every {PAUSE:.0f} s each': as_people_click,
    f'{CUSTOMERS} customers, click after click': all_at_once,
}


class Stand:
    """The processes of one run, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        port = free_port()
        self.sandbox = self._server(
            'sandbox', ['-m', 'services.sandbox', f'--port={port}'], port, '/faults', {}
        )

    async def measure(self, arguments: list[str], load: Load) -> Share:
        """Start a server anew, let the customers click, and stop it.

        Args:
            arguments: what Python is to run.
            load: how the customers click.
        """
        relay, relay_port, port = Relay(self.sandbox.url), free_port(), free_port()
        named = dict(re.findall(r'^([A-Z_]+)=(.*)$', self.sandbox.log(), re.MULTILINE))
        environment = named | {
            'STRIPE_API_BASE': f'http://127.0.0.1:{relay_port}/stripe',
            'DOMAIN': f'http://127.0.0.1:{port}',
            'PORT': str(port),
            'HOST': '127.0.0.1',
            'SITE_FILE': str(ROOT / 'site.toml'),
        }
        server = self._server('server', arguments, port, '/healthz', environment)
        async with relay.open(relay_port):
            await asyncio.to_thread(server.start)
            customers = Customers(server.url)
            try:
                await asyncio.gather(*(customers.click() for _ in range(WARM_UP)))
                clicks = await load(customers)
            finally:
                customers.leave()
                await asyncio.to_thread(server.stop)
        sandbox = [relay.seconds[session] for session, _ in clicks]
        own = [took - there for (_, took), there in zip(clicks, sandbox, strict=True)]
        return Share([1000 * each for each in own], [1000 * each for each in sandbox])

    def _server(
        self, name: str, arguments: list[str], port: int, health: str, environment: dict[str, str]
    ) -> Server:
        self._count += 1
        folder = self._folder / f'{name}-{self._count}'
        folder.mkdir()
        return Server(name, arguments, port=port, health=health, folder=folder, environment=environment)


async def measure() -> list[str]:
    """Put shop and rival under each load; returns the lines of a table."""
    lines = [
        '| load | who | clicks | own share, median ms | own share, p99 ms | at the sandbox, median ms |',
        '|---|---|---|---|---|---|',
    ]
    with tempfile.TemporaryDirectory() as folder:
        stand = Stand(Path(folder))
        stand.sandbox.start()
        try:
            for name, load in LOADS.items():
                shop = await stand.measure([str(ROOT / 'main.py'), 'serve'], load)
                rival = await stand.measure(['-m', 'benchmarks.rival'], load)
                times = median(shop.own) / median(rival.own), p99(shop.own) / p99(rival.own)
                lines += [f'| {name} | Paidslot | {shop.row()} |', f'| | bare handler | {rival.row()} |']
                lines += [f'| | ratio | | {times[0]:.1f} × | {times[1]:.1f} × | |']
                print(*lines[-3:], sep='\n', flush=True)
        finally:
            stand.sandbox.stop()
    return lines


if __name__ == '__main__':
    results.write(TITLE, [*asyncio.run(measure()), '', NOTES], libraries=LIBRARIES)
