"""Signed webhook deliveries of both services: tried until a 2xx, and led astray by faults."""

import asyncio
import hashlib
import hmac
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.sandbox.config import SandboxConfig
from services.sandbox.faults.rules import Faults
from services.sandbox.problems import Json

HEADERS = {'stripe': 'Stripe-Signature', 'calendly': 'Calendly-Webhook-Signature'}
AGENTS = {'stripe': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)', 'calendly': 'Calendly'}


def signature(secret: str, moment: int, body: bytes) -> str:
    """The header both services send: HMAC-SHA256 over `t.body` (https://docs.stripe.com/webhooks/signature)."""
    digest = hmac.new(secret.encode(), f'{moment}.'.encode() + body, hashlib.sha256).hexdigest()
    return f't={moment},v1={digest}'


@dataclass(slots=True, eq=False)
class Delivery:
    """One delivery to one address, and how it fared."""

    vendor: str
    id: str
    type: str
    url: str
    secret: str
    body: bytes
    state: str = 'waiting'
    statuses: list[int | str] = field(default_factory=list)
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    given_up: Callable[[], None] | None = None

    def view(self) -> Json:
        """The delivery as JSON, without its secret."""
        names = ('vendor', 'id', 'type', 'url', 'state')
        return {name: getattr(self, name) for name in names} | {'statuses': list(self.statuses)}


class Webhooks:
    """Carries deliveries; each in a task of its own."""

    def __init__(self, config: SandboxConfig, faults: Faults) -> None:
        self.config = config
        self.faults = faults
        self.log: deque[Delivery] = deque(maxlen=config.keep_settled)
        self.held: list[Delivery] = []
        self.behind: list[Delivery] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, delivery: Delivery) -> None:
        """Take a delivery; whoever must wait for its first attempt waits for `delivery.tried`."""
        self.log.append(delivery)
        rule = self.faults.take(f'webhook {delivery.type}')
        waiting = {'hold': self.held, 'reorder': self.behind}
        if rule is None:
            self._start(self._in_turn(delivery))
        elif rule.do == 'delay':
            self._start(self._in_turn(delivery, rule.seconds))
        elif rule.do == 'duplicate':
            self._start(self._in_turn(delivery))
            self._start(self._attempt(delivery))
        else:
            delivery.state = {'lose': 'lost'}.get(rule.do, 'held')
            waiting.get(rule.do, []).append(delivery)
            delivery.tried.set()

    def release(self, backwards: bool = False) -> int:
        """Deliver what was held, in order or backwards; returns how many."""
        freed, self.held = self.held, []
        for delivery in reversed(freed) if backwards else freed:
            self._start(self._carry(delivery))
        return len(freed)

    def again(self, delivery: Delivery) -> None:
        """Deliver once more, as the vendor's dashboard can."""
        self._start(self._attempt(delivery))

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _in_turn(self, delivery: Delivery, wait: float = 0.0) -> None:
        """Carry it, and right after its first attempt those that were put behind it."""
        late, self.behind = self.behind, []
        await asyncio.sleep(wait)
        carried = asyncio.ensure_future(self._carry(delivery))
        await delivery.tried.wait()
        for other in late:
            self._start(self._carry(other))
        await carried

    async def _carry(self, delivery: Delivery) -> None:
        for delay in (0.0, *self.config.retry_delays):
            await asyncio.sleep(delay)
            if await self._attempt(delivery):
                return
        delivery.state = 'failed'
        if delivery.given_up:
            delivery.given_up()

    async def _attempt(self, delivery: Delivery) -> bool:
        try:
            status: int | str = await self._post(delivery)
        except httpx.HTTPError as error:
            status = type(error).__name__
        delivery.statuses.append(status)
        delivered = isinstance(status, int) and 200 <= status < 300
        delivery.state = 'delivered' if delivered or delivery.state == 'delivered' else 'retrying'
        delivery.tried.set()
        return delivered

    async def _post(self, delivery: Delivery) -> int:
        headers = {
            'Content-Type': 'application/json; charset=utf-8',
            'User-Agent': AGENTS[delivery.vendor],
            HEADERS[delivery.vendor]: signature(delivery.secret, int(self.config.stamp()), delivery.body),
        }
        answer = await self._http().post(delivery.url, content=delivery.body, headers=headers)
        return answer.status_code

    def _http(self) -> httpx.AsyncClient:
        """One client per loop; never through a proxy, for the shop stands next door."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client = httpx.AsyncClient(trust_env=False, timeout=self.config.webhook_timeout)
            self._loop = loop
        return self._client

    async def close(self) -> None:
        """Drop what is under way."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self._client is not None and self._loop is asyncio.get_running_loop():
            await self._client.aclose()
        self._client = None
