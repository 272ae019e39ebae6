"""How often strangers may make us ask Stripe: each client a little, all together within reason."""

import ipaddress
import math
import time

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from services.errors import TooManyRequests


class RateLimit:
    """Two limits, for one client and for all; kept in memory, so each process counts for itself."""

    def __init__(self, *, per_client: str, overall: str) -> None:
        """Make the limits, written as the limits library reads them: ``20/minute``."""
        self._per_client, self._overall = parse(per_client), parse(overall)
        self._counter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def admit(self, client: str) -> None:
        """Count a request.

        Args:
            client: the client's address as a trusted proxy tells it, '' when there is none.

        Raises:
            TooManyRequests: with the seconds to wait.
        """
        network = _network(client)
        if network:
            await self._count(self._per_client, network)
        await self._count(self._overall, 'all')

    async def _count(self, limit: RateLimitItem, key: str) -> None:
        if not await self._counter.hit(limit, key):
            stats = await self._counter.get_window_stats(limit, key)
            raise TooManyRequests(retry_after=max(1, math.ceil(stats.reset_time - time.time())))


def _network(client: str) -> str:
    """Return what counts as one client: an IPv4 address, or the network that one IPv6 customer owns.

    A loopback address is no customer but a proxy that was not declared, or somebody who tries the shop out:
    counting it would count everybody together.
    """
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return ''
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_loopback:
        return ''
    return str(address) if address.version == 4 else str(ipaddress.ip_network(f'{address}/64', strict=False))
