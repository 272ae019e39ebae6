"""Calendly's deliveries: what is not ours, what cannot be stored, what waits while it is silent."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.settings import parse_settings
from services.shop import build
from tests.sandbox_client import SandboxClient
from tests.services.calendly import INVITEE, RETRY, Calendly, a_calendar, rows
from tests.services.conftest import Clock, Customer, client_at, on_both_databases
from tests.services.reading import states

pytestmark = on_both_databases


@pytest.fixture
def calendly(endpoints: httpx.AsyncClient, sandbox: SandboxClient, settings_env: dict[str, str]) -> Calendly:
    """Calendly with the right key."""
    return Calendly(endpoints, sandbox, settings_env['CALENDLY_WEBHOOK_SIGNING_KEY'])


async def test_a_booking_that_names_nothing_is_not_ours(customer: Customer, calendly: Calendly) -> None:
    """Without a key and without an earlier meeting there is nothing to wait for."""
    booked = await calendly.book(calendly.sandbox.calendly_link)
    assert (await calendly.deliver(booked['uri'])).text == 'thank you'
    (row,) = rows(customer.shop)
    assert row.handled_at


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
