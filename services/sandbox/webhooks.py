"""Signed webhook deliveries of both services: tried until a 2xx, and led astray by levers."""

import asyncio
import hashlib
import hmac
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.sandbox.config import SandboxConfig
from services.sandbox.faults.rules import Levers
from services.sandbox.problems import Json

HEADERS = {'stripe': 'Stripe-Signature', 'calendly': 'Calendly-Webhook-Signature'}
AGENTS = {'stripe': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)', 'calendly': 'Calendly'}


def signature(secret: str, moment: int, body: bytes) -> str:
    """The header both services send: HMAC-SHA256 over `t.body` (https://docs.stripe.com/webhooks/signature)."""
    digest = hmac.new(secret.encode(), f'{moment}.'.encode() + body, hashlib.sha256).hexdigest()
    return f't={moment},v1={digest}'


@dataclass(slots=True, eq=False)
class Parcel:
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


class Courier:
    """Carries parcels; each in a task of its own."""

    def __init__(self, config: SandboxConfig, levers: Levers) -> None:
        self.config = config
        self.levers = levers
        self.log: deque[Parcel] = deque(maxlen=config.keep_settled)
        self.held: list[Parcel] = []
        self.behind: list[Parcel] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, parcel: Parcel) -> None:
        """Take a parcel; whoever must wait for its first attempt waits for `parcel.tried`."""
        self.log.append(parcel)
        rule = self.levers.take(f'webhook {parcel.type}')
        waiting = {'hold': self.held, 'reorder': self.behind}
        if rule is None:
            self._start(self._in_turn(parcel))
        elif rule.do == 'delay':
            self._start(self._in_turn(parcel, rule.seconds))
        elif rule.do == 'duplicate':
            self._start(self._in_turn(parcel))
            self._start(self._attempt(parcel))
        else:
            parcel.state = {'lose': 'lost'}.get(rule.do, 'held')
            waiting.get(rule.do, []).append(parcel)
            parcel.tried.set()

    def release(self, backwards: bool = False) -> int:
        """Deliver what was held, in order or backwards; returns how many."""
        freed, self.held = self.held, []
        for parcel in reversed(freed) if backwards else freed:
            self._start(self._carry(parcel))
        return len(freed)

    def again(self, parcel: Parcel) -> None:
        """Deliver once more, as the vendor's dashboard can."""
        self._start(self._attempt(parcel))

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _in_turn(self, parcel: Parcel, wait: float = 0.0) -> None:
        """Carry it, and right after its first attempt those that were put behind it."""
        late, self.behind = self.behind, []
        await asyncio.sleep(wait)
        carried = asyncio.ensure_future(self._carry(parcel))
        await parcel.tried.wait()
        for other in late:
            self._start(self._carry(other))
        await carried

    async def _carry(self, parcel: Parcel) -> None:
        for delay in (0.0, *self.config.retry_delays):
            await asyncio.sleep(delay)
            if await self._attempt(parcel):
                return
        parcel.state = 'failed'
        if parcel.given_up:
            parcel.given_up()

    async def _attempt(self, parcel: Parcel) -> bool:
        try:
            status: int | str = await self._post(parcel)
        except httpx.HTTPError as error:
            status = type(error).__name__
        parcel.statuses.append(status)
        delivered = isinstance(status, int) and 200 <= status < 300
        parcel.state = 'delivered' if delivered or parcel.state == 'delivered' else 'retrying'
        parcel.tried.set()
        return delivered

    async def _post(self, parcel: Parcel) -> int:
        headers = {
            'Content-Type': 'application/json; charset=utf-8',
            'User-Agent': AGENTS[parcel.vendor],
            HEADERS[parcel.vendor]: signature(parcel.secret, int(self.config.stamp()), parcel.body),
        }
        answer = await self._http().post(parcel.url, content=parcel.body, headers=headers)
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
