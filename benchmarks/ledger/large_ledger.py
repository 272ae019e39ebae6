"""Measure order page, webhook delivery and reconciler round with a thousand and with a million orders.

Order pages and deliveries go to two real processes in turn, one request at a time. The reconciler's rounds
run in this process, in turn, with equal work in each.
"""

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

from benchmarks.ledger.order_history import RECENT, history, is_paid, scattered
from benchmarks.shared.databases import fill, open_orders
from benchmarks.shared.http_client import ConnectionPool
from benchmarks.shared.order_template import DIGITS, OrderTemplate, record, utc_now
from benchmarks.shared.recorded_stripe import RecordedStripe
from benchmarks.shared.servers import SHOP, new_server, running
from benchmarks.shared.tables import met
from services.database import schema
from services.settings import parse_settings
from services.shop import Shop, build

TITLE = 'Ledger: a million orders'
SIZES = (1000, 1_000_000)
WARM_UP, TIMES, ROUNDS = 20, 300, 60
DUE = 20  # orders that each round compares with Stripe
ALLOWED = 0.20
PAGE, DELIVERY, ROUND = 'order page', 'webhook delivery', 'reconciler round'
OPERATIONS = (PAGE, DELIVERY, ROUND)

NOTES = f"""
Command: `python -m benchmarks.ledger`. Both ledgers are SQLite files and hold three years of orders in
every state, with journal, deliveries and bookings (`benchmarks/ledger/order_history.py`). Medians: {TIMES}
pages of paid orders from all of these years; {TIMES} deliveries for orders just paid; {ROUNDS} rounds that
compare {DUE} due orders with Stripe and read both of its lists, with a hundred events that are already
handled. The two ledgers take turns, one request at a time. Stripe is a server with recorded responses
(`benchmarks/shared/recorded_stripe.py`)."""


@dataclass
class Ledger:
    """A ledger of some size: a process for requests, a shop in this process for rounds, and their times."""

    size: int
    server: ConnectionPool
    shop: Shop
    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in OPERATIONS})

    async def open_page(self, random: Random) -> None:
        """Read the page of some paid order."""
        number = scattered(some_paid(self.size, random))
        request = b'GET /order/token-%0*d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' % (DIGITS, number)
        assert b'R%0*d' % (DIGITS, number) in await self._send(request)

    async def deliver(self, request: bytes) -> None:
        """Send a delivery."""
        await self._send(request)

    async def make_due(self, random: Random) -> None:
        """Let the next round compare some of the recently paid orders."""
        chosen: set[int] = set()
        while len(chosen) < DUE:
            chosen.add(some_paid(int(self.size * RECENT), random))
        orders = schema.orders
        which = orders.c.id.in_([f'order-{scattered(number):0{DIGITS}}' for number in chosen])
        due = update(orders).where(which).values(next_check=utc_now())
        await self.shop.ledger.store.write(lambda connection: connection.execute(due))

    async def time(self, operation: str, work: Awaitable[object]) -> None:
        """Do something, and keep the time it took."""
        started = time.perf_counter()
        await work
        self.seconds[operation].append(time.perf_counter() - started)

    async def _send(self, request: bytes) -> bytes:
        response, _ = await self.server.send(request)
        if not response.is_ok:
            raise RuntimeError(response.head.decode())
        return response.body


def some_paid(size: int, random: Random) -> int:
    """Pick the number of an order that was paid."""
    while not is_paid(number := random.randrange(size)):
        pass
    return number


@asynccontextmanager
async def ledger(template: OrderTemplate, size: int, stripe: str, folder: Path) -> AsyncIterator[Ledger]:
    """Fill a database and open it twice: in a process of its own, and here for the rounds."""
    started, url = time.perf_counter(), f'sqlite:///{folder}/{size}.db'
    await fill(url, chain(history(template, size, utc_now()), open_orders(template, WARM_UP + TIMES)))
    print(f'{size:,} orders inserted in {time.perf_counter() - started:.0f} s', flush=True)
    settings = template.settings | {'STRIPE_API_BASE': stripe, 'DATABASE_URL': url}
    del settings['CALENDLY_TOKEN']  # the order page would call Calendly
    shop = build(parse_settings(settings))
    await shop.open()
    try:
        await shop.payments.learn_account()
        server = new_server('shop', SHOP, folder, settings | {'RECONCILE_SECONDS': '3600'})
        async with running(server):
            yield Ledger(size, ConnectionPool(server.url), shop)
    finally:
        await shop.close()


async def compare(template: OrderTemplate, ledgers: list[Ledger]) -> None:
    """Measure both in turn; the first measurements are a warm-up."""
    random = Random(1)
    for number in range(WARM_UP + TIMES):
        for each in random.sample(ledgers, len(ledgers)):
            await each.time(PAGE, each.open_page(random))
            await each.time(DELIVERY, each.deliver(template.delivery(number, now=time.time())))
    for _ in range(WARM_UP + ROUNDS):
        for each in random.sample(ledgers, len(ledgers)):
            await each.make_due(random)
            await each.time(ROUND, each.shop.reconciler.round())
    for each in ledgers:
        assert not each.shop.ledger.orders.moves, 'a round had something to repair'


def handled_events(template: OrderTemplate) -> bytes:
    """Write a page of events that both ledgers have as handled deliveries."""
    paid = [scattered(number) for number in range(min(SIZES)) if is_paid(number)][:100]
    bodies = (template.numbered(template.event, each).replace(b'"evt_', b'"evt_old_', 1) for each in paid)
    return b'{"object": "list", "has_more": false, "data": [%s]}' % b','.join(bodies)


def rows(ledgers: list[Ledger]) -> Iterator[str]:
    """Write the figures as lines of a table."""
    for name in OPERATIONS:
        small, large = (1000 * median(each.seconds[name][WARM_UP:]) for each in ledgers)
        is_met = met(large <= small * (1 + ALLOWED))
        yield f'| {name} | {small:.2f} | {large:.2f} | {large / small - 1:+.0%} | {is_met} |'


async def measure() -> list[str]:
    """Measure everything; return the lines of the section."""
    template = await record()
    recorded = RecordedStripe(template)
    recorded.events = handled_events(template)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stripe = await stack.enter_async_context(recorded.open())
        ledgers = [await stack.enter_async_context(ledger(template, size, stripe, folder)) for size in SIZES]
        await compare(template, ledgers)
    sizes = ' | '.join(f'{size:,} orders, ms' for size in SIZES)
    head = [f'| operation | {sizes} | difference | at most {ALLOWED:.0%} |', '|---|---|---|---|---|']
    return [*head, *rows(ledgers), NOTES]
