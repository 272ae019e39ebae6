"""A ledger with a million orders beside one with a thousand. Run: ``.venv/bin/python -m benchmarks.million``.

The page of an order and the webhook endpoint are those of two real processes, asked in turn, one question at a
time; the rounds of the reconciler are run in this process, in turn, with equal work in each.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from random import Random
from statistics import median

from sqlalchemy import update

from benchmarks.ledger.years import RECENT, is_paid, mark, years
from benchmarks.pages.layout_shift import Still
from benchmarks.pages.stencil import DIGITS, Stencil, record, utc_now
from benchmarks.shared import results
from benchmarks.webhooks.endpoint import LIBRARIES, SHOP, Endpoint, endpoint_of, fill, open_orders
from services.database import schema
from services.settings import parse_settings
from services.shop import Shop, build

TITLE = 'A ledger with a million orders'
SIZES = (1000, 1_000_000)
WARM_UP, TIMES, ROUNDS = 20, 300, 60
DUE = 20  # orders that each round compares with Stripe
ALLOWED = 0.20
PAGE, DELIVERY, ROUND = 'order page', 'webhook delivery', 'reconciler round'
WHATS = (PAGE, DELIVERY, ROUND)

NOTES = f"""
Both ledgers, SQLite files, hold three years of orders in every state with journal, deliveries and bookings
(`benchmarks/years.py`). Medians: {TIMES} pages of paid orders anywhere in those years; {TIMES} deliveries
of orders just paid; {ROUNDS} rounds that compare {DUE} due orders with Stripe and read both of its lists,
with a hundred events that are known already. The two ledgers take turns, one question at a time. Stripe is a
stand-in with recorded answers (`benchmarks/still.py`)."""


@dataclass
class Ledger:
    """One ledger of some size: a process at its endpoints, a shop in this one, and the seconds all took."""

    size: int
    endpoint: Endpoint
    shop: Shop
    seconds: dict[str, list[float]] = field(default_factory=lambda: {what: [] for what in WHATS})

    async def look(self, chance: Random) -> None:
        """Open the page of some paid order."""
        number = mark(some_paid(self.size, chance))
        page = await self.endpoint.ask(
            b'GET /order/token-%0*d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' % (DIGITS, number)
        )
        assert b'R%0*d' % (DIGITS, number) in page

    async def make_due(self, chance: Random) -> None:
        """Have some of the recently paid orders looked at by the next round."""
        chosen: set[int] = set()
        while len(chosen) < DUE:
            chosen.add(some_paid(int(self.size * RECENT), chance))
        orders = schema.orders
        which = orders.c.id.in_([f'order-{mark(number):0{DIGITS}}' for number in chosen])
        due = update(orders).where(which).values(due_at=utc_now())
        await self.shop.ledger.store.write(lambda connection: connection.execute(due))

    async def time(self, what: str, work: Awaitable[object]) -> None:
        """Do something and note the time it took."""
        began = time.perf_counter()
        await work
        self.seconds[what].append(time.perf_counter() - began)


def some_paid(size: int, chance: Random) -> int:
    """Pick an order that was paid, whenever that was."""
    while not is_paid(number := chance.randrange(size)):
        pass
    return number


@asynccontextmanager
async def ledger(stencil: Stencil, size: int, stripe: str, folder: Path) -> AsyncIterator[Ledger]:
    """Fill a database and open it twice: in a process of its own, and here for the rounds."""
    began, url = time.perf_counter(), f'sqlite:///{folder}.db'
    await fill(url, chain(years(stencil, size, utc_now()), open_orders(stencil, WARM_UP + TIMES)))
    print(f'{size:,} orders written in {time.perf_counter() - began:.0f} s', flush=True)
    environment = stencil.environment | {'STRIPE_API_BASE': stripe, 'DATABASE_URL': url}
    del environment['CALENDLY_TOKEN']  # a page would ask there
    shop = build(parse_settings(environment))
    await shop.open()
    try:
        await shop.payments.learn_account()
        async with endpoint_of(SHOP, folder, environment | {'RECONCILE_SECONDS': '3600'}) as endpoint:
            yield Ledger(size, endpoint, shop)
    finally:
        await shop.close()


async def compare(stencil: Stencil, ledgers: list[Ledger]) -> None:
    """Ask both in turn; what comes first only warms them up."""
    chance = Random(1)
    for number in range(WARM_UP + TIMES):
        for each in chance.sample(ledgers, len(ledgers)):
            await each.time(PAGE, each.look(chance))
            await each.time(DELIVERY, each.endpoint.ask(stencil.delivery(number, now=time.time())))
    for _ in range(WARM_UP + ROUNDS):
        for each in chance.sample(ledgers, len(ledgers)):
            await each.make_due(chance)
            await each.time(ROUND, each.shop.reconciler.round())
    for each in ledgers:
        assert not each.shop.ledger.moves, 'a round had something to repair'


def events(stencil: Stencil) -> bytes:
    """Write a page of events that both ledgers have worked long ago."""
    paid = [mark(number) for number in range(min(SIZES)) if is_paid(number)][:100]
    bodies = (stencil.print(stencil.event, each).replace(b'"evt_', b'"evt_old_', 1) for each in paid)
    return b'{"object": "list", "has_more": false, "data": [%s]}' % b','.join(bodies)


def rows(ledgers: list[Ledger]) -> Iterator[str]:
    """Write the figures as lines of a table."""
    for what in WHATS:
        small, large = (1000 * median(each.seconds[what][WARM_UP:]) for each in ledgers)
        said = 'met' if large <= small * (1 + ALLOWED) else 'MISSED'
        yield f'| {what} | {small:.2f} | {large:.2f} | {large / small - 1:+.0%} | {said} |'


async def measure() -> list[str]:
    """Measure everything; returns the lines of the paper."""
    stencil = await record()
    still = Still(stencil)
    still.events = events(stencil)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stripe = await stack.enter_async_context(still.open())
        ledgers = [
            await stack.enter_async_context(ledger(stencil, size, stripe, folder / str(size)))
            for size in SIZES
        ]
        await compare(stencil, ledgers)
    sizes = ' | '.join(f'{size:,} orders, ms' for size in SIZES)
    head = [f'| what | {sizes} | difference | at most {ALLOWED:.0%} |', '|---|---|---|---|---|']
    return [*head, *rows(ledgers), NOTES]


if __name__ == '__main__':
    results.write(TITLE, asyncio.run(measure()), libraries=LIBRARIES)
