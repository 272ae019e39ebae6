"""Send ten thousand deliveries in one burst, each of them twice, and check that nothing is lost or doubled.

Each of five thousand paid sessions is delivered two times, in random order, over several connections. A
delivery that is refused is sent again, as Stripe would. Afterwards the ledger is checked.
"""

import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from sqlalchemy import func, select

from benchmarks.shared.databases import databases, fill, open_orders
from benchmarks.shared.http_client import ConnectionPool
from benchmarks.shared.order_template import OrderTemplate, record
from benchmarks.shared.recorded_stripe import RecordedStripe
from benchmarks.shared.servers import SHOP, memory, new_server, running
from benchmarks.webhooks.deliveries import CONNECTIONS, send_all
from services.database import schema
from services.ledger import connect
from tests.processes import Server

TITLE = 'Webhooks: a burst of repeated deliveries'
ORDERS, COPIES = 5000, 2
STEPS = 5  # memory is read after each fifth
TRIES = 20  # of a delivery that is refused

NOTES = f"""
Command: `python -m benchmarks.webhooks --only burst`. {ORDERS:,} paid sessions are delivered to one
process, each {COPIES} times, in random order, over {CONNECTIONS} connections. Then the ledger is checked; a
line "→ paid" in an order's journal is a payment that was recorded."""


@dataclass
class Burst:
    """How a burst went."""

    seconds: float
    refused: int
    memory: list[float]  # MiB, before and after each step

    def row(self, name: str, found: dict[str, int]) -> str:
        """Write it as a line of a table."""
        memory = ' → '.join(f'{each:.0f}' for each in self.memory)
        cells = [f'{ORDERS * COPIES / self.seconds:.0f}', self.refused, *found.values(), memory]
        return f'| {name} | ' + ' | '.join(map(str, cells)) + ' |'


async def send_burst(server: Server, template: OrderTemplate) -> Burst:
    """Send all deliveries to a shop."""
    shop = ConnectionPool(server.url)
    numbers = [number for number in range(ORDERS) for _ in range(COPIES)]
    Random(1).shuffle(numbers)
    started, burst = time.perf_counter(), Burst(0, 0, [memory(server)])
    bounds = range(0, len(numbers) + 1, len(numbers) // STEPS)
    for first, last in pairwise(bounds):
        waiting = [template.delivery(number, now=time.time()) for number in numbers[first:last]]
        for _ in range(TRIES):
            waiting = (await send_all(shop, waiting)).refused
            burst.refused += len(waiting)
            if not waiting:
                break
        burst.memory.append(memory(server))
    burst.seconds = time.perf_counter() - started
    shop.close()
    return burst


async def count_rows(database_url: str) -> dict[str, int]:
    """Count what the ledger holds: paid orders, payments in the journal, handled deliveries, the rest."""
    orders, deliveries, journal = schema.orders.c, schema.deliveries.c, schema.journal
    paid = journal.c.line.like('%→ paid')
    twice = select(journal.c.order_id).where(paid).group_by(journal.c.order_id).having(func.count() > 1)
    statements = {
        'paid': select(func.count()).where(orders.payment_status == 'paid'),
        'lost': select(func.count()).where(orders.payment_status != 'paid'),
        'payments in the journal': select(func.count()).where(paid),
        'recorded twice': select(func.count()).select_from(twice.subquery()),
        'handled': select(func.count()).where(deliveries.handled_at.is_not(None)),
        'unhandled': select(func.count()).where(deliveries.handled_at.is_(None)),
    }
    store = connect(database_url)
    try:
        return {name: (await store.read(statement))[0][0] for name, statement in statements.items()}
    finally:
        await store.close()


def verdict(found: dict[str, int], burst: Burst) -> str:
    """Write whether the ledger is as it must be."""
    right = {'paid': ORDERS, 'payments in the journal': ORDERS, 'handled': ORDERS}
    wrong = [name for name, count in found.items() if count != right.get(name, 0)]
    growth = burst.memory[-1] - burst.memory[1]
    result = f'WRONG: {", ".join(wrong)}' if wrong else 'nothing lost, nothing doubled'
    return f'{result}; after the first {1 / STEPS:.0%} memory grew by {growth:.1f} MiB'


async def measure() -> list[str]:
    """Send a burst to a shop on each database; return the lines of the section."""
    template, rows, verdicts = await record(), [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with RecordedStripe(template).open() as stripe, databases(folder) as urls:
            for kind, url in urls.items():
                await fill(url, open_orders(template, ORDERS))
                settings = template.settings | {'STRIPE_API_BASE': stripe, 'DATABASE_URL': url}
                async with running(new_server('shop', SHOP, folder, settings)) as server:
                    burst = await send_burst(server, template)
                found = await count_rows(url)
                rows.append(burst.row(kind, found))
                verdicts.append(f'- {kind}: {verdict(found, burst)}')
                print(rows[-1], verdicts[-1], sep='\n', flush=True)
    names = ' | '.join(found)
    head = (
        f'| database | deliveries/s | refused at first | {names} | memory, MiB, after each {1 / STEPS:.0%} |'
    )
    return [head, '|---' * (len(found) + 4) + '|', *rows, '', *verdicts, NOTES]
