"""Moved meetings: what names something that is not known yet is kept, asked about and tried again."""

from datetime import timedelta

import httpx
import pytest

from services.orders import Booking, BookingState, Cause
from services.scheduling import BookingUpdate
from services.settings import parse_settings
from services.shop import build
from tests.factories import a_booking
from tests.sandbox_client import SandboxClient
from tests.services.calendly import INVITEE, RETRY, Calendly, a_calendar, rows
from tests.services.conftest import Clock, Customer, NewDatabase, client_at, on_both_databases
from tests.services.reading import states

pytestmark = on_both_databases


@pytest.fixture
def calendly(endpoints: httpx.AsyncClient, sandbox: SandboxClient, settings_env: dict[str, str]) -> Calendly:
    """Calendly with the right key."""
    return Calendly(endpoints, sandbox, settings_env['CALENDLY_WEBHOOK_SIGNING_KEY'])


async def test_a_moved_meeting_known_first_is_kept_and_found_at_calendly(
    customer: Customer, calendly: Calendly, clock: Clock
) -> None:
    """The meeting that replaces an unknown one belongs to the order, although it carries no key."""
    order, url = await a_calendar(customer)
    first = await calendly.book(url)
    second = await calendly.move(first)
    asked = len(calendly.sandbox.requests(INVITEE))
    answer = await calendly.deliver(second['uri'])
    assert (answer.status_code, answer.text) == (200, 'kept')
    assert len(calendly.sandbox.requests(INVITEE)) == asked
    (row,) = rows(customer.shop)
    assert row.handled_at is None
    assert 'names a meeting that is not known yet' in row.error
    assert await states(customer.shop, order) == {}
    clock.ahead = RETRY
    await customer.shop.reconciler.round()
    assert await states(customer.shop, order) == {first['uri']: 'canceled', second['uri']: 'active'}
    (row,) = rows(customer.shop)
    assert row.handled_at


async def test_the_whole_chain_of_moves_is_followed(
    customer: Customer, calendly: Calendly, clock: Clock
) -> None:
    """A meeting that was moved three times, of which only the last delivery arrived."""
    order, url = await a_calendar(customer)
    chain = [await calendly.book(url)]
    for _ in range(3):
        chain.append(await calendly.move(chain[-1]))
    await calendly.deliver(chain[-1]['uri'])
    clock.ahead = RETRY
    await customer.shop.reconciler.round()
    found = await states(customer.shop, order)
    assert found == {each['uri']: 'canceled' for each in chain[:-1]} | {chain[-1]['uri']: 'active'}
    after = await customer.order_of(order.session_id or '')
    assert after.calendar_url == order.calendar_url


@pytest.mark.parametrize('late', [0, 1, 2, 3])
async def test_the_order_of_arrival_does_not_matter(
    customer: Customer, calendly: Calendly, clock: Clock, late: int
) -> None:
    """Created, canceled and created: whichever comes last, the second meeting stands."""
    order, url = await a_calendar(customer)
    first = await calendly.book(url)
    second = await calendly.move(first)
    news = [
        (first['uri'], 'invitee.created', {'status': 'active', 'rescheduled': False, 'new_invitee': None}),
        (first['uri'], 'invitee.canceled', {}),
        (second['uri'], 'invitee.created', {}),
    ]
    for uri, kind, changes in news[late:] + news[:late]:
        assert (await calendly.deliver(uri, kind, **changes)).status_code == 200
    clock.ahead = RETRY
    await customer.shop.reconciler.round()
    assert await states(customer.shop, order) == {first['uri']: 'canceled', second['uri']: 'active'}
    assert [row.handled_at for row in rows(customer.shop)].count(None) == 0


async def test_without_a_token_it_waits_for_the_first_meeting(
    customer: Customer, calendly: Calendly, settings_env: dict[str, str], clock: Clock
) -> None:
    """Calendly cannot be asked; the delivery that was late makes the waiting one due at once."""
    order, url = await a_calendar(customer)
    first = await calendly.book(url)
    second = await calendly.move(first)
    shop = build(parse_settings(settings_env | {'CALENDLY_TOKEN': ''}), clock=clock)
    async with client_at(shop) as client:
        calendly.endpoints = client
        await calendly.deliver(second['uri'])
        for minutes in (2, 10, 60):  # the pauses grow
            clock.ahead += timedelta(minutes=minutes)
            await shop.reconciler.round()
        assert await states(shop, order) == {}
        await calendly.deliver(first['uri'])
        await shop.reconciler.round()
    assert await states(shop, order) == {first['uri']: 'canceled', second['uri']: 'active'}
    await shop.close()


async def test_a_booking_waits_for_an_order_that_a_restore_brings_back(
    customer: Customer,
    calendly: Calendly,
    new_database: NewDatabase,
    settings_env: dict[str, str],
    clock: Clock,
) -> None:
    """The key is right, but its order is adopted a little later."""
    order, url = await a_calendar(customer)
    booked = await calendly.book(url)
    shop = build(parse_settings(settings_env | {'DATABASE_URL': new_database()}), clock=clock)
    await shop.open()
    async with client_at(shop) as client:
        calendly.endpoints = client
        answer = await calendly.deliver(booked['uri'])
        assert (answer.status_code, answer.text) == (200, 'kept')
        assert 'names an order that is not known yet' in rows(shop)[0].error
        adopted = await shop.fulfilment.fulfil(order.session_id or '', because=Cause.RETURN)
        assert adopted
        await shop.reconciler.round()
    assert await states(shop, adopted) == {booked['uri']: 'active'}
    await shop.close()


async def test_a_moved_meeting_of_somebody_else_is_not_ours(
    customer: Customer, calendly: Calendly, clock: Clock
) -> None:
    """Calendly says that its first booking had no key: it is not tried again."""
    first = await calendly.book(calendly.sandbox.calendly_link)
    await calendly.deliver((await calendly.move(first))['uri'])
    clock.ahead = RETRY
    await customer.shop.reconciler.round()
    (row,) = rows(customer.shop)
    assert row.handled_at


async def test_what_never_becomes_known_is_given_up_in_the_log(
    customer: Customer, calendly: Calendly, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """After nine days of growing pauses a warning says so; the delivery and its error stay."""
    booked = await calendly.book(f'{calendly.sandbox.calendly_link}?utm_content=key-of-another-shop')
    await calendly.deliver(booked['uri'])
    clock.ahead = timedelta(days=9, minutes=1)
    await customer.shop.reconciler.round()
    (row,) = rows(customer.shop)
    assert (row.handled_at, row.next_try) == (None, None)
    assert 'not known yet' in row.error
    assert 'gave up on delivery invitee.created of calendly: not_known_yet' in caplog.text
    clock.ahead += timedelta(days=1)
    await customer.shop.reconciler.round()
    assert rows(customer.shop)[0].tries == row.tries


async def test_a_late_first_booking_does_not_stand_beside_the_moved_one(customer: Customer) -> None:
    """A booking that another one has replaced is stored as canceled, whenever it arrives."""
    order, _ = await a_calendar(customer)
    new: Booking = a_booking(invitee_id='new', replaces='old')
    for booking, key in ((new, order.booking_key), (a_booking(invitee_id='old'), order.booking_key)):
        await customer.shop.bookings.record(BookingUpdate(booking, key), because=Cause.WEBHOOK)
    assert await states(customer.shop, order) == {'old': BookingState.CANCELED, 'new': BookingState.ACTIVE}
