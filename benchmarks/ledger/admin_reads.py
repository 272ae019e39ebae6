"""Measure what the admin reads from a million orders, on SQLite and on PostgreSQL.

Each figure is the time from the call of a reader to its value, in this process: every statement, and the
translation of the rows.
"""

import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from statistics import median, quantiles

from benchmarks.ledger.order_history import FIRST_NAMES, LAST_NAMES, history, is_paid, scattered
from benchmarks.shared.databases import databases, fill
from benchmarks.shared.order_template import DIGITS, OrderTemplate, record, utc_now
from benchmarks.shared.tables import met, table
from services.admin.orders_view import OrdersView
from services.ledger.search import Booked, SortKey
from services.orders import State
from services.settings import parse_settings
from services.shop import Shop, build

TITLE = 'Admin: a million orders'
SIZE = 1_000_000
WARM_UP, TIMES = 3, 40
LIMIT = 200.0  # milliseconds

NOTES = f"""
Command: `python -m benchmarks.ledger admin`. The ledgers hold three years of orders in every state
(`benchmarks/ledger/order_history.py`), 91,000 of them paid and not booked, 14,000 of these in the last 180
days. Times from the call of a reader of the admin to its value, in one process, {TIMES} times each, one after
the other. A page of the list has 50 orders. “Overview” is all that its page shows: what needs a hand, with
counts; the meetings of two days; money of sixty days, and a chart."""

Read = Callable[[Random], Awaitable[object]]


def reads_of(shop: Shop, size: int) -> dict[str, Read]:
    """Name what is measured; each is given a source of random numbers."""

    def page(**changes: object) -> Awaitable[object]:
        return shop.reads.orders.page(OrdersView(**changes))  # type: ignore[arg-type]

    async def next_page(_random: Random) -> None:
        first = await shop.reads.orders.page(OrdersView())
        assert first.following is not None
        assert len((await shop.reads.orders.page(first.following)).rows) == len(first.rows)

    async def by_email(random: Random) -> None:
        email = f'customer{scattered(_paid(size, random)):0{DIGITS}}@example.test'
        assert (await shop.reads.orders.page(OrdersView(text=email))).rows

    async def one_order(random: Random) -> None:
        reference = f'R{scattered(_paid(size, random)):0{DIGITS}}'
        assert await shop.reads.details.find(reference) is not None

    async def overview(_random: Random) -> None:
        await shop.reads.overview.read(checks=(), looking=0)

    return {
        'list, first page': lambda _: page(),
        'list, first and second page': next_page,
        'list, oldest first': lambda _: page(oldest_first=True),
        'list, by payment': lambda _: page(sort=SortKey.PAID),
        'search: a whole e-mail address': by_email,
        'search: the beginning of an e-mail address': lambda random: page(
            text=f'customer{random.randrange(10**6):06}'
        ),
        'search: a name': lambda random: page(
            text=f'{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}'
        ),
        'search: four digits': lambda random: page(text=f'{random.randrange(10**4):04}'),
        'filter: paid but not booked': lambda _: page(booked=Booked.NO),
        'filter: booked': lambda _: page(booked=Booked.YES),
        'filter: disputed': lambda _: page(state=State.DISPUTED),
        'filter: open (none is)': lambda _: page(state=State.OPEN),
        'filter: another environment (no orders)': lambda _: page(mode='live'),
        'overview': overview,
        'one order': one_order,
    }


def _paid(size: int, random: Random) -> int:
    while not is_paid(number := random.randrange(size)):
        pass
    return number


@asynccontextmanager
async def opened(template: OrderTemplate, url: str, size: int) -> AsyncIterator[Shop]:
    """Fill a database and open a shop on it; nothing runs beside the readers."""
    started = time.perf_counter()
    await fill(url, history(template, size, utc_now()))
    print(f'{size:,} orders inserted in {time.perf_counter() - started:.0f} s', flush=True)
    shop = build(parse_settings(template.settings | {'DATABASE_URL': url}))
    shop.booking_reader.was_read = True  # bookings count as known
    await shop.open()
    try:
        yield shop
    finally:
        await shop.close()


async def timed(read: Read) -> list[float]:
    """Return the milliseconds of each reading, without the first ones."""
    random, taken = Random(1), []
    for _ in range(WARM_UP + TIMES):
        started = time.perf_counter()
        await read(random)
        taken.append(1000 * (time.perf_counter() - started))
    return taken[WARM_UP:]


async def measure(size: int = SIZE) -> list[str]:
    """Measure everything; return the lines of the section."""
    template = await record()
    figures: dict[str, list[str]] = {}
    worst: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = await stack.enter_async_context(databases(folder))
        for name, url in urls.items():
            async with opened(template, url, size) as shop:
                for what, read in reads_of(shop, size).items():
                    taken = await timed(read)
                    p95 = quantiles(taken, n=20)[18]
                    print(f'{name}, {what}: {median(taken):.1f}, {p95:.1f}', flush=True)
                    figures.setdefault(what, []).extend((f'{median(taken):.1f}', f'{p95:.1f}'))
                    worst[what] = max(worst.get(what, 0), p95)
    heads = ['reading', *(f'{name}, {figure}, ms' for name in urls for figure in ('median', 'p95'))]
    rows = [(what, *found, met(worst[what] <= LIMIT)) for what, found in figures.items()]
    return [*table([*heads, f'at most {LIMIT:.0f} ms'], rows), NOTES]
