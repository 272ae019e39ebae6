"""Click the pay button over HTTP, in three ways, and take the time the sandbox needed off each click."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import chain
from random import Random
from statistics import median

from benchmarks.checkout.relay import Relay, session_in
from benchmarks.shared.http_client import ConnectionPool
from benchmarks.shared.servers import running
from benchmarks.shared.tables import p99
from tests.processes import Server

WARM_UP = 30  # clicks
# Each load runs against a new process, whose rate limits are lifted.
CLICKS = 1000
CUSTOMERS = 50
PAUSE = 3.0  # seconds between two clicks of one customer, on average
CLICKS_EACH = 10  # of a customer who pauses

FORM = b'shown=15000-usd&again='
REQUEST = (
    b'POST /checkout HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n'
    b'Content-Length: %d\r\n\r\n%s' % (len(FORM), FORM)
)


@dataclass(frozen=True)
class Click:
    """One click: the checkout session it redirected to, and the seconds it took."""

    session: bytes
    seconds: float


Load = Callable[[ConnectionPool], Awaitable[list[Click]]]


async def click(shop: ConnectionPool) -> Click:
    """Submit the pay button's form as a new browser.

    Raises:
        RuntimeError: the response does not redirect to a checkout session.
    """
    response, seconds = await shop.send(REQUEST)
    session = session_in(response)
    if not response.head.startswith(b'HTTP/1.1 303') or not session:
        raise RuntimeError(f'not redirected to Stripe: {response.head.decode()}')
    return Click(session, seconds)


async def click_in_turn(shop: ConnectionPool, count: int = CLICKS) -> list[Click]:
    """Click as one customer, again as soon as the last click is answered."""
    return [await click(shop) for _ in range(count)]


async def click_at_once(shop: ConnectionPool) -> list[Click]:
    """Click as fifty customers without a pause: the shop is never idle."""
    customers = (click_in_turn(shop, CLICKS // CUSTOMERS) for _ in range(CUSTOMERS))
    return list(chain(*await asyncio.gather(*customers)))


async def click_with_pauses(shop: ConnectionPool) -> list[Click]:
    """Click as fifty customers, each every three seconds on average."""
    random = Random(1)

    async def customer(pauses: list[float]) -> list[Click]:
        clicks = []
        for pause in pauses:
            await asyncio.sleep(pause)
            clicks.append(await click(shop))
        return clicks

    pauses = [[random.uniform(0, 2 * PAUSE) for _ in range(CLICKS_EACH)] for _ in range(CUSTOMERS)]
    return list(chain(*await asyncio.gather(*map(customer, pauses))))


@dataclass(frozen=True)
class Times:
    """What the clicks of one load took, in milliseconds: our own share, and the sandbox's."""

    own: list[float]
    sandbox: list[float]

    @classmethod
    def of(cls, clicks: list[Click], relay: Relay) -> 'Times':
        """Split each click by what the relay measured."""
        sandbox = [relay.seconds[click.session] for click in clicks]
        own = [click.seconds - there for click, there in zip(clicks, sandbox, strict=True)]
        return cls([1000 * each for each in own], [1000 * each for each in sandbox])

    def cells(self) -> str:
        """Write the cells of a table."""
        return f'{len(self.own)} | {median(self.own):.1f} | {p99(self.own):.1f} | {median(self.sandbox):.1f}'


async def measure(server: Server, relay: Relay, load: Load) -> Times:
    """Start a server that reaches the sandbox through the relay, click, and stop it."""
    async with relay.open(), running(server):
        shop = ConnectionPool(server.url)
        try:
            await asyncio.gather(*(click(shop) for _ in range(WARM_UP)))
            return Times.of(await load(shop), relay)
        finally:
            shop.close()
