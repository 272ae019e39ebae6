"""Which requests a limit counts as one client's."""

import pytest

from services.errors import TooManyRequests
from services.rate_limit import RateLimit


@pytest.mark.parametrize(
    ('first', 'second'),
    [('192.0.2.1', '::ffff:192.0.2.1'), ('2001:db8::1', '2001:db8::2'), ('2001:db8::1', '2001:DB8:0::f')],
)
async def test_one_client_with_two_addresses_is_counted_once(first: str, second: str) -> None:
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
async def test_other_clients_are_counted_apart(first: str, second: str) -> None:
    """Other customers have a limit of their own, and a proxy that is not in the settings has none."""
    rate_limit = RateLimit(per_client='1/hour', overall='100/hour')
    await rate_limit.admit(first)
    await rate_limit.admit(second)
