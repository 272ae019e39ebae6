"""Calendars: for what was paid in the environment we sell in, one link each, also on Calendly’s bad days."""

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
    """The ledger keeps the first link and every page shows that one, prefilled."""
    paid = await fulfilled(customer, await customer.buy(email='a+b@example.com', name='Ann & Co'))
    addresses = await asyncio.gather(*(customer.shop.calendar.url(paid) for _ in range(5)))
    assert len(set(addresses)) == 1
    assert await customer.shop.calendar.url(paid) == addresses[0]
    address = urlsplit(addresses[0] or '')
    assert '/d/' in address.path
    told = parse_qs(address.query)
    assert (told['email'], told['name']) == (['a+b@example.com'], ['Ann & Co'])
    assert told['utm_content'] == [paid.booking_key]


async def test_a_cancelled_meeting_frees_the_order_for_another_time(customer: Customer) -> None:
    """The spent single-use link is forgotten, a moved meeting keeps it."""
    paid = await fulfilled(customer, await customer.buy())
    first = await customer.shop.calendar.url(paid)
    start = datetime(2026, 12, 1, 15, tzinfo=UTC)
    old = Booking('old', BookingState.ACTIVE, start, start + timedelta(hours=1))
    new = replace(old, invitee_id='new', replaces='old')
    story = (
        (BookingUpdate(old, paid.booking_key), True),
        (BookingUpdate(replace(old, state=BookingState.CANCELED), paid.booking_key, moved=True), True),
        (BookingUpdate(new, paid.booking_key), True),
        (BookingUpdate(replace(new, state=BookingState.CANCELED), paid.booking_key), False),
    )
    for meeting, kept in story:
        order = await customer.shop.bookings.record(meeting, because=Cause.WEBHOOK)
        assert order is not None
        current = await customer.order_of(paid.session_id or '')
        assert (await customer.shop.calendar.url(current) == first) is kept


@pytest.fixture
async def forgetful(
    customer: Customer, settings_env: dict[str, str], new_database: NewDatabase
) -> AsyncIterator[Shop]:
    """The shop after its ledger was lost."""
    shop = build(parse_settings(settings_env | {'DATABASE_URL': new_database()}))
    await shop.open()
    yield shop
    await shop.close()


async def adopted(shop: Shop, order: Order) -> Order:
    """The same order in another ledger."""
    found = await shop.fulfilment.fulfil(order.session_id or '', because=Cause.RETURN)
    assert found is not None
    assert found.id == order.id
    return found


async def test_the_meeting_of_an_adopted_order_is_found(customer: Customer, forgetful: Shop) -> None:
    """Whoever paid and booked before the ledger was lost sees the meeting and is given no second hour."""
    paid = await fulfilled(customer, await customer.buy())
    address = await customer.shop.calendar.url(paid)
    booked = await asyncio.to_thread(customer.sandbox.book, address or '', email='somebody@else.example')
    order = await adopted(forgetful, paid)
    links = len(customer.sandbox.requests('POST /scheduling_links'))
    assert await forgetful.calendar.url(order, fallback=True) is None
    assert len(customer.sandbox.requests('POST /scheduling_links')) == links
    meetings = await forgetful.bookings.bookings(order)
    assert [(meeting.invitee_id, meeting.state) for meeting in meetings] == [(booked['uri'], 'active')]


async def test_the_meeting_of_a_team_is_found(customer: Customer, forgetful: Shop) -> None:
    """A round robin gives it to a colleague: only the organization lists it."""
    customer.sandbox.act('calendar', team=True, pooling_type='round_robin')
    paid = await fulfilled(customer, await customer.buy())
    booked = await asyncio.to_thread(customer.sandbox.book, await customer.shop.calendar.url(paid) or '')
    order = await adopted(forgetful, paid)
    assert await forgetful.calendar.url(order) is None
    assert [meeting.invitee_id for meeting in await forgetful.bookings.bookings(order)] == [booked['uri']]


async def test_the_meetings_of_others_are_left_alone(
    customer: Customer, another: Customer, forgetful: Shop
) -> None:
    """An adopted order without a meeting gets its own link, whoever else has booked since."""
    paid = await fulfilled(customer, await customer.buy())
    other = await fulfilled(another, await another.buy())
    address = await another.shop.calendar.url(other)
    await asyncio.to_thread(customer.sandbox.book, address or '')
    order = await adopted(forgetful, paid)
    assert '/d/' in (await forgetful.calendar.url(order) or '')
    assert await forgetful.bookings.bookings(order) == ()


@pytest.mark.parametrize(
    ('verb', 'how', 'stands'), [('reschedule', {}, True), ('cancel', {'by': 'invitee'}, False)]
)
async def test_what_became_of_a_meeting_is_found(
    customer: Customer, forgetful: Shop, verb: str, how: dict[str, str], stands: bool
) -> None:
    """A meeting that was moved, which does not carry the key any more; a cancelled one frees the order."""
    paid = await fulfilled(customer, await customer.buy())
    address = await customer.shop.calendar.url(paid) or ''
    booked = await asyncio.to_thread(customer.sandbox.book, address)
    await asyncio.to_thread(customer.sandbox.act, verb, invitee=booked['uri'].rpartition('/')[2], **how)
    order = await adopted(forgetful, paid)
    address = await forgetful.calendar.url(order) or ''
    assert ('/d/' in address) is not stands
    states = [meeting.state for meeting in await forgetful.bookings.bookings(order)]
    assert states == ['canceled', 'active'] if stands else ['canceled']


async def test_an_order_that_was_not_forgotten_costs_no_search(customer: Customer) -> None:
    """Neither a new order nor one whose meeting was cancelled makes us read the calendar of the coach."""
    paid = await fulfilled(customer, await customer.buy())
    address = await customer.shop.calendar.url(paid) or ''
    start = datetime(2026, 12, 1, 15, tzinfo=UTC)
    gone = Booking('invitee', BookingState.CANCELED, start, start + timedelta(hours=1))
    await customer.shop.bookings.record(BookingUpdate(gone, paid.booking_key), because=Cause.WEBHOOK)
    again = await customer.shop.calendar.url(await customer.order_of(paid.session_id or ''))
    assert '/d/' in (again or '')
    assert again != address
    assert customer.sandbox.requests('/scheduled_events') == []


@pytest.mark.parametrize('match', ['GET /scheduled_events', 'GET /scheduled_events/*'])
@pytest.mark.parametrize('fault', [{'do': 'truncate'}, {'do': 'fail', 'status': 403}])
async def test_who_cannot_look_for_a_meeting_waits_with_the_link(
    customer: Customer, forgetful: Shop, match: str, fault: dict[str, Any]
) -> None:
    """While Calendly does not tell, no link is made; who has waited is given one all the same."""
    paid = await fulfilled(customer, await customer.buy())
    await asyncio.to_thread(customer.sandbox.book, await customer.shop.calendar.url(paid) or '')
    order = await adopted(forgetful, paid)
    customer.sandbox.fault(match, times=None, **fault)
    links = len(customer.sandbox.requests('POST /scheduling_links'))
    assert await forgetful.calendar.url(order) is None
    assert len(customer.sandbox.requests('POST /scheduling_links')) == links
    assert '/d/' in (await forgetful.calendar.url(order, fallback=True) or '')


async def test_no_link_is_given_for_what_was_refunded_meanwhile(customer: Customer, forgetful: Shop) -> None:
    """An order is judged again after Calendly was asked, which takes its time."""
    order = await adopted(forgetful, await fulfilled(customer, await customer.buy()))
    await asyncio.to_thread(customer.sandbox.act, 'refund', session=order.session_id)
    await adopted(forgetful, order)
    assert await forgetful.calendar.url(order) is None
    now = await forgetful.ledger.orders.find(id=order.id)
    assert now
    assert (now.state, now.calendar_url, now.bookings_unknown) == (State.REFUNDED, None, True)


async def test_an_event_type_that_was_made_anew_is_found_again(customer: Customer, another: Customer) -> None:
    """Calendly gives the same address a new name; the next link is made all the same."""
    paid = await fulfilled(customer, await customer.buy())
    assert '/d/' in (await customer.shop.calendar.url(paid) or '')
    customer.shop.scheduling._event_type = f'{customer.sandbox.base}/calendly/event_types/gone'
    second = await fulfilled(another, await another.buy())
    assert '/d/' in (await customer.shop.calendar.url(second) or '')


@pytest.mark.parametrize(
    'fault', [{'do': 'fail', 'status': 500}, {'do': 'fail', 'status': 401}, {'do': 'reset'}]
)
async def test_somebody_who_paid_can_book_while_the_calendars_api_is_down(
    customer: Customer, fault: dict[str, Any]
) -> None:
    """At first there is nothing to show; who has waited is given the public address."""
    paid = await fulfilled(customer, await customer.buy())
    customer.sandbox.fault('POST /scheduling_links', times=None, **fault)
    assert await customer.shop.calendar.url(paid) is None
    address = await customer.shop.calendar.url(paid, fallback=True)
    assert address is not None
    assert address.startswith(customer.sandbox.calendly_link)
    customer.sandbox.clear_faults()
    assert '/d/' in (await customer.shop.calendar.url(paid) or '')


async def test_the_operator_is_told_once_that_customers_get_the_public_address(
    customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    """An error line when it begins, one line when links can be made again."""
    paid = await fulfilled(customer, await customer.buy())
    customer.sandbox.act('calendly-token', revoked=True)
    for _ in range(3):
        await customer.shop.calendar.url(paid, fallback=True)
    said = [record for record in caplog.records if 'public calendar link' in record.getMessage()]
    assert [record.levelname for record in said] == ['ERROR']
    customer.sandbox.act('calendly-token', revoked=False)
    with caplog.at_level('INFO'):
        assert '/d/' in (await customer.shop.calendar.url(paid) or '')
    assert 'calendar links can be made again' in caplog.text


@pytest.mark.parametrize('booked', [False, True])
async def test_a_link_that_may_have_expired_is_replaced(
    customer: Customer, clock: Clock, booked: bool
) -> None:
    """After ninety days Calendly's page may say that it is no longer valid; a link that was used stays."""
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
    silent = build(parse_settings(settings_env | {'CALENDLY_WEBHOOK_SIGNING_KEY': ''}), clock=clock)
    await silent.open()
    paid = await fulfilled(customer, await customer.buy())
    first = await silent.calendar.url(paid) or ''
    clock.ahead = timedelta(days=91)
    customer.sandbox.act('calendly-token', missing_scopes=['scheduled_events:read'])
    assert await silent.calendar.url(paid) == first
    customer.sandbox.act('calendly-token', missing_scopes=[])
    await asyncio.to_thread(customer.sandbox.book, first)
    assert await silent.calendar.url(paid) == first
    assert [booking.state for booking in await silent.bookings.bookings(paid)] == ['active']
    await silent.close()


async def test_without_a_token_the_public_address_is_given(
    settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """An operator with a free plan and no token still sells; the key travels with the address."""
    shop = build(parse_settings(settings_env | {'CALENDLY_TOKEN': ''}))
    await shop.open()
    session = await shop.checkout.start(browser_id='v', because=Cause.BUTTON)
    sandbox.pay(session.id)
    order = await shop.fulfilment.fulfil(session.id, because=Cause.RETURN)
    assert order is not None
    address = await shop.calendar.url(order)
    assert address is not None
    assert address.startswith(sandbox.calendly_link)
    assert f'utm_content={order.booking_key}' in address
    assert sandbox.requests('/users/me') == []
    await shop.close()


async def test_an_order_of_another_environment_is_shown_no_calendar(customer: Customer) -> None:
    """What was sold in test, or on another account, opens nothing in the environment we sell in now."""
    paid = await fulfilled(customer, await customer.buy())
    await customer.shop.payments.learn_account()
    foreign = replace(paid, environment=Environment('live'))
    assert customer.shop.calendar.gate(paid) is CalendarGate.OPEN
    assert customer.shop.calendar.gate(foreign) == 'environment'
    assert await customer.shop.calendar.url(foreign) is None
    assert (
        customer.shop.calendar.gate(replace(paid, environment=Environment('test', 'acct_other')))
        == 'environment'
    )


async def test_test_money_on_a_public_address_opens_no_calendar(
    settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """Real hours are not given away for test cards, unless the operator says so."""
    public = settings_env | {'DOMAIN': 'https://coach.example'}
    for allowed, expected in (('', CalendarGate.TEST), ('1', CalendarGate.OPEN)):
        shop = build(parse_settings(public | {'ALLOW_TEST_SALES': allowed}))
        await shop.open()
        session = await shop.checkout.start(browser_id=f'v{allowed}', because=Cause.BUTTON)
        sandbox.pay(session.id)
        order = await shop.fulfilment.fulfil(session.id, because=Cause.RETURN)
        assert order is not None
        assert shop.calendar.gate(order) == expected
        assert (await shop.calendar.url(order) is None) is (expected is CalendarGate.TEST)
        assert bool(shop.banner) is (expected is CalendarGate.TEST)
        await shop.close()


async def test_a_shop_without_rights_to_read_its_account_still_sells(
    settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """A restricted key may not be told whose it is; nothing else depends on that."""
    sandbox.fault('GET /v1/account', 'fail', status=403, times=None)
    shop: Shop = build(parse_settings(settings_env))
    await shop.open()
    await shop.warm_up()
    assert shop.payments.environment == Environment('test')
    assert (await shop.checkout.start(browser_id='v', because=Cause.BUTTON)).url
    await shop.close()
