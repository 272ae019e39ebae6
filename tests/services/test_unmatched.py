"""Meetings that no order paid for are seen: a row, a warning and a count, each once."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.ledger import UnmatchedBooking, UnmatchedReason
from services.orders import Cause, Order, State
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import a_booking
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, client_at, fulfilled, on_both_databases

pytestmark = on_both_databases


class Calendly:
    """Calendly at the endpoint: books in the sandbox and delivers what became of it."""

    def __init__(self, endpoints: httpx.AsyncClient, sandbox: SandboxClient) -> None:
        self.endpoints = endpoints
        self.sandbox = sandbox

    async def book(self, url: str = '', **how: Any) -> dict[str, Any]:
        """Book, and deliver it."""
        who = {'name': 'Ann', 'email': 'ann@example.com'}
        booked = self.sandbox.book(url or self.sandbox.calendly_link, **who | how)
        await self.deliver('invitee.created', booked)
        return booked

    async def cancel(self, invitee: dict[str, Any]) -> None:
        """Cancel as the host, and deliver it."""
        await self.deliver('invitee.canceled', self.sandbox.act('cancel', invitee=invitee['uri'], by='host'))

    async def deliver(self, kind: str, invitee: dict[str, Any]) -> None:
        """Deliver an invitee as it was at the time of an event."""
        headers = {'Authorization': f'Bearer {self.sandbox.settings["CALENDLY_TOKEN"]}'}
        async with httpx.AsyncClient(headers=headers, trust_env=False) as api:
            event = (await api.get(invitee['event'])).json()['resource']
        payload = invitee | {'scheduled_event': event}
        content = json.dumps(
            {'event': kind, 'created_at': invitee['updated_at'], 'payload': payload}
        ).encode()
        stamp = f'{time.time():.0f}'
        key = self.sandbox.settings['CALENDLY_WEBHOOK_SIGNING_KEY'].encode()
        mac = hmac.new(key, f'{stamp}.'.encode() + content, hashlib.sha256).hexdigest()
        signature = {'Calendly-Webhook-Signature': f't={stamp},v1={mac}'}
        answer = await self.endpoints.post('/webhooks/calendly', content=content, headers=signature)
        assert answer.status_code == 200


@pytest.fixture
def calendly(endpoints: httpx.AsyncClient, sandbox: SandboxClient) -> Calendly:
    """Calendly."""
    return Calendly(endpoints, sandbox)


async def reasons(shop: Shop) -> list[str]:
    """Return the reasons of all open rows."""
    return sorted(row.reason for row in await shop.ledger.unmatched.list_open())


async def only(shop: Shop) -> UnmatchedBooking:
    """Return the one open row."""
    (row,) = await shop.ledger.unmatched.list_open()
    return row


def counted(shop: Shop, kind: str) -> float:
    """Return how often a kind was counted."""
    name, labels = 'paidslot_unmatched_bookings_total', {'kind': kind}
    return shop.metrics._registry.get_sample_value(name, labels) or 0


def keyed(sandbox: SandboxClient, order: Order) -> str:
    """Return the public link with the key of an order."""
    return f'{sandbox.calendly_link}?utm_content={order.booking_key}'


async def test_a_right_booking_is_not_listed(
    customer: Customer, calendly: Calendly, paid: Order, caplog: pytest.LogCaptureFixture
) -> None:
    """Booked with the link of the order, moved and canceled: nothing to tell the operator."""
    url = await customer.shop.calendar.url(paid) or ''
    old = await calendly.book(url)
    new = calendly.sandbox.act('reschedule', invitee=old['uri'])
    await calendly.deliver('invitee.created', new)
    assert await reasons(customer.shop) == []
    await calendly.cancel(new)
    assert await reasons(customer.shop) == []
    assert 'no order paid for' not in caplog.text


@pytest.mark.parametrize(('query', 'reason'), [('', 'no key'), ('?utm_content=b-1', 'unknown key')])
async def test_a_booking_of_nobody_is_listed_once(
    shop: Shop, calendly: Calendly, caplog: pytest.LogCaptureFixture, query: str, reason: str
) -> None:
    """One row with who and when, one warning without a name in it, one count; it ends with the meeting."""
    booked = await calendly.book(calendly.sandbox.calendly_link + query)
    await calendly.deliver('invitee.created', booked | {'updated_at': '2026-11-26T12:00:00.000000Z'})
    row = await only(shop)
    assert (row.reason, row.order_id, row.email, row.name) == (reason, None, 'ann@example.com', 'Ann')
    assert (row.invitee_id, row.note) == (booked['uri'], '')
    assert row.event_type.startswith('http')
    said = [record for record in caplog.records if 'no order paid for' in record.getMessage()]
    assert [record.levelname for record in said] == ['WARNING']
    assert 'Ann' not in said[0].getMessage()
    assert counted(shop, reason) == 1
    await calendly.cancel(booked)
    assert await reasons(shop) == []


async def test_a_booking_whose_order_is_found_later_is_right(
    customer: Customer, calendly: Calendly, paid: Order
) -> None:
    """Such as while a lost ledger is rebuilt from Stripe: the same meeting, now attached to its order."""
    booked = await calendly.book(f'{calendly.sandbox.calendly_link}?utm_content=b-1')
    assert await reasons(customer.shop) == ['unknown key']
    tracking = booked['tracking'] | {'utm_content': paid.booking_key}
    again = {'tracking': tracking, 'updated_at': '2026-11-26T12:00:00.000000Z'}
    await calendly.deliver('invitee.created', booked | again)
    assert [booking.invitee_id for booking in await customer.shop.bookings.bookings(paid)] == [booked['uri']]
    assert await reasons(customer.shop) == []


async def test_a_cancellation_that_arrives_first_is_the_end(shop: Shop, calendly: Calendly) -> None:
    """The delivery of the booking itself, which is late, lists nothing."""
    sandbox = calendly.sandbox
    booked = sandbox.book(sandbox.calendly_link, name='Ann', email='ann@example.com')
    await calendly.cancel(booked)
    await calendly.deliver('invitee.created', booked)
    assert await reasons(shop) == []
    assert counted(shop, 'no key') == 0


@pytest.fixture
async def without_token(settings_env: dict[str, str], calendly: Calendly) -> AsyncIterator[Shop]:
    """Return a shop that cannot ask Calendly, and gets its deliveries."""
    shop = build(parse_settings(settings_env | {'CALENDLY_TOKEN': ''}))
    await shop.open()
    async with client_at(shop) as client:
        calendly.endpoints = client
        yield shop
    await shop.close()


async def test_a_moved_booking_of_nobody_is_listed(without_token: Shop, calendly: Calendly) -> None:
    """The row of the first meeting ends, and the one that took its place has a row of its own, once."""
    first = await calendly.book()
    second = calendly.sandbox.act('reschedule', invitee=first['uri'])
    invitees = calendly.sandbox.state()['invitees']
    await calendly.deliver('invitee.canceled', next(each for each in invitees if each['uri'] == first['uri']))
    await calendly.deliver('invitee.created', second)
    row = await only(without_token)
    assert (row.reason, row.invitee_id) == ('no key', second['uri'])
    await calendly.deliver('invitee.created', second)
    assert counted(without_token, 'no key') == 2
    await calendly.cancel(second)
    assert await reasons(without_token) == []


async def test_a_moved_booking_whose_first_one_comes_late_is_right(
    without_token: Shop, customer: Customer, calendly: Calendly, paid: Order
) -> None:
    """It is listed until the first one tells the order that both belong to."""
    first = calendly.sandbox.book(keyed(calendly.sandbox, paid), name='Ann', email='ann@example.com')
    second = calendly.sandbox.act('reschedule', invitee=first['uri'])
    await calendly.deliver('invitee.created', second)
    assert await reasons(without_token) == ['no key']
    await calendly.deliver('invitee.created', first)
    await without_token.reconciler.round()
    assert len(await without_token.bookings.bookings(paid)) == 2
    assert await reasons(without_token) == []


async def test_the_coachs_other_meetings_are_left_alone(shop: Shop, calendly: Calendly) -> None:
    """Where the event type is known, a booking of another one that names no order is not our business."""
    assert await shop.calendar_watch.check() is None
    await calendly.book(other_event_type=True)
    assert await reasons(shop) == []


@pytest.mark.parametrize(
    ('how', 'reason'),
    [({'minutes': 240}, 'other length'), ({'other_event_type': True}, 'other event type')],
)
async def test_another_meeting_than_the_one_that_was_sold(
    customer: Customer, calendly: Calendly, paid: Order, how: dict[str, Any], reason: str
) -> None:
    """It is attached to its order, and listed."""
    await customer.shop.calendar_watch.check()
    booked = await calendly.book(keyed(calendly.sandbox, paid), **how)
    assert [booking.invitee_id for booking in await customer.shop.bookings.bookings(paid)] == [booked['uri']]
    row = await only(customer.shop)
    assert (row.reason, row.order_id) == (reason, paid.id)


async def test_a_second_meeting_on_one_key(customer: Customer, calendly: Calendly, paid: Order) -> None:
    """The second one is listed; when one of the two is canceled, the other one is right."""
    first = await calendly.book(keyed(calendly.sandbox, paid))
    second = await calendly.book(keyed(calendly.sandbox, paid))
    row = await only(customer.shop)
    assert (row.reason, row.invitee_id) == ('second meeting', second['uri'])
    await calendly.cancel(first)
    assert await reasons(customer.shop) == []


async def test_a_booking_before_the_payment(customer: Customer, calendly: Calendly) -> None:
    """Somebody who knows the key of an unpaid order; the payment makes it right."""
    order = await customer.order_of(await customer.start())
    await calendly.book(keyed(calendly.sandbox, order))
    assert await reasons(customer.shop) == ['not paid']
    customer.sandbox.pay(order.session_id or '')
    await fulfilled(customer, order)
    assert await reasons(customer.shop) == []


async def test_refunded_but_still_in_the_calendar(
    customer: Customer, calendly: Calendly, paid: Order, caplog: pytest.LogCaptureFixture
) -> None:
    """The refund lists the coming meeting; a refund that fails closes the row, and it may come again."""
    booked = await calendly.book(await customer.shop.calendar.url(paid) or '')
    refund = customer.sandbox.act('refund', session=paid.session_id)
    assert (await fulfilled(customer, paid)).state is State.REFUNDED
    await fulfilled(customer, paid)
    row = await only(customer.shop)
    assert (row.reason, row.order_id, row.invitee_id) == ('refunded', paid.id, booked['uri'])
    assert caplog.text.count('no order paid for (refunded)') == counted(customer.shop, 'refunded') == 1
    customer.sandbox.act('fail-refund', refund=refund['id'])
    assert (await fulfilled(customer, paid)).state is State.PAID
    assert await reasons(customer.shop) == []
    customer.sandbox.act('refund', session=paid.session_id)
    await fulfilled(customer, paid)
    assert await reasons(customer.shop) == ['refunded']
    await calendly.cancel(booked)
    assert await reasons(customer.shop) == []


async def test_a_booking_from_another_tab_after_the_refund(
    customer: Customer, calendly: Calendly, paid: Order
) -> None:
    """Its calendar was open when the money went back."""
    url = await customer.shop.calendar.url(paid) or ''
    customer.sandbox.act('refund', session=paid.session_id)
    await fulfilled(customer, paid)
    assert await reasons(customer.shop) == []
    await calendly.book(url)
    assert await reasons(customer.shop) == ['refunded']


async def test_a_refund_after_a_review(customer: Customer, calendly: Calendly, paid: Order) -> None:
    """The review closes the calendar and lists nothing; the refund that ends it lists the coming meeting."""
    await calendly.book(await customer.shop.calendar.url(paid) or '')
    customer.sandbox.act('review', session=paid.session_id)
    assert (await fulfilled(customer, paid)).state is State.UNDER_REVIEW
    assert await reasons(customer.shop) == []
    customer.sandbox.act('review', session=paid.session_id, reason='refunded')
    customer.sandbox.act('refund', session=paid.session_id)
    await fulfilled(customer, paid)
    assert await reasons(customer.shop) == ['refunded']


async def test_a_refund_and_a_booking_at_the_same_moment(
    customer: Customer, calendly: Calendly, paid: Order
) -> None:
    """Whichever is written first, the other one sees it: the meeting is listed once."""
    url = await customer.shop.calendar.url(paid) or ''
    customer.sandbox.act('refund', session=paid.session_id)
    await asyncio.gather(fulfilled(customer, paid, Cause.RECONCILER), calendly.book(url))
    assert await reasons(customer.shop) == ['refunded']
    assert counted(customer.shop, 'refunded') == 1


async def test_the_operator_handles_a_row(shop: Shop, calendly: Calendly) -> None:
    """It is not open any more, and no repetition opens it."""
    booked = await calendly.book()
    await shop.ledger.unmatched.mark_handled(
        booked['uri'], UnmatchedReason.NO_KEY, note='a friend', actor='admin'
    )
    assert await reasons(shop) == []
    await calendly.deliver('invitee.created', booked | {'updated_at': '2026-11-26T12:00:00.000000Z'})
    assert await reasons(shop) == []


async def test_coming_meetings_are_listed_before_past_ones(shop: Shop, clock: Clock) -> None:
    """The next one first; what is over hides nothing that can still be canceled."""
    hours = {'week ago': -168, 'yesterday': -24, 'now': -0.5, 'tomorrow': 24, 'in a week': 168}
    for name, ahead in hours.items():
        start = clock() + timedelta(hours=ahead)
        booking = a_booking(invitee_id=name, start=start, end=start + timedelta(hours=1))
        await shop.ledger.unmatched.record_unmatched(
            booking, UnmatchedReason.NO_KEY, event_type='', handles=None
        )
    listed = await shop.ledger.unmatched.list_open(limit=4)
    assert [row.invitee_id for row in listed] == ['now', 'tomorrow', 'in a week', 'yesterday']
