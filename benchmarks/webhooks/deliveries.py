"""Send signed deliveries to a webhook endpoint, as fast as it answers or at a given rate."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from benchmarks.shared.http_client import ConnectionPool

CONNECTIONS = 16


@dataclass
class Outcome:
    """How a load of deliveries went: the seconds each took, and the requests not answered with 200."""

    seconds: list[float] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    total: float = 0.0  # seconds from the first request to the last response

    @property
    def rate(self) -> float:
        """Deliveries a second."""
        return len(self.seconds) / self.total

    async def send(self, shop: ConnectionPool, request: bytes, due: float) -> None:
        """Send one delivery; its time counts from the moment it was due."""
        response, _ = await shop.send(request)
        self.seconds.append(time.perf_counter() - due)
        if not response.is_ok:
            self.refused.append(request)


async def send_all(shop: ConnectionPool, requests: Iterable[bytes]) -> Outcome:
    """Send over several connections, on each the next delivery as soon as the last one is answered."""
    outcome, waiting, started = Outcome(), iter(requests), time.perf_counter()

    async def connection() -> None:
        for request in waiting:
            await outcome.send(shop, request, time.perf_counter())

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    outcome.total = time.perf_counter() - started
    return outcome


async def send_at_rate(shop: ConnectionPool, requests: Iterable[bytes], rate: float) -> Outcome:
    """Send at random times, so many a second on average, without waiting for earlier responses."""
    outcome, random, started = Outcome(), Random(1), time.perf_counter()
    due = started
    async with asyncio.TaskGroup() as group:
        for request in requests:
            due += random.expovariate(rate)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(outcome.send(shop, request, due))
    outcome.total = time.perf_counter() - started
    return outcome
