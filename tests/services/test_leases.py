"""Leases: a row that is due belongs to one process, until the lease expires."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from services.ledger import Delivery, Ledger, Source, connect
from services.ledger.deliveries import LEASE as DELIVERY_LEASE
from services.ledger.orders import LEASE as ORDER_LEASE
from services.orders import ATTACH_DEADLINE, Cause, Environment
from tests.factories import NOON, an_order
from tests.services.conftest import on_both_databases

pytestmark = on_both_databases
ENVIRONMENT = Environment('test')
COUNT = 9
SECOND = timedelta(seconds=1)


class SetClock:
    """A clock that shows the time to which a test sets it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


@pytest.fixture
def set_clock() -> SetClock:
    """Return a clock that shows noon."""
    return SetClock()


@pytest.fixture
async def ledgers(database_url: str, set_clock: SetClock) -> AsyncIterator[tuple[Ledger, ...]]:
    """Open three ledgers on one database, as three processes do."""
    ledgers = tuple(Ledger(connect(database_url), set_clock) for _ in range(3))
    for ledger in ledgers:
        await ledger.open()
    yield ledgers
    for ledger in ledgers:
        await ledger.close()


async def add_orders(ledger: Ledger) -> list[str]:
    """Add orders that are due after the deadline for a session; return their ids."""
    names = [f'o{number}' for number in range(COUNT)]
    for name in names:
        order = an_order(id=name, reference=name, token=name, booking_key=name)
        assert await ledger.orders.add(order, because=Cause.BUTTON)
    return names


async def record_deliveries(ledger: Ledger) -> list[str]:
    """Record deliveries that are due when the lease of their first try expires; return their ids."""
    names = [f'evt_{number}' for number in range(COUNT)]
    for name in names:
        await ledger.deliveries.record(Delivery(Source.STRIPE, name, 'checkout.session.completed', 'cs_1'))
    return names


async def test_concurrent_claims_of_orders_get_different_orders(
    ledgers: tuple[Ledger, ...], set_clock: SetClock
) -> None:
    """Each order is claimed once, and a later claim finds none."""
    names = await add_orders(ledgers[0])
    set_clock.now += ATTACH_DEADLINE
    claims = await asyncio.gather(*(ledger.orders.claim(ENVIRONMENT, limit=3) for ledger in ledgers))
    assert [len(claim) for claim in claims] == [3, 3, 3]
    assert sorted(order.id for claim in claims for order in claim) == names
    assert await ledgers[0].orders.claim(ENVIRONMENT, limit=3) == ()


async def test_an_order_is_claimed_again_when_its_lease_has_expired(
    ledgers: tuple[Ledger, ...], set_clock: SetClock
) -> None:
    """The process that claimed it may be dead."""
    names = await add_orders(ledgers[0])
    set_clock.now += ATTACH_DEADLINE
    claimed = await ledgers[0].orders.claim(ENVIRONMENT, limit=COUNT)
    set_clock.now += ORDER_LEASE - SECOND
    assert await ledgers[1].orders.claim(ENVIRONMENT, limit=COUNT) == ()
    set_clock.now += SECOND
    again = await ledgers[1].orders.claim(ENVIRONMENT, limit=COUNT)
    assert sorted(order.id for order in again) == names
    assert sorted(order.version for order in again) == sorted(order.version for order in claimed)


async def test_concurrent_claims_of_deliveries_get_different_deliveries(
    ledgers: tuple[Ledger, ...], set_clock: SetClock
) -> None:
    """Each delivery is claimed once, and a later claim finds none."""
    names = await record_deliveries(ledgers[0])
    set_clock.now += DELIVERY_LEASE
    claims = await asyncio.gather(*(ledger.deliveries.claim(limit=3) for ledger in ledgers))
    assert [len(claim) for claim in claims] == [3, 3, 3]
    assert sorted(delivery.event_id for claim in claims for delivery in claim) == names
    assert await ledgers[0].deliveries.claim(limit=3) == ()


async def test_a_delivery_is_claimed_again_when_its_lease_has_expired(
    ledgers: tuple[Ledger, ...], set_clock: SetClock
) -> None:
    """A delivery that was handled meanwhile is not."""
    await record_deliveries(ledgers[0])
    set_clock.now += DELIVERY_LEASE
    handled, *others = await ledgers[0].deliveries.claim(limit=COUNT)
    await ledgers[0].deliveries.mark_handled(handled)
    set_clock.now += DELIVERY_LEASE - SECOND
    assert await ledgers[1].deliveries.claim(limit=COUNT) == ()
    set_clock.now += SECOND
    again = await ledgers[1].deliveries.claim(limit=COUNT)
    assert {delivery.event_id for delivery in again} == {delivery.event_id for delivery in others}
