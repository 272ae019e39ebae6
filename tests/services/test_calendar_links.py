"""Calendar links: one for each paid order of the environment we sell in, even while Calendly fails."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.orders import Booking, BookingState, CalendarGate, Cause, Environment, Order, State
from services.scheduling import BookingUpdate
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import a_booking
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, NewDatabase, fulfilled, on_both_databases

pytestmark = on_both_databases


async def test_one_order_gets_one_single_use_link_however_many_pages_ask(customer: Customer) -> None:
    """The ledger keeps the first link; every page shows it, with name and e-mail filled in."""
    paid = await fulfilled(customer, await customer.buy(email='a+b@example.com', name='Ann & Co'))
    urls = await asyncio.gather(*(customer.shop.calendar.url(paid) for _ in range(5)))
    assert len(set(urls)) == 1
    assert await customer.shop.calendar.url(paid) == urls[0]
    url = urlsplit(urls[0] or '')
    assert '/d/' in url.path
    parameters = parse_qs(url.query)
    assert (parameters['email'], parameters['name']) == (['a+b@example.com'], ['Ann & Co'])
    assert parameters['utm_content'] == [paid.booking_key]


async def test_a_canceled_booking_gives_the_order_a_new_link(customer: Customer) -> None:
    """The used link is forgotten when the booking is canceled, and kept when it is rescheduled."""
    paid = await fulfilled(customer, await customer.buy())
    first = await customer.shop.calendar.url(paid)
    start = datetime(2026, 12, 1, 15, tzinfo=UTC)
    old = Booking('old', BookingState.ACTIVE, start, start + timedelta(hours=1))
    new = replace(old, invitee_id='new', replaces='old')
    updates = (
        (BookingUpdate(old, paid.booking_key), True),
        (BookingUpdate(replace(old, state=BookingState.CANCELED), paid.booking_key, moved=True), True),
        (BookingUpdate(new, paid.booking_key), True),
        (BookingUpdate(replace(new, state=BookingState.CANCELED), paid.booking_key), False),
    )
    for update, keeps_link in updates:
        order = await customer.shop.bookings.record(update, because=Cause.WEBHOOK)
        assert order is not None
        current = await customer.order_of(paid.session_id or '')
        assert (await customer.shop.calendar.url(current) == first) is keeps_link


@pytest.fixture
async def restored_shop(
    customer: Customer, settings_env: dict[str, str], new_database: NewDatabase
) -> AsyncIterator[Shop]:
    """Open the shop with an empty ledger, as after the loss of its database."""
    shop = build(parse_settings(settings_env | {'DATABASE_URL': new_database()}))
    await shop.open()
    yield shop
    await shop.close()


async def adopted(shop: Shop, order: Order) -> Order:
    """Return the same order, adopted by another ledger."""
    found = await shop.fulfilment.fulfil(order.session_id or '', because=Cause.RETURN)
    assert found is not None
    assert found.id == order.id
    return found


async def test_the_booking_of_an_adopted_order_is_found(customer: Customer, restored_shop: Shop) -> None:
    """A customer who booked before the ledger was lost sees the booking and gets no second link."""
    paid = await fulfilled(customer, await customer.buy())
    url = await customer.shop.calendar.url(paid)
    booked = await asyncio.to_thread(customer.sandbox.book, url or '', email='other@example.com')
    order = await adopted(restored_shop, paid)
    links = len(customer.sandbox.requests('POST /shares'))
    assert await restored_shop.calendar.url(order, fallback=True) is None
    assert len(customer.sandbox.requests('POST /shares')) == links
    (booking,) = await restored_shop.bookings.bookings(order)
    assert (booking.invitee_id, booking.state) == (booked['uri'], BookingState.ACTIVE)


async def test_an_adopted_order_does_not_get_the_booking_of_another_customer(
    customer: Customer, other_customer: Customer, restored_shop: Shop
) -> None:
    """An adopted order without a booking gets its own link, even if another customer has booked."""
    paid = await fulfilled(customer, await customer.buy())
    other = await fulfilled(other_customer, await other_customer.buy())
    url = await other_customer.shop.calendar.url(other)
    await asyncio.to_thread(customer.sandbox.book, url or '')
    order = await adopted(restored_shop, paid)
    assert '/d/' in (await restored_shop.calendar.url(order) or '')
    assert await restored_shop.bookings.bookings(order) == ()


@pytest.mark.parametrize(
    ('action', 'params', 'active'), [('reschedule', {}, True), ('cancel', {'by': 'invitee'}, False)]
)
async def test_a_rescheduled_or_canceled_booking_of_an_adopted_order_is_found(
    customer: Customer, restored_shop: Shop, action: str, params: dict[str, str], active: bool
) -> None:
    """A rescheduled booking is found although it has no booking key; a canceled one allows a new link."""
    paid = await fulfilled(customer, await customer.buy())
    url = await customer.shop.calendar.url(paid) or ''
    booked = await asyncio.to_thread(customer.sandbox.book, url)
    await asyncio.to_thread(customer.sandbox.act, action, invitee=booked['uri'].rpartition('/')[2], **params)
    order = await adopted(restored_shop, paid)
    url = await restored_shop.calendar.url(order) or ''
    assert ('/d/' in url) is not active
    states = [booking.state for booking in await restored_shop.bookings.bookings(order)]
    assert states == ([BookingState.CANCELED, BookingState.ACTIVE] if active else [BookingState.CANCELED])


async def test_bookings_are_not_looked_up_for_an_order_whose_bookings_are_known(customer: Customer) -> None:
    """Neither a new order nor one whose booking was canceled makes us list bookings at Calendly."""
    paid = await fulfilled(customer, await customer.buy())
    url = await customer.shop.calendar.url(paid) or ''
    start = datetime(2026, 12, 1, 15, tzinfo=UTC)
    canceled = Booking('invitee', BookingState.CANCELED, start, start + timedelta(hours=1))
    await customer.shop.bookings.record(BookingUpdate(canceled, paid.booking_key), because=Cause.WEBHOOK)
    again = await customer.shop.calendar.url(await customer.order_of(paid.session_id or ''))
    assert '/d/' in (again or '')
    assert again != url
    assert customer.sandbox.requests('/scheduled_events') == []


@pytest.mark.parametrize('match', ['GET /scheduled_events', 'GET /scheduled_events/*'])
@pytest.mark.parametrize('fault', [{'do': 'truncate'}, {'do': 'fail', 'status': 403}])
async def test_while_bookings_cannot_be_looked_up_only_the_fallback_gives_a_link(
    customer: Customer, restored_shop: Shop, match: str, fault: dict[str, Any]
) -> None:
    """While Calendly does not list bookings no link is made, unless the customer has waited long enough."""
    paid = await fulfilled(customer, await customer.buy())
    await asyncio.to_thread(customer.sandbox.book, await customer.shop.calendar.url(paid) or '')
    order = await adopted(restored_shop, paid)
    customer.sandbox.fault(match, times=None, **fault)
    links = len(customer.sandbox.requests('POST /shares'))
    assert await restored_shop.calendar.url(order) is None
    assert len(customer.sandbox.requests('POST /shares')) == links
    assert '/d/' in (await restored_shop.calendar.url(order, fallback=True) or '')


async def test_no_link_is_made_for_an_order_that_was_refunded_meanwhile(
    customer: Customer, restored_shop: Shop
) -> None:
    """The order is read again after the request to Calendly, which may take seconds."""
    order = await adopted(restored_shop, await fulfilled(customer, await customer.buy()))
    await asyncio.to_thread(customer.sandbox.act, 'refund', session=order.session_id)
    await adopted(restored_shop, order)
    assert await restored_shop.calendar.url(order) is None
    seen = await restored_shop.ledger.orders.find(id=order.id)
    assert seen
    assert (seen.state, seen.calendar_url, seen.bookings_unknown) == (State.REFUNDED, None, True)


async def test_an_event_type_that_was_deleted_and_created_again_is_found(
    customer: Customer, other_customer: Customer
) -> None:
    """The event type has the same URL but a new URI; the next link is made for the new one."""
    paid = await fulfilled(customer, await customer.buy())
    assert '/d/' in (await customer.shop.calendar.url(paid) or '')
    customer.shop.scheduling._event_type.uri = f'{customer.sandbox.base}/calendly/event_types/deleted'
    second = await fulfilled(other_customer, await other_customer.buy())
    assert '/d/' in (await customer.shop.calendar.url(second) or '')


@pytest.mark.parametrize(
    'fault', [{'do': 'fail', 'status': 500}, {'do': 'fail', 'status': 401}, {'do': 'reset'}]
)
async def test_a_customer_who_paid_can_book_while_calendlys_api_fails(
    customer: Customer, fault: dict[str, Any]
) -> None:
    """At first there is no URL; a customer who has waited gets the public one."""
    paid = await fulfilled(customer, await customer.buy())
    customer.sandbox.fault('POST /shares', times=None, **fault)
    assert await customer.shop.calendar.url(paid) is None
    url = await customer.shop.calendar.url(paid, fallback=True)
    assert url is not None
    assert url.startswith(customer.sandbox.calendly_link)
    customer.sandbox.clear_faults()
    assert '/d/' in (await customer.shop.calendar.url(paid) or '')


async def test_without_a_token_the_public_url_is_shown(
    settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """A shop without a Calendly token still sells; the URL carries the booking key."""
    shop = build(parse_settings(settings_env | {'CALENDLY_TOKEN': ''}))
    await shop.open()
    session = await shop.checkout.start(browser_id='v', because=Cause.BUTTON)
    sandbox.pay(session.id)
    order = await shop.fulfilment.fulfil(session.id, because=Cause.RETURN)
    assert order is not None
    url = await shop.calendar.url(order)
    assert url is not None
    assert url.startswith(sandbox.calendly_link)
    assert f'utm_content={order.booking_key}' in url
    assert sandbox.requests('/users/me') == []
    await shop.close()


async def test_an_order_of_another_environment_gets_no_calendar(customer: Customer) -> None:
    """An order sold in another mode or on another Stripe account opens no calendar in this environment."""
    paid = await fulfilled(customer, await customer.buy())
    await customer.shop.payments.learn_account()
    foreign = replace(paid, environment=Environment('live'))
    assert customer.shop.calendar.gate(paid) is CalendarGate.OPEN
    assert customer.shop.calendar.gate(foreign) is CalendarGate.ENVIRONMENT
    assert await customer.shop.calendar.url(foreign) is None
    other_account = replace(paid, environment=Environment('test', 'acct_other'))
    assert customer.shop.calendar.gate(other_account) is CalendarGate.ENVIRONMENT


async def test_a_test_payment_on_a_public_domain_opens_no_calendar(
    settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """No hour is given for a test card, unless the operator allows test sales."""
    public = settings_env | {'DOMAIN': 'https://coach.example'}
    for allowed, expected in (('', CalendarGate.TEST), ('1', CalendarGate.OPEN)):
        shop = build(parse_settings(public | {'ALLOW_TEST_SALES': allowed}))
        await shop.open()
        session = await shop.checkout.start(browser_id=f'v{allowed}', because=Cause.BUTTON)
        sandbox.pay(session.id)
        order = await shop.fulfilment.fulfil(session.id, because=Cause.RETURN)
        assert order is not None
        assert shop.calendar.gate(order) is expected
        assert (await shop.calendar.url(order) is None) is (expected is CalendarGate.TEST)
        assert bool(shop.banner) is (expected is CalendarGate.TEST)
        await shop.close()


async def test_a_shop_that_may_not_read_its_account_still_sells(
    settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """A restricted key may lack the permission to read the account; nothing else depends on it."""
    sandbox.fault('GET /v1/account', 'fail', status=403, times=None)
    shop: Shop = build(parse_settings(settings_env))
    await shop.open()
    await shop.warm_up()
    assert shop.payments.environment == Environment('test')
    assert (await shop.checkout.start(browser_id='v', because=Cause.BUTTON)).url
    await shop.close()


async def test_the_meeting_of_a_team_is_found(customer: Customer, restored_shop: Shop) -> None:
    """A round robin gives it to a colleague: only the organization lists it."""
    customer.sandbox.act('calendar', team=True, pooling_type='round_robin')
    paid = await fulfilled(customer, await customer.buy())
    booked = await asyncio.to_thread(customer.sandbox.book, await customer.shop.calendar.url(paid) or '')
    order = await adopted(restored_shop, paid)
    assert await restored_shop.calendar.url(order) is None
    assert [meeting.invitee_id for meeting in await restored_shop.bookings.bookings(order)] == [booked['uri']]


async def test_customers_who_get_the_public_address_are_reported_once(
    customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    """An error line when it begins, one line when links can be made again."""
    paid = await fulfilled(customer, await customer.buy())
    customer.sandbox.act('calendly-token', revoked=True)
    for _ in range(3):
        await customer.shop.calendar.url(paid, fallback=True)
    lines = [record for record in caplog.records if 'public calendar link' in record.getMessage()]
    assert [record.levelname for record in lines] == ['ERROR']
    customer.sandbox.act('calendly-token', revoked=False)
    with caplog.at_level('INFO'):
        assert '/d/' in (await customer.shop.calendar.url(paid) or '')
    assert 'calendar links can be made again' in caplog.text


@pytest.mark.parametrize('booked', [False, True])
async def test_a_link_that_may_have_expired_is_replaced(
    customer: Customer, clock: Clock, booked: bool
) -> None:
    """After ninety days Calendly's page may say that it is no longer valid; a link that was used stays."""
    customer.sandbox.act('calendly-token', missing_scopes=['shares:write'])
    paid = await fulfilled(customer, await customer.buy())
    first = await customer.shop.calendar.url(paid)
    if booked:
        update = BookingUpdate(a_booking(), paid.booking_key)
        await customer.shop.bookings.record(update, because=Cause.WEBHOOK)
    clock.ahead = timedelta(days=80)
    assert await customer.shop.calendar.url(paid) == first
    clock.ahead = timedelta(days=91)
    second = await customer.shop.calendar.url(paid)
    assert (second == first) is booked
    assert await customer.shop.calendar.url(paid) == second


async def test_an_old_link_is_replaced_only_after_calendly_was_asked(
    settings_env: dict[str, str], customer: Customer, clock: Clock
) -> None:
    """A shop that is sent no bookings looks first: the link may have been used; else it stays as it is."""
    customer.sandbox.act('calendly-token', missing_scopes=['shares:write'])
    silent = build(parse_settings(settings_env | {'CALENDLY_WEBHOOK_SIGNING_KEY': ''}), clock=clock)
    await silent.open()
    paid = await fulfilled(customer, await customer.buy())
    first = await silent.calendar.url(paid) or ''
    clock.ahead = timedelta(days=91)
    customer.sandbox.act('calendly-token', missing_scopes=['shares:write', 'scheduled_events:read'])
    assert await silent.calendar.url(paid) == first
    customer.sandbox.act('calendly-token', missing_scopes=['shares:write'])
    await asyncio.to_thread(customer.sandbox.book, first)
    assert await silent.calendar.url(paid) == first
    assert [booking.state for booking in await silent.bookings.bookings(paid)] == ['active']
    await silent.close()
