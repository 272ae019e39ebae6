"""Reading Calendly in tests: what the shop has read, and what it asked."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx

from services.orders import Cause, Order
from services.scheduling.bookings import update_from
from services.shop import Shop
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, client_at

INVITEES = 'GET /scheduled_events/{uuid}/invitees'
LIST = 'GET /scheduled_events'


async def calendar_of(shop: Shop, order: Order) -> str:
    """Return the address of an order's calendar."""
    url = await shop.calendar.url(await current(shop, order))
    assert url
    return url


async def current(shop: Shop, order: Order) -> Order:
    """Return an order as it is now."""
    found = await shop.ledger.orders.find(id=order.id)
    assert found
    return found


async def states(shop: Shop, order: Order) -> dict[str, str]:
    """Return the state of each booking of an order, by invitee."""
    return {booking.invitee_id: booking.state.value for booking in await shop.bookings.bookings(order)}


def asked(sandbox: SandboxClient, path: str) -> int:
    """Return how often Calendly was asked for a path since the last reset."""
    return int(sandbox.calls()['by_path'].get(path, 0))


def at_calendly(sandbox: SandboxClient) -> httpx.Client:
    """Return a client for the sandbox's Calendly API, as the coach's own tools use it."""
    token = {'Authorization': f'Bearer {sandbox.settings["CALENDLY_TOKEN"]}'}
    return httpx.Client(headers=token, trust_env=False, timeout=10)


def pass_time(clock: Clock, sandbox: SandboxClient, time: timedelta) -> None:
    """Let time pass, here and at Calendly."""
    clock.ahead += time
    sandbox.act('clock', ahead=time.total_seconds())


async def told(shop: Shop, sandbox: SandboxClient, invitee: dict[str, Any]) -> None:
    """Deliver an invitee as a webhook does."""
    with at_calendly(sandbox) as api:
        event = api.get(invitee['event']).json()['resource']
    update = update_from(invitee | {'scheduled_event': event}, was_read=False)
    await shop.bookings.record(update, because=Cause.WEBHOOK)


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is true, for ten seconds at most."""
    await asyncio.to_thread(wait_until, lambda: bool(condition()), seconds=10, why='the reader has read')


async def bookings_part(shop: Shop) -> str:
    """Return what /readyz says of bookings."""
    async with client_at(shop) as client:
        answer = await client.get('/readyz')
    assert answer.status_code == 200
    return str(answer.json()['parts']['bookings'])
