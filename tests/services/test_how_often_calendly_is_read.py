"""How often Calendly is read for bookings, and how the shop says whether it knows of them."""

import asyncio
import logging
from datetime import timedelta

import pytest

from services.booking import WaitsFor
from services.orders import Order
from services.scheduling import CalendarProblem
from services.settings import parse_settings
from services.shop import Shop, build
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases
from tests.services.reading import LIST, asked, bookings_part, calendar_of, pass_time, states, until

pytestmark = on_both_databases


@pytest.fixture
def settings_env(settings_env: dict[str, str]) -> dict[str, str]:
    """Return settings without the key that deliveries of Calendly need."""
    return settings_env | {'CALENDLY_WEBHOOK_SIGNING_KEY': ''}


async def test_many_customers_at_once_find_the_event_type_with_one_request(
    customer: Customer, shop: Shop, sandbox: SandboxClient
) -> None:
    """Each of them needs it for a link; it is not known yet."""
    orders = [await fulfilled(customer, await customer.buy())]
    for number in range(4):
        another = Customer(shop, sandbox, f'browser-{number}')
        orders.append(await fulfilled(another, await another.buy()))
    await asyncio.gather(*(calendar_of(shop, order) for order in orders), shop.booking_reader.read())
    assert (asked(sandbox, 'GET /users/me'), asked(sandbox, 'GET /event_types')) == (1, 1)
    assert asked(sandbox, 'POST /shares') == 5


async def test_slow_readings_happen_only_while_there_is_something_to_learn(
    shop: Shop, customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """Once at the start; then only with a paid order that was not booked, or with a meeting."""
    for _ in range(2):
        await shop.booking_reader.read()
        pass_time(clock, sandbox, timedelta(minutes=3))
    assert asked(sandbox, LIST) == 1
    order = await fulfilled(customer, await customer.buy())
    await shop.booking_reader.read()
    sandbox.book(await calendar_of(shop, order))
    for _ in range(2):
        pass_time(clock, sandbox, timedelta(minutes=3))
        await shop.booking_reader.read()
    assert asked(sandbox, LIST) == 4
    pass_time(clock, sandbox, timedelta(days=30))
    await shop.booking_reader.read()
    assert asked(sandbox, LIST) == 4


async def test_a_page_that_waits_brings_the_next_reading_forward(
    shop: Shop, sandbox: SandboxClient, paid: Order
) -> None:
    """The reader reads slowly; as soon as a page shows a calendar it reads quickly."""
    url = await calendar_of(shop, paid)
    shop.booking_reader.start()
    await until(lambda: shop.booking_reader.was_read)
    booked = sandbox.book(url)
    shop.waiting.enter('page', WaitsFor.BOOKING)
    heard = asyncio.Event()
    shop.ledger.subscribe(paid, heard.set)
    await asyncio.wait_for(heard.wait(), 15)
    assert await states(shop, paid) == {booked['uri']: 'active'}
    shop.waiting.leave('page')
    assert not shop.waiting.any(WaitsFor.BOOKING)
    await shop.booking_reader.stop()


async def test_how_often_calendly_is_read(shop: Shop) -> None:
    """For a page with a calendar most often, for one with a meeting that may be moved less, else slowly.

    While Calendly refuses, it is asked again soon only for a page with a calendar.
    """
    reader, waiting = shop.booking_reader, shop.waiting
    intervals = [reader._interval()]
    for page, what in (('booked', WaitsFor.CHANGE), ('paid', WaitsFor.BOOKING)):
        waiting.enter(page, what)
        intervals.append(reader._interval())
    waiting.leave('paid')
    intervals.append(reader._interval())
    assert intervals == [120, 10, 5, 10]
    reader.problem = CalendarProblem('the token is refused', 'Make another one.')
    waiting.enter('paid', WaitsFor.BOOKING)
    assert reader._interval() == 10
    waiting.leave('paid')
    assert reader._interval() == 120


async def test_readyz_says_whether_bookings_are_known(
    shop: Shop, settings_env: dict[str, str], sandbox: SandboxClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Not read yet, read, refused and read again; without token and key they cannot be known."""
    assert 'not been read yet' in await bookings_part(shop)
    sandbox.act('calendly-token', missing_scopes=['scheduled_events:read'])
    shop.booking_reader.start()
    await until(lambda: shop.booking_reader.problem)
    assert 'lacks the scope scheduled_events:read' in await bookings_part(shop)
    learns = [shop.learns_of_bookings]
    await shop.booking_reader.stop()
    sandbox.act('calendly-token', missing_scopes=[])
    with caplog.at_level(logging.INFO):
        shop.booking_reader.start()
        await until(lambda: shop.booking_reader.was_read)
    assert await bookings_part(shop) == 'ok'
    assert [*learns, shop.learns_of_bookings] == [False, True]
    said = [record.levelname for record in caplog.records if 'bookings can' in record.getMessage()]
    assert said == ['WARNING', 'INFO']
    neither = build(parse_settings(settings_env | {'CALENDLY_TOKEN': ''}))
    await neither.open()
    assert 'cannot be known' in await bookings_part(neither)
    await neither.close()
