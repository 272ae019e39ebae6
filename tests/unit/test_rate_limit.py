"""The rate limit: which requests count for the same client."""

import pytest

from services.errors import TooManyRequests
from services.rate_limit import RateLimit


@pytest.mark.parametrize(
    ('first', 'second'),
    [('192.0.2.1', '::ffff:192.0.2.1'), ('2001:db8::1', '2001:db8::2'), ('2001:db8::1', '2001:DB8:0::f')],
)
async def test_two_ip_addresses_of_one_client_count_together(first: str, second: str) -> None:
    """An IP address written another way, or another one of the same network, counts as the same client."""
    rate_limit = RateLimit(per_client='1/hour', overall='100/hour')
    await rate_limit.admit(first)
    with pytest.raises(TooManyRequests):
        await rate_limit.admit(second)


@pytest.mark.parametrize(
    ('first', 'second'),
    [
        ('192.0.2.1', '192.0.2.2'),
        ('::ffff:192.0.2.1', '::ffff:192.0.2.2'),
        ('2001:db8::1', '2001:db8:0:1::1'),
        ('::1', '::1'),
        ('::ffff:127.0.0.1', '127.0.0.1'),
        ('no address', 'no address'),
    ],
)
async def test_different_clients_count_separately(first: str, second: str) -> None:
    """Each client has its own limit; loopback and texts that are no IP address have none."""
    rate_limit = RateLimit(per_client='1/hour', overall='100/hour')
    await rate_limit.admit(first)
    await rate_limit.admit(second)
