"""Ten thousand deliveries at once, half of them twice. Run: ``.venv/bin/python -m benchmarks.storm``.

Each of five thousand paid sessions is delivered, and its delivery repeated, all of it shuffled and over
several connections. What is refused comes again, as Stripe would. Then the ledger is looked at.
"""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from sqlalchemy import func, select

from benchmarks.pages.layout_shift import Still
from benchmarks.pages.stencil import Stencil, record
from benchmarks.shared import results
from benchmarks.webhooks.endpoint import (
    CONNECTIONS,
    LIBRARIES,
    SHOP,
    Endpoint,
    databases,
    endpoint_of,
    fill,
    open_orders,
)
from services.database import schema
from services.ledger import connect

TITLE = 'A storm of deliveries'
ORDERS, COPIES = 5000, 2
STEPS = 5  # memory is read after each fifth
PATIENCE = 20  # times that what was refused comes again

NOTES = f"""
{ORDERS:,} paid sessions are delivered at one process, each {COPIES} times, shuffled, over {CONNECTIONS}
connections. Then the ledger is asked; a line "→ paid" in an order's journal is a payment that was noticed."""


@dataclass
class Weather:
    """How a storm went by."""

    seconds: float
    refused: int
    memory: list[float]  # MiB, before and after each step

    def row(self, name: str, found: dict[str, int]) -> str:
        """Write it as a line of a table."""
        memory = ' → '.join(f'{each:.0f}' for each in self.memory)
        cells = [f'{ORDERS * COPIES / self.seconds:.0f}', self.refused, *found.values(), memory]
        return f'| {name} | ' + ' | '.join(map(str, cells)) + ' |'


async def pass_over(endpoint: Endpoint, stencil: Stencil) -> Weather:
    """Let the storm pass over a shop."""
    numbers = [number for number in range(ORDERS) for _ in range(COPIES)]
    Random(1).shuffle(numbers)
    began, weather = time.perf_counter(), Weather(0, 0, [endpoint.memory()])
    bounds = range(0, len(numbers) + 1, len(numbers) // STEPS)
    for first, last in pairwise(bounds):
        waiting = [stencil.delivery(number, now=time.time()) for number in numbers[first:last]]
        for _ in range(PATIENCE):
            knocks = await endpoint.as_fast_as_it_goes(waiting)
            waiting = knocks.refused
            weather.refused += len(waiting)
            if not waiting:
                break
        weather.memory.append(endpoint.memory())
    weather.seconds = time.perf_counter() - began
    return weather


async def look(database_url: str) -> dict[str, int]:
    """Count what the ledger holds: paid orders, payments in the journal, settled deliveries, the rest."""
    orders, deliveries, journal = schema.orders.c, schema.deliveries.c, schema.journal
    paid = journal.c.line.like('%→ paid')
    twice = select(journal.c.order_id).where(paid).group_by(journal.c.order_id).having(func.count() > 1)
    questions = {
        'paid': select(func.count()).where(orders.payment_status == 'paid'),
        'lost': select(func.count()).where(orders.payment_status != 'paid'),
        'payments in the journal': select(func.count()).where(paid),
        'told twice': select(func.count()).select_from(twice.subquery()),
        'settled': select(func.count()).where(deliveries.handled_at.is_not(None)),
        'unhandled': select(func.count()).where(deliveries.handled_at.is_(None)),
    }
    store = connect(database_url)
    try:
        return {name: (await store.read(question))[0][0] for name, question in questions.items()}
    finally:
        await store.close()


def judge(found: dict[str, int], weather: Weather) -> str:
    """Say whether all is as it must be."""
    right = {'paid': ORDERS, 'payments in the journal': ORDERS, 'settled': ORDERS}
    wrong = [name for name, count in found.items() if count != right.get(name, 0)]
    growth = weather.memory[-1] - weather.memory[1]
    said = f'WRONG: {", ".join(wrong)}' if wrong else 'nothing lost, nothing doubled'
    return f'{said}; after the first {1 / STEPS:.0%} memory grew by {growth:.1f} MiB'


async def measure() -> list[str]:
    """Let a storm pass over each database; returns the lines of the paper."""
    stencil, rows, said = await record(), [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Still(stencil).open() as stripe, databases(folder) as urls:
            for kind, url in urls.items():
                await fill(url, open_orders(stencil, ORDERS))
                environment = stencil.environment | {'STRIPE_API_BASE': stripe, 'DATABASE_URL': url}
                async with endpoint_of(SHOP, folder / kind, environment) as endpoint:
                    weather = await pass_over(endpoint, stencil)
                found = await look(url)
                rows.append(weather.row(kind, found))
                said.append(f'- {kind}: {judge(found, weather)}')
                print(rows[-1], said[-1], sep='\n', flush=True)
    names = ' | '.join(found)
    head = f'| ledger | deliveries/s | refused at first | {names} | memory, MiB, after each {1 / STEPS:.0%} |'
    return [head, '|---' * (len(found) + 4) + '|', *rows, '', *said, NOTES]


if __name__ == '__main__':
    results.write(TITLE, asyncio.run(measure()), libraries=LIBRARIES)
