"""Bookings are known by reading Calendly alone: booked, moved, canceled, missed; and what a webhook told."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.errors import CalendarUnavailable
from services.orders import BookingState, Cause, Order
from services.reconciler import booking_reader
from services.scheduling.bookings import update_from
from services.settings import parse_settings
from services.shop import Shop, build
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, NewDatabase, fulfilled, on_both_databases
from tests.services.reading import (
    INVITEES,
    LIST,
    asked,
    at_calendly,
    calendar_of,
    current,
    pass_time,
    states,
    told,
)

pytestmark = on_both_databases
WHO = {'name': 'Ann', 'email': 'ann@example.com'}


@pytest.fixture
def settings_env(settings_env: dict[str, str]) -> dict[str, str]:
    """Return settings without the key that deliveries of Calendly need."""
    return settings_env | {'CALENDLY_WEBHOOK_SIGNING_KEY': ''}


async def lines(shop: Shop, order: Order) -> list[str]:
    """Return what the journal says of an order's meetings."""
    found = [line.line for line in await shop.ledger.journal.lines(order.id)]
    return [line for line in found if 'meeting' in line or 'Calendly' in line]


async def reasons(shop: Shop) -> list[str]:
    """Return the reasons of all unmatched bookings that are open."""
    return sorted(row.reason for row in await shop.ledger.unmatched.list_open())


async def test_a_booking_is_found(shop: Shop, sandbox: SandboxClient, paid: Order) -> None:
    """One list and one request for its invitees; afterwards only lists."""
    url = await calendar_of(shop, paid)
    await shop.booking_reader.read()
    assert await states(shop, paid) == {}
    booked = sandbox.book(url)
    for _ in range(3):
        await shop.booking_reader.read()
    assert await states(shop, paid) == {booked['uri']: 'active'}
    assert (asked(sandbox, LIST), asked(sandbox, INVITEES)) == (4, 1)
    assert (asked(sandbox, 'GET /users/me'), asked(sandbox, 'GET /event_types')) == (1, 1)
    assert await lines(shop, paid) == [(await lines(shop, paid))[0]]
    assert await reasons(shop) == []


async def test_open_pages_hear_of_it(shop: Shop, sandbox: SandboxClient, paid: Order) -> None:
    """Without a reload: the ledger notifies the pages that follow the order."""
    heard: list[str] = []
    shop.ledger.subscribe(paid, lambda: heard.append('moved'))
    sandbox.book(await calendar_of(shop, paid))
    before = len(heard)
    await shop.booking_reader.read()
    assert len(heard) > before


@pytest.mark.parametrize('between', [True, False])
async def test_a_moved_meeting_is_found(
    shop: Shop, sandbox: SandboxClient, paid: Order, between: bool
) -> None:
    """It carries no key and names the one it replaces; whether or not that one was read before."""
    first = sandbox.book(await calendar_of(shop, paid))
    if between:
        await shop.booking_reader.read()
    second = sandbox.act('reschedule', invitee=first['uri'])
    third = sandbox.act('reschedule', invitee=second['uri'])
    await shop.booking_reader.read()
    expected = {first['uri']: 'canceled', second['uri']: 'canceled', third['uri']: 'active'}
    assert await states(shop, paid) == expected
    assert (await current(shop, paid)).calendar_url
    assert await reasons(shop) == []


@pytest.mark.parametrize('by', ['invitee', 'host'])
async def test_a_canceled_meeting_frees_the_calendar(
    shop: Shop, sandbox: SandboxClient, paid: Order, by: str
) -> None:
    """Another time may be picked, with another link."""
    url = await calendar_of(shop, paid)
    booked = sandbox.book(url)
    await shop.booking_reader.read()
    sandbox.act('cancel', invitee=booked['uri'], by=by, reason='ill')
    await shop.booking_reader.read()
    (booking,) = await shop.bookings.bookings(paid)
    assert (booking.state, booking.canceled_by, booking.cancel_reason) == (BookingState.CANCELED, by, 'ill')
    assert await calendar_of(shop, paid) != url


async def test_a_no_show_is_stored_and_taken_back(
    shop: Shop, sandbox: SandboxClient, paid: Order, clock: Clock
) -> None:
    """Calendly's event does not change with it, so a meeting is read again a few times after its end."""
    booked = sandbox.book(await calendar_of(shop, paid))
    await shop.booking_reader.read()
    end = (await shop.bookings.bookings(paid))[0].end
    pass_time(clock, sandbox, end - clock() + timedelta(minutes=5))
    await shop.booking_reader.read()
    assert not (await shop.bookings.bookings(paid))[0].no_show
    with at_calendly(sandbox) as api:
        noted = api.post(f'{sandbox.base}/calendly/invitee_no_shows', json={'invitee': booked['uri']}).json()
        pass_time(clock, sandbox, timedelta(hours=6))
        await shop.booking_reader.read()
        assert (await shop.bookings.bookings(paid))[0].no_show
        api.delete(noted['resource']['uri'])
    pass_time(clock, sandbox, timedelta(hours=6))
    await shop.booking_reader.read()
    assert not (await shop.bookings.bookings(paid))[0].no_show
    said = [line.partition(' UTC')[2] for line in await lines(shop, paid)]
    assert said == [' active', ': the customer did not come', ': the customer came after all']


async def test_a_link_to_join_that_comes_later_is_found(
    shop: Shop, sandbox: SandboxClient, paid: Order
) -> None:
    """Calendly makes it after the booking and tells nobody; a late delivery does not take it away."""
    sandbox.act('calendar', link_status='processing')
    booked = sandbox.book(await calendar_of(shop, paid))
    with at_calendly(sandbox) as api:
        event = api.get(booked['event']).json()['resource']
    await shop.booking_reader.read()
    (booking,) = await shop.bookings.bookings(paid)
    assert (booking.link_follows, booking.place) == (True, '')
    sandbox.act('location', invitee=booked['uri'], status='pushed')
    await shop.booking_reader.read()
    (booking,) = await shop.bookings.bookings(paid)
    assert not booking.link_follows
    assert booking.place.endswith('/join')
    late = update_from(booked | {'scheduled_event': event}, was_read=False)
    await shop.bookings.record(late, because=Cause.WEBHOOK)
    assert await shop.bookings.bookings(paid) == (booking,)


async def test_what_a_webhook_told_is_not_asked_again(
    shop: Shop, sandbox: SandboxClient, paid: Order
) -> None:
    """Neither a booking, nor a move, nor a cancellation; a later process does not ask either."""
    first = sandbox.book(await calendar_of(shop, paid))
    await told(shop, sandbox, first)
    await shop.booking_reader.read()
    second = sandbox.act('reschedule', invitee=first['uri'])
    gone = next(each for each in sandbox.state()['invitees'] if each['uri'] == first['uri'])
    for invitee in (gone, second):
        await told(shop, sandbox, invitee)
    await shop.booking_reader.read()
    await told(shop, sandbox, sandbox.act('cancel', invitee=second['uri']))
    await shop.booking_reader.read()
    assert await states(shop, paid) == {first['uri']: 'canceled', second['uri']: 'canceled'}
    other = build(shop.settings)
    await other.booking_reader.read()
    await other.close()
    assert (asked(sandbox, INVITEES), asked(sandbox, LIST)) == (0, 4)


async def test_what_a_webhook_missed_is_found(shop: Shop, sandbox: SandboxClient, paid: Order) -> None:
    """It told of the booking only."""
    booked = sandbox.book(await calendar_of(shop, paid))
    await told(shop, sandbox, booked)
    await shop.booking_reader.read()
    sandbox.act('cancel', invitee=booked['uri'])
    await shop.booking_reader.read()
    assert await states(shop, paid) == {booked['uri']: 'canceled'}


async def test_meetings_of_other_event_types_cost_no_request(
    shop: Shop, sandbox: SandboxClient, paid: Order
) -> None:
    """The coach has many; the list has no filter for them, but names the event type."""
    for _ in range(25):
        sandbox.book(sandbox.calendly_link, **WHO, other_event_type=True)
    booked = sandbox.book(await calendar_of(shop, paid))
    await shop.booking_reader.read()
    assert await states(shop, paid) == {booked['uri']: 'active'}
    assert asked(sandbox, INVITEES) == 1
    assert await reasons(shop) == []


async def test_meetings_from_before_the_shop_are_left_alone(
    customer: Customer, shop: Shop, sandbox: SandboxClient, clock: Clock
) -> None:
    """They cannot belong to an order; nobody is warned of them."""
    sandbox.book(sandbox.calendly_link, **WHO)
    pass_time(clock, sandbox, timedelta(hours=3))
    await fulfilled(customer, await customer.buy())
    await shop.booking_reader.read()
    assert asked(sandbox, INVITEES) == 0
    assert await reasons(shop) == []


@pytest.mark.parametrize(('query', 'reason'), [('', 'no key'), ('?utm_content=b-1', 'unknown key')])
async def test_a_booking_of_nobody_is_listed(
    shop: Shop, sandbox: SandboxClient, paid: Order, query: str, reason: str
) -> None:
    """As if it had been delivered; it is read once, in a later process too, and ends with the meeting."""
    booked = sandbox.book(sandbox.calendly_link + query, **WHO)
    for _ in range(2):
        await shop.booking_reader.read()
    other = build(shop.settings)
    await other.booking_reader.read()
    await other.close()
    assert await reasons(shop) == [reason]
    assert asked(sandbox, INVITEES) == 1
    sandbox.act('cancel', invitee=booked['uri'])
    await shop.booking_reader.read()
    assert await reasons(shop) == []


async def test_a_booking_that_calendly_took_money_for_is_flagged(
    shop: Shop, sandbox: SandboxClient, paid: Order, caplog: pytest.LogCaptureFixture
) -> None:
    """A row, a warning and a journal line, each once; the customer paid twice."""
    booked = sandbox.book(await calendar_of(shop, paid))
    sandbox.act('calendly-payment', invitee=booked['uri'])
    await shop.booking_reader.read()
    await told(shop, sandbox, booked | {'payment': {'amount': 150}})
    assert await reasons(shop) == ['calendly payment']
    assert len([line for line in await lines(shop, paid) if line.startswith('Calendly took a payment')]) == 1
    assert caplog.text.count('Calendly itself took a payment') == 1


async def test_calendly_down_then_up(shop: Shop, sandbox: SandboxClient, paid: Order) -> None:
    """Nothing is lost while it is silent, and one event that is refused holds up no other."""
    url = await calendar_of(shop, paid)
    refused = sandbox.book(sandbox.calendly_link, **WHO)
    booked = sandbox.book(url)
    sandbox.fault(LIST, 'fail', status=500)
    sandbox.fault('GET /scheduled_events/*', 'fail', status=503)
    for _ in range(2):
        with pytest.raises(CalendarUnavailable):
            await shop.booking_reader.read()
    sandbox.fault(f'GET /scheduled_events/{refused["event"].rpartition("/")[2]}/*', 'fail', status=403)
    await shop.booking_reader.read()
    assert await states(shop, paid) == {booked['uri']: 'active'}


async def test_many_bookings_are_read_oldest_first_and_none_is_left_out(
    shop: Shop, sandbox: SandboxClient, paid: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading is bounded; the next ones go on where it ended."""
    monkeypatch.setattr(booking_reader, 'READS', 2)
    key = f'?utm_content={paid.booking_key}'
    made = [sandbox.book(sandbox.calendly_link + key, **WHO)['uri'] for _ in range(5)]
    found = []
    for more in (True, True, False, False):
        assert await shop.booking_reader.read() is more
        found.append(set(await states(shop, paid)))
    assert found == [set(made[:2]), set(made[:4]), set(made), set(made)]
    assert asked(sandbox, INVITEES) == 5


async def test_a_meeting_of_a_team_is_found(shop: Shop, sandbox: SandboxClient, paid: Order) -> None:
    """Its event type and its meetings are listed by the organization."""
    sandbox.act('calendar', team=True, pooling_type='round_robin')
    booked = sandbox.book(await calendar_of(shop, paid))
    await shop.booking_reader.read()
    assert await states(shop, paid) == {booked['uri']: 'active'}


async def test_an_event_type_becomes_one_of_a_team(shop: Shop, sandbox: SandboxClient, paid: Order) -> None:
    """The shop learns it from the refused share, and reads the meetings of the organization from then on."""
    await shop.booking_reader.read()
    sandbox.act('calendar', team=True, pooling_type='round_robin')
    booked = sandbox.book(await calendar_of(shop, paid))
    await shop.booking_reader.read()
    assert await states(shop, paid) == {booked['uri']: 'active'}


@pytest.fixture
async def restored(
    customer: Customer, settings_env: dict[str, str], new_database: NewDatabase
) -> AsyncIterator[Shop]:
    """A shop with an empty ledger, as after the loss of its database."""
    shop = build(parse_settings(settings_env | {'DATABASE_URL': new_database()}))
    await shop.open()
    yield shop
    await shop.close()


@pytest.mark.parametrize('read_before', [True, False])
async def test_orders_that_may_have_been_booked_are_cleared_up(
    customer: Customer,
    other_customer: Customer,
    restored: Shop,
    sandbox: SandboxClient,
    paid: Order,
    read_before: bool,
) -> None:
    """The reader finds the booking of the one, and that the other was not booked: it gets a link at once."""
    other = await fulfilled(other_customer, await other_customer.buy())
    booked = sandbox.book(await calendar_of(customer.shop, paid))
    if read_before:  # the booking is listed as one of nobody first
        await restored.fulfilment.fulfil(other.session_id or '', because=Cause.RETURN)
        await restored.booking_reader.read()
        assert await reasons(restored) == ['unknown key']
    for order in (paid, other):
        seen = await restored.fulfilment.fulfil(order.session_id or '', because=Cause.RETURN)
        assert seen
    restored.booking_reader._slow_reading_at = None  # as after two minutes
    await restored.booking_reader.read()
    assert await states(restored, paid) == {booked['uri']: 'active'}
    assert await reasons(restored) == []
    assert not (await current(restored, other)).bookings_unknown
    lists = asked(sandbox, LIST)
    assert '/d/' in await calendar_of(restored, other)
    assert asked(sandbox, LIST) == lists
    reads = asked(sandbox, INVITEES)
    restored.booking_reader._slow_reading_at = None
    await restored.booking_reader.read()
    assert asked(sandbox, INVITEES) == reads
