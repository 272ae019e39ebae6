"""Signed webhook deliveries of both services, with retries and injected faults."""

import asyncio
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.sandbox.config import SandboxConfig
from services.sandbox.faults.rules import Faults
from services.sandbox.types import Json

HEADERS = {'stripe': 'Stripe-Signature', 'calendly': 'Calendly-Webhook-Signature'}
AGENTS = {'stripe': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)', 'calendly': 'Calendly'}


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the signature header: HMAC-SHA256 of `t.body` (https://docs.stripe.com/webhooks/signature)."""
    digest = hmac.new(secret.encode(), f'{timestamp}.'.encode() + body, hashlib.sha256).hexdigest()
    return f't={timestamp},v1={digest}'


@dataclass(slots=True, eq=False)
class Delivery:
    """A webhook delivery to one URL, with its state and the responses so far."""

    vendor: str
    id: str
    type: str
    url: str
    secret: str
    body: bytes
    state: str = 'waiting'
    statuses: list[int | str] = field(default_factory=list)
    attempted: asyncio.Event = field(default_factory=asyncio.Event)
    on_attempt: Callable[[int | str], bool] | None = None  # gets each response; False ends the retries
    on_failure: Callable[[], None] | None = None

    def view(self) -> Json:
        """Return the delivery as JSON, without its secret."""
        names = ('vendor', 'id', 'type', 'url', 'state')
        return {name: getattr(self, name) for name in names} | {'statuses': list(self.statuses)}


class Webhooks:
    """Send deliveries, each in its own task."""

    def __init__(self, config: SandboxConfig, faults: Faults) -> None:
        self.config = config
        self.faults = faults
        self.log: deque[Delivery] = deque(maxlen=config.max_closed)
        self.held: list[Delivery] = []
        self.reordered: list[Delivery] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, delivery: Delivery) -> None:
        """Start a delivery; `delivery.attempted` is set after its first attempt."""
        self.log.append(delivery)
        rule = self.faults.take(f'webhook {delivery.type}')
        if rule is None:
            self._start(self._deliver_in_order(delivery))
        elif rule.do == 'delay':
            self._start(self._deliver_in_order(delivery, rule.seconds))
        elif rule.do == 'duplicate':
            self._start(self._deliver_in_order(delivery))
            self._start(self._attempt(delivery))
        else:
            delivery.attempted.set()
            delivery.state = 'lost' if rule.do == 'lose' else 'held'
            if rule.do != 'lose':
                (self.held if rule.do == 'hold' else self.reordered).append(delivery)

    def release(self, backwards: bool = False) -> int:
        """Send the held deliveries, in order or backwards; return their number."""
        released, self.held = self.held, []
        for delivery in reversed(released) if backwards else released:
            self._start(self._deliver(delivery))
        return len(released)

    def resend(self, delivery: Delivery) -> None:
        """Send a delivery once more, as from the vendor's dashboard."""
        self._start(self._attempt(delivery))

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _deliver_in_order(self, delivery: Delivery, delay: float = 0.0) -> None:
        """Send a delivery, and after its first attempt the reordered ones."""
        reordered, self.reordered = self.reordered, []
        await asyncio.sleep(delay)
        task = asyncio.ensure_future(self._deliver(delivery))
        await delivery.attempted.wait()
        for other in reordered:
            self._start(self._deliver(other))
        await task

    async def _deliver(self, delivery: Delivery) -> None:
        for delay in (0.0, *self.config.retry_delays):
            await asyncio.sleep(delay)
            if await self._attempt(delivery) or delivery.state == 'failed':
                return
        delivery.state = 'failed'
        if delivery.on_failure:
            delivery.on_failure()

    async def _attempt(self, delivery: Delivery) -> bool:
        try:
            status: int | str = await self._post(delivery)
        except httpx.HTTPError as error:
            status = type(error).__name__
        delivery.statuses.append(status)
        delivered = isinstance(status, int) and 200 <= status < 300
        delivery.state = 'delivered' if delivered or delivery.state == 'delivered' else 'retrying'
        if delivery.on_attempt and not delivery.on_attempt(status) and not delivered:
            delivery.state = 'failed'
        delivery.attempted.set()
        return delivered

    async def _post(self, delivery: Delivery) -> int:
        headers = {
            'Content-Type': 'application/json; charset=utf-8',
            'User-Agent': AGENTS[delivery.vendor],
            HEADERS[delivery.vendor]: signature(delivery.secret, int(time.time()), delivery.body),
        }
        response = await self._http().post(delivery.url, content=delivery.body, headers=headers)
        return response.status_code

    def _http(self) -> httpx.AsyncClient:
        """Return the HTTP client of this event loop; it ignores proxies, because the shop is local."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client = httpx.AsyncClient(trust_env=False, timeout=self.config.webhook_timeout)
            self._loop = loop
        return self._client

    async def close(self) -> None:
        """Cancel all deliveries and close the HTTP client."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self._client is not None and self._loop is asyncio.get_running_loop():
            await self._client.aclose()
        self._client = None
