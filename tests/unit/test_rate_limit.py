"""The rate limit: which requests count for the same client, and what is reserved for browsers."""

import asyncio
import ipaddress
from collections.abc import Iterable

import pytest

from services import rate_limit as module
from services.errors import LedgerUnavailable, SalesPaused, TooManyRequests
from services.fuse import PAUSE, SESSIONS, TIME_TO_PAY, WINDOW, Fuse
from services.rate_limit import RateLimit
from services.shop.limits import STARTS
from tests.processes import wait_until


def limits(**given: str) -> RateLimit:
    """Limits that are wide except for those that are given."""
    wide = dict.fromkeys(('per_client', 'per_network', 'overall', 'known'), '10000/hour')
    return RateLimit(**wide | given, on_refused=object)


async def admitted(rate_limit: RateLimit, addresses: Iterable[str], *, known: bool = False) -> int:
    """Send one request from each address at once; returns how many were let through."""
    requests = (rate_limit.admit(address, known=known) for address in addresses)
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert {type(result) for result in results} <= {type(None), TooManyRequests}
    return results.count(None)


def hosts(network: str, *, step: int, count: int) -> list[str]:
    """Addresses in a network, ``step`` apart."""
    first = ipaddress.ip_network(network)[1]
    return [str(first + number * step) for number in range(count)]


@pytest.mark.parametrize('known', [False, True])
@pytest.mark.parametrize(
    'addresses',
    [hosts('2001:db8::/48', step=2**64, count=45) * 30, hosts('198.51.100.0/24', step=1, count=40) * 30],
)
async def test_one_network_cannot_use_up_the_limit_of_all(addresses: list[str], known: bool) -> None:
    """45 /64s of one /48, or 40 addresses of one /24: a third of what all may, with our cookie or without."""
    rate_limit = RateLimit(**STARTS, on_refused=object)
    assert await admitted(rate_limit, addresses, known=known) <= 40
    assert await admitted(rate_limit, ['203.0.113.5']) == 1
    assert await admitted(rate_limit, ['203.0.113.5'], known=True) == 1


@pytest.mark.usefixtures('stopped_limits')
async def test_machines_without_a_cookie_leave_room_for_browsers(caplog: pytest.LogCaptureFixture) -> None:
    """Forty addresses far apart use up what is for strangers; a browser that came back still gets through."""
    refused: list[int] = []
    rate_limit = RateLimit(**STARTS, on_refused=lambda: refused.append(1))
    machines = hosts('198.0.0.0/8', step=2**16, count=40) * 30
    assert await admitted(rate_limit, machines) == 120
    assert await admitted(rate_limit, hosts('203.0.113.0/24', step=1, count=4), known=True) == 4
    assert len(refused) == 1080
    assert len(caplog.messages) == 1


async def test_refused_requests_are_a_number_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A line when it begins, then one for each span with the number, until there are none."""
    monkeypatch.setattr(module, 'LOG_EVERY', 0.05)
    rate_limit = limits(per_client='1/hour')
    assert await admitted(rate_limit, ['203.0.113.5'] * 31) == 1
    await asyncio.to_thread(
        wait_until, lambda: len(caplog.messages) > 1, seconds=5, why='the number is logged'
    )
    await asyncio.to_thread(wait_until, lambda: rate_limit._next_line is None, seconds=5, why='it ends')
    assert len(caplog.messages) == 2
    assert '30 were refused' in caplog.messages[1]


async def test_browsers_are_slowed_down_before_they_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """More at once than the limit wait for their turn; of too many the rest is refused at once."""
    monkeypatch.setattr(module, 'MAX_WAITING', 6)
    rate_limit = limits(known='2/second')
    addresses = hosts('203.0.113.0/24', step=1, count=20)
    begun = asyncio.get_running_loop().time()
    assert await admitted(rate_limit, addresses, known=True) == 8
    assert asyncio.get_running_loop().time() - begun >= 1


class Opened:
    """A fuse, its clock, and the sessions that were paid."""

    def __init__(self) -> None:
        self.now = 0.0
        self.paid: frozenset[str] = frozenset()
        self.error: Exception | None = None
        self.fuse = Fuse(completed=self._completed, clock=lambda: self.now)

    async def _completed(self, sessions: Iterable[str]) -> frozenset[str]:
        if self.error:
            raise self.error
        return self.paid & frozenset(sessions)

    async def open(self, count: int, *, seconds: float, known: bool = False) -> None:
        """Open sessions, so many seconds apart."""
        for number in range(count):
            self.now += seconds
            await self.fuse.count(f'cs_{self.now}_{number}', known=known)


async def test_many_sessions_without_payments_pause_sales(caplog: pytest.LogCaptureFixture) -> None:
    """For those like them only, with one log line, and until the pause is over."""
    shop = Opened()
    await shop.open(SESSIONS, seconds=1)
    await shop.open(1, seconds=TIME_TO_PAY - 1)
    shop.fuse.check(known=False)
    await shop.open(1, seconds=1)
    for _ in range(3):
        with pytest.raises(SalesPaused):
            shop.fuse.check(known=False)
    shop.fuse.check(known=True)
    assert [record.levelname for record in caplog.records] == ['ERROR']
    assert shop.fuse.paused_for == PAUSE
    shop.now += PAUSE
    assert shop.fuse.paused_for == 0
    shop.now += 1
    assert shop.fuse.paused_for == 0
    shop.fuse.check(known=False)
    await shop.open(SESSIONS - 1, seconds=1)
    shop.fuse.check(known=False)


async def test_customers_who_are_still_paying_do_not_pause_sales() -> None:
    """A newsletter brings many within a minute, and one in ten of them pays."""
    shop = Opened()
    await shop.open(3 * SESSIONS, seconds=0.1)
    shop.fuse.check(known=False)
    shop.paid = frozenset(list(shop.fuse._opened[False])[::10])
    for _ in range(12):
        await shop.open(10, seconds=6)
        shop.fuse.check(known=False)
    assert shop.fuse.paused_for == 0


async def test_a_ledger_that_does_not_answer_fails_no_sale() -> None:
    """The sessions are compared again when it answers."""
    shop = Opened()
    await shop.open(SESSIONS, seconds=1)
    shop.now += TIME_TO_PAY
    shop.error = LedgerUnavailable('locked', error_id='1')
    await shop.open(3, seconds=1)
    shop.fuse.check(known=False)
    shop.error = None
    await shop.open(1, seconds=1)
    with pytest.raises(SalesPaused):
        shop.fuse.check(known=False)


@pytest.mark.parametrize(
    ('count', 'seconds', 'paid_every'), [(1000, 1.0, 15), (600, WINDOW / SESSIONS + 1, 0)]
)
async def test_a_busy_shop_and_a_slow_one_are_not_paused(count: int, seconds: float, paid_every: int) -> None:
    """One payment for fifteen sessions, or no payments but few sessions, is no attack."""
    shop = Opened()
    for number in range(count):
        shop.now += seconds
        name = f'cs_{number}'
        if paid_every and number % paid_every == 0:
            shop.paid |= {name}
        await shop.fuse.count(name, known=True)
        shop.fuse.check(known=True)
    assert shop.fuse.paused_for == 0


async def test_the_same_session_counts_once() -> None:
    """A customer who presses again and again opens one session."""
    shop = Opened()
    for _ in range(10 * SESSIONS):
        await shop.fuse.count('cs_one', known=True)
    shop.fuse.check(known=True)
    assert shop.fuse.paused_for == 0


@pytest.mark.parametrize(
    ('first', 'second'),
    [('192.0.2.1', '::ffff:192.0.2.1'), ('2001:db8::1', '2001:db8::2'), ('2001:db8::1', '2001:DB8:0::f')],
)
async def test_two_ip_addresses_of_one_client_count_together(first: str, second: str) -> None:
    """An IP address written another way, or another one of the same network, counts as the same client."""
    rate_limit = limits(per_client='1/hour')
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
    rate_limit = limits(per_client='1/hour')
    assert await admitted(rate_limit, (first, second)) == 2
