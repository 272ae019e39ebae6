"""Calendly's deliveries in any order: what names something unknown is kept, asked about and tried again."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.orders import Booking, BookingState, Cause, Order
from services.scheduling import BookingUpdate
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import a_booking, signed
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, NewDatabase, client_at, fulfilled, on_both_databases

pytestmark = on_both_databases

RETRY = timedelta(minutes=2)
INVITEE = 'GET /scheduled_events/'


class Calendly:
    """Calendly, which delivers what happened in the sandbox when a test says so."""

    def __init__(self, endpoints: httpx.AsyncClient, sandbox: SandboxClient, key: str) -> None:
        self.endpoints = endpoints
        self.sandbox = sandbox
        self.key = key
        self.number = 0

    async def book(self, url: str, **how: str) -> dict[str, Any]:
        """Book a time on the order's calendar."""
        return await asyncio.to_thread(self.sandbox.book, url, **how)

    async def move(self, invitee: dict[str, Any]) -> dict[str, Any]:
        """Move a meeting to another time; returns the new invitee, who has no tracking."""
        moved = await asyncio.to_thread(self.sandbox.act, 'reschedule', invitee=invitee['uri'])
        assert not any(moved['tracking'].values())
        assert moved['old_invitee'] == invitee['uri']
        return moved

    def invitee(self, uri: str) -> dict[str, Any]:
        """Return an invitee as it is now."""
        found: list[dict[str, Any]] = self.sandbox.state()['invitees']
        return next(invitee for invitee in found if invitee['uri'] == uri)

    async def deliver(self, uri: str, kind: str = 'invitee.created', **changes: Any) -> httpx.Response:
        """Deliver an invitee as it is now."""
        invitee = self.invitee(uri)
        hour = {'start_time': '2030-12-02T15:00:00Z', 'end_time': '2030-12-02T16:00:00Z'}
        payload = invitee | {'scheduled_event': hour} | changes
        return await self.post({'event': kind, 'created_at': self._stamp(), 'payload': payload})

    async def post(self, event: Any, key: str = '', path: str = '/webhooks/calendly') -> httpx.Response:
        """Deliver something, signed."""
        body = json.dumps(event).encode()
        header = signed(body, key or self.key)['Stripe-Signature']
        headers = {'Calendly-Webhook-Signature': header}
        return await self.endpoints.post(path, content=body, headers=headers)

    def _stamp(self) -> str:
        self.number += 1
        return f'2026-11-23T12:00:00.{self.number:06}Z'


@pytest.fixture
def calendly(endpoints: httpx.AsyncClient, sandbox: SandboxClient, settings_env: dict[str, str]) -> Calendly:
    """Calendly with the right key."""
    return Calendly(endpoints, sandbox, settings_env['CALENDLY_WEBHOOK_SIGNING_KEY'])


async def a_calendar(customer: Customer) -> tuple[Order, str]:
    """Return a paid order and its calendar's URL."""
    paid = await fulfilled(customer, await customer.buy())
    url = await customer.shop.calendar.url(paid)
    assert url
    return await customer.order_of(paid.session_id or ''), url


async def states(shop: Shop, order: Order) -> dict[str, str]:
    """Return the state of each booking of an order, by invitee."""
    return {booking.invitee_id: booking.state.value for booking in await shop.bookings.bookings(order)}


def rows(shop: Shop) -> list[Any]:
    """Return Calendly's deliveries in the ledger."""
    query = "SELECT handled_at, error, next_try, tries FROM deliveries WHERE source = 'calendly'"
    with shop.ledger.store.engine.connect() as connection:
        return list(connection.exec_driver_sql(query))


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


async def test_a_booking_that_names_nothing_is_not_ours(customer: Customer, calendly: Calendly) -> None:
    """Without a key and without an earlier meeting there is nothing to wait for."""
    booked = await calendly.book(calendly.sandbox.calendly_link)
    assert (await calendly.deliver(booked['uri'])).text == 'thank you'
    (row,) = rows(customer.shop)
    assert row.handled_at


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


async def test_a_silent_calendly_holds_up_no_other_delivery(
    customer: Customer, calendly: Calendly, clock: Clock
) -> None:
    """Calendly is asked once in such a round, and again in a later one."""
    order, url = await a_calendar(customer)
    first = await calendly.book(url)
    second = await calendly.move(first)
    third = await calendly.move(second)
    for each in (second, third):
        await calendly.deliver(each['uri'])
    calendly.sandbox.fault('GET /scheduled_events/*', 'fail', status=500, times=None)
    asked = len(calendly.sandbox.requests(INVITEE))
    clock.ahead = RETRY
    await customer.shop.reconciler.round()
    assert len(calendly.sandbox.requests(INVITEE)) == asked + 1
    calendly.sandbox.clear_faults()
    clock.ahead += timedelta(minutes=11)
    await customer.shop.reconciler.round()
    expected = {first['uri']: 'canceled', second['uri']: 'canceled', third['uri']: 'active'}
    assert await states(customer.shop, order) == expected


@pytest.mark.parametrize(('status', 'error'), [(403, 'calendar_unavailable'), (404, 'not_known_yet')])
async def test_a_refusal_for_one_meeting_holds_up_no_other_delivery(
    customer: Customer, calendly: Calendly, clock: Clock, status: int, error: str
) -> None:
    """Calendly answers, so it is asked about the next one; a meeting that it does not know ends its chain."""
    order, url = await a_calendar(customer)
    lost = await calendly.book(url)
    await calendly.deliver((await calendly.move(lost))['uri'])
    (waiting,) = rows(customer.shop)
    first = await calendly.book(f'{calendly.sandbox.calendly_link}?utm_content={order.booking_key}')
    second = await calendly.move(first)
    await calendly.deliver(second['uri'])
    path = lost['uri'].partition('/scheduled_events/')[2].partition('/')[0]
    calendly.sandbox.fault(f'GET /scheduled_events/{path}', 'fail', status=status, times=None)
    clock.ahead = RETRY
    await customer.shop.reconciler.round()
    assert await states(customer.shop, order) == {first['uri']: 'canceled', second['uri']: 'active'}
    (row,) = [row for row in rows(customer.shop) if row.handled_at is None]
    assert row.error.startswith(error)
    assert row.tries == waiting.tries + 1


@pytest.mark.parametrize('status', [429, 500])
async def test_too_many_requests_are_silence(
    customer: Customer, calendly: Calendly, clock: Clock, status: int
) -> None:
    """Nothing more is asked in this round."""
    for _ in range(2):
        first = await calendly.book(calendly.sandbox.calendly_link)
        await calendly.deliver((await calendly.move(first))['uri'])
    calendly.sandbox.fault('GET /scheduled_events/*', 'fail', status=status, times=None)
    asked = len(calendly.sandbox.requests(INVITEE))
    clock.ahead = RETRY
    await customer.shop.reconciler.round()
    assert len(calendly.sandbox.requests(INVITEE)) == asked + 1


@pytest.mark.parametrize(
    'kind',
    [
        'contact.created',
        'event_type.updated',
        'routing_form_submission.created',
        'invitee_no_show.created',
        'meeting_recap.created',
        'unheard.of',
    ],
)
async def test_other_events_on_the_subscription_are_answered(
    customer: Customer, calendly: Calendly, kind: str
) -> None:
    """Calendly disables the whole subscription when one of its events fails for a day."""
    payloads: tuple[Any, ...] = ({}, None, {'uri': 'https://api.calendly.com/contacts/1'}, [])
    for payload in payloads:
        answer = await calendly.post(
            {'event': kind, 'created_at': '2026-11-23T12:00:00Z', 'payload': payload}
        )
        assert (answer.status_code, answer.text) == (200, 'not for this shop')
    assert rows(customer.shop) == []


async def test_a_booking_that_cannot_be_read_is_kept(
    customer: Customer, calendly: Calendly, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A shape that we do not know must not disable the subscription: the delivery stays, with an error."""
    event = {'event': 'invitee.created', 'created_at': '2026-11-23T12:00:00Z', 'payload': {'new': 'shape'}}
    for _ in range(2):
        caplog.clear()
        answer = await calendly.post(event)
        assert (answer.status_code, answer.text) == (200, 'kept')
        (row,) = rows(customer.shop)
        assert row.error.startswith('internal [error ')
        (line,) = [record for record in caplog.records if record.levelname in ('WARNING', 'ERROR')]
        assert 'it cannot be read: KeyError; it is kept, and not tried again' in line.getMessage()
        assert line.getMessage().endswith(row.error.removeprefix('internal '))
    caplog.clear()
    clock.ahead = timedelta(days=1)
    await customer.shop.reconciler.round()
    assert (rows(customer.shop), caplog.messages) == ([row], [])


async def test_a_booking_with_half_a_character_is_stored(customer: Customer, calendly: Calendly) -> None:
    """Somebody cut an emoji in two: the rest of the texts is kept."""
    order, url = await a_calendar(customer)
    booked = await calendly.book(url)
    half = '\ud83d'
    hour = {'start_time': '2030-12-02T15:00:00Z', 'end_time': '2030-12-02T16:00:00Z'}
    answer = await calendly.deliver(
        booked['uri'],
        name=f'Ann {half}',
        questions_and_answers=[{'question': 'How are you?', 'answer': f'{half} fine', 'position': 0}],
        scheduled_event=hour | {'location': {'type': 'custom', 'location': f'At the lake {half}'}},
    )
    assert (answer.status_code, answer.text) == (200, 'thank you')
    (booking,) = await customer.shop.bookings.bookings(order)
    assert (booking.name, booking.place) == ('Ann ', 'At the lake ')


async def test_half_a_character_that_waits_for_its_order_is_stored(
    customer: Customer, calendly: Calendly
) -> None:
    """The delivery is kept as it came, in every text of it."""
    half = '\udc4b'
    _, url = await a_calendar(customer)
    booked = await calendly.book(url)
    answer = await calendly.deliver(booked['uri'], tracking={'utm_content': f'b-1{half}'}, email=half)
    assert (answer.status_code, answer.text) == (200, 'kept')
    (row,) = rows(customer.shop)
    assert row.error.startswith('not_known_yet')
    (listed,) = await customer.shop.ledger.unmatched.list_open()
    assert (listed.invitee_id, listed.email) == (booked['uri'], '')


async def test_what_could_not_be_recorded_is_asked_for_again(
    customer: Customer, calendly: Calendly, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what was not recorded is answered 500, because nobody here can try it again."""

    async def fails(_delivery: object) -> bool:
        raise OSError('no space left on the device')

    monkeypatch.setattr(customer.shop.ledger.deliveries, 'record', fails)
    _, url = await a_calendar(customer)
    booked = await calendly.book(url)
    assert (await calendly.deliver(booked['uri'])).status_code == 500


async def test_two_keys_and_a_slash_are_accepted(
    customer: Customer, calendly: Calendly, settings_env: dict[str, str]
) -> None:
    """While a key is replaced either is right, at either URL; another key is not."""
    keys = f'new-key,{calendly.key}'
    shop = build(parse_settings(settings_env | {'CALENDLY_WEBHOOK_SIGNING_KEY': keys}))
    event = {'event': 'contact.created', 'payload': {}}
    async with client_at(shop) as client:
        calendly.endpoints = client
        for key in ('new-key', calendly.key):
            for path in ('/webhooks/calendly', '/webhooks/calendly/'):
                assert (await calendly.post(event, key, path)).status_code == 200
        assert (await calendly.post(event, keys)).status_code == 400
    await shop.close()


async def test_a_late_first_booking_does_not_stand_beside_the_moved_one(customer: Customer) -> None:
    """A booking that another one has replaced is stored as canceled, whenever it arrives."""
    order, _ = await a_calendar(customer)
    new: Booking = a_booking(invitee_id='new', replaces='old')
    for booking, key in ((new, order.booking_key), (a_booking(invitee_id='old'), order.booking_key)):
        await customer.shop.bookings.record(BookingUpdate(booking, key), because=Cause.WEBHOOK)
    assert await states(customer.shop, order) == {'old': BookingState.CANCELED, 'new': BookingState.ACTIVE}
