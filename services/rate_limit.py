"""How often requests from outside may cause a request to Stripe: a limit per client and one for all."""

import ipaddress
import math
import time

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from services.errors import TooManyRequests


class RateLimit:
    """Two limits, one per client and one for all; they are in memory, so each process counts for itself."""

    def __init__(self, *, per_client: str, overall: str) -> None:
        """Make the limits, written as the limits library reads them: ``20/minute``."""
        self._per_client, self._overall = parse(per_client), parse(overall)
        self._counter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def admit(self, client_ip: str) -> None:
        """Count a request.

        Args:
            client_ip: the client's IP address as a trusted proxy reports it, '' when there is none.

        Raises:
            TooManyRequests: with the seconds to wait.
        """
        network = _network(client_ip)
        if network:
            await self._count(self._per_client, network)
        await self._count(self._overall, 'all')

    async def _count(self, limit: RateLimitItem, key: str) -> None:
        if not await self._counter.hit(limit, key):
            stats = await self._counter.get_window_stats(limit, key)
            raise TooManyRequests(retry_after=max(1, math.ceil(stats.reset_time - time.time())))


def _network(client_ip: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 network of an IPv6 customer.

    A loopback address belongs to no customer: it is a proxy missing in TRUSTED_PROXIES, or somebody trying
    the shop on this machine. A limit for it would be one for all customers together, so '' is returned.
    """
    try:
        ip = ipaddress.ip_address(client_ip)
    except ValueError:
        return ''
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    if ip.is_loopback:
        return ''
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network(f'{ip}/64', strict=False))
