"""How often requests from outside may cause requests to Stripe or mails: per client, per address, in all."""

import asyncio
import ipaddress
import logging
import math
import time
from collections.abc import Callable
from hashlib import sha256

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from services.errors import TooManyRequests

log = logging.getLogger(__name__)

LOG_EVERY = 60.0  # seconds
MAX_WAIT = 5.0  # seconds for which a known browser waits for its turn before it is refused
MAX_WAITING = 50  # browsers that wait at once
POLL = 0.25  # seconds
PREFIXES = {4: (32, 24), 6: (64, 48)}
"""What counts as one client and as one network, by the version of the address."""


class RateLimit:
    """Limits in memory, so each process counts for itself; refused requests are logged as a number."""

    def __init__(
        self,
        *,
        per_client: str,
        per_network: str,
        overall: str,
        known: str,
        on_refused: Callable[[], object],
    ) -> None:
        """Make the limits, written as the limits library reads them: ``20/minute``.

        Args:
            per_client: for one IPv4 address or IPv6 /64.
            per_network: for one IPv4 /24 or IPv6 /48.
            overall: for all clients without a cookie of ours together.
            known: for all browsers together that brought back our cookie; they wait before they are refused.
            on_refused: called for each request that is refused.
        """
        self._per_client, self._per_network = parse(per_client), parse(per_network)
        self._overall, self._known = parse(overall), parse(known)
        self._counter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._on_refused = on_refused
        self._waiting = self._refused = 0
        self._next_line: asyncio.TimerHandle | None = None

    async def admit(self, client_ip: str, *, known: bool = False) -> None:
        """Count a request.

        Args:
            client_ip: the client's IP address as a trusted proxy reports it, '' when there is none.
            known: the browser has loaded a page before and brought back the cookie that was set there.

        Raises:
            TooManyRequests: with the seconds to wait.
        """
        for limit, network in zip((self._per_client, self._per_network), _networks(client_ip), strict=False):
            if not await self._counter.hit(limit, network):
                await self._refuse(limit, network)
        if known:
            await self._wait_for_turn()
        elif not await self._counter.hit(self._overall, 'all'):
            await self._refuse(self._overall, 'all')

    async def _wait_for_turn(self) -> None:
        deadline = time.monotonic() + MAX_WAIT
        while not await self._counter.hit(self._known, 'known'):
            if self._waiting >= MAX_WAITING or time.monotonic() > deadline:
                await self._refuse(self._known, 'known')
            self._waiting += 1
            try:
                await asyncio.sleep(POLL)
            finally:
                self._waiting -= 1

    async def _refuse(self, limit: RateLimitItem, key: str) -> None:
        self._refused += 1
        self._on_refused()
        if self._next_line is None:
            log.warning('too many requests: they are refused above %s; their number follows', limit)
            self._plan_next_line()
        stats = await self._counter.get_window_stats(limit, key)
        raise TooManyRequests(retry_after=max(1, math.ceil(stats.reset_time - time.time())))

    def _plan_next_line(self) -> None:
        self._next_line = asyncio.get_running_loop().call_later(LOG_EVERY, self._log_refused)

    def _log_refused(self) -> None:
        """Log how many requests were refused, minute after minute until there are none."""
        self._next_line = None
        if self._refused:
            log.warning('too many requests: %d were refused within %.0f seconds', self._refused, LOG_EVERY)
            self._refused = 0
            self._plan_next_line()


class AddressLimit:
    """How often something may happen to one e-mail address; each process counts for itself."""

    def __init__(self, limit: str) -> None:
        """Make it.

        Args:
            limit: as the limits library reads it: ``3/hour``.
        """
        self._limit = parse(limit)
        self._counter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def admits(self, email: str) -> bool:
        """Count a request for an address, in any spelling of its case; False above the limit."""
        return await self._counter.hit(self._limit, sha256(email.lower().encode()).hexdigest())


def _networks(client_ip: str) -> list[str]:
    """Return what counts as one client, and the wider network around it.

    A loopback address belongs to no customer: it is a proxy missing in TRUSTED_PROXIES, or somebody trying
    the shop on this machine. A limit for it would be one for all customers together, so none is returned.
    """
    try:
        ip = ipaddress.ip_address(client_ip)
    except ValueError:
        return []
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    if ip.is_loopback:
        return []
    return [str(ipaddress.ip_network(f'{ip}/{prefix}', strict=False)) for prefix in PREFIXES[ip.version]]
