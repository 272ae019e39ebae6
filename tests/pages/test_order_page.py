"""The page of an order, in each state and between them."""

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from icalendar import Calendar

from services.orders import BookingState, Cause, Environment
from services.scheduling import BookingUpdate
from services.scheduling.bookings import update_from
from services.shop import Shop
from tests.factories import BOOKING
from tests.pages.conftest import Way, order_at
from tests.pages.customer import Customer, words
from tests.sandbox_client import SandboxClient

PAID = '✓ Payment Successful!'


async def test_a_paid_order_shows_receipt_and_calendar(
    customer: Customer, shop: Shop, way: Way, sandbox: SandboxClient
) -> None:
    """Paid: the exact heading, amount, reference and e-mail, one titled iframe, and the plain link."""
    path = await way.arrive(await way.pay(email='pat+va@example.com', name='Pat Morgan'))
    await customer.until(lambda: len(customer.frames) == 1)
    order = await order_at(shop, path)
    sentence = f'You paid $150 for your C&P coaching session. Your order is {order.reference}.'
    assert PAID in customer.text
    assert sentence in customer.text
    assert 'Paid by pat+va@example.com' in customer.text
    assert 'Open the receipt at Stripe' in customer.text
    assert order.facts.receipt_url.startswith(sandbox.settings['STRIPE_API_BASE'] + '/receipts/ch_')
    (frame,) = customer.frames
    assert frame.props['title'] == 'Pick a time for your session'
    assert f'utm_content={order.booking_key}' in frame.props['src']
    assert 'email=pat%2Bva%40example.com' in frame.props['src']
    assert 'Open the calendar in a new tab' in customer.text


async def test_an_unpaid_order_has_no_byte_of_the_calendar(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """Before payment is verified the page waits and has no calendar URL."""
    path = await way.arrive(await way.start())
    assert 'Checking your payment…' in customer.text
    assert 'If you paid, your payment is safe. Do not pay again; this page keeps checking.' in customer.text
    assert customer.frames == []
    assert sandbox.calendly_link not in (await customer.http.get(path)).text


async def test_the_page_opens_while_stripe_hangs(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """While Stripe hangs the page opens; once Stripe answers, the page shows the payment."""
    session_id = await way.pay()
    sandbox.fault('GET /v1/checkout/sessions/*', 'delay', seconds=60, times=None)
    async with asyncio.timeout(30):
        await way.arrive(session_id)
    assert 'Checking your payment…' in customer.text
    sandbox.clear_faults()
    await customer.until(lambda: PAID in customer.text)


async def test_a_slow_payment_updates_the_page(customer: Customer, way: Way, sandbox: SandboxClient) -> None:
    """A processing bank payment is explained; when it succeeds, the open page shows the calendar."""
    session_id = await way.pay(method='bank')
    await way.arrive(session_id)
    assert 'Your payment is under way' in customer.text
    assert customer.frames == []
    await asyncio.to_thread(sandbox.act, 'settle', session=session_id, success=True)
    await customer.until(lambda: PAID in customer.text and len(customer.frames) == 1)


async def test_a_failed_payment_is_shown(customer: Customer, way: Way, sandbox: SandboxClient) -> None:
    """A failed bank payment: not charged, and a link to the landing page."""
    session_id = await way.pay(method='bank')
    await asyncio.to_thread(sandbox.act, 'settle', session=session_id, success=False)
    await way.arrive(session_id)
    assert 'Your bank did not make the payment. You were not charged for this order.' in customer.text
    assert 'Back to the session' in customer.text


async def test_an_expired_order_is_shown(customer: Customer, way: Way, sandbox: SandboxClient) -> None:
    """An expired session: not charged, no calendar."""
    session_id = await way.start()
    await asyncio.to_thread(sandbox.act, 'expire', session=session_id)
    await way.arrive(session_id)
    assert 'You were not charged for this order.' in customer.text
    assert customer.frames == []


async def test_a_refund_closes_the_calendar_of_an_open_page(
    customer: Customer, shop: Shop, way: Way, sandbox: SandboxClient
) -> None:
    """A partial refund is mentioned and keeps the iframe; a full one removes the calendar."""
    session_id = await way.pay()
    await way.arrive(session_id)
    await customer.until(lambda: len(customer.frames) == 1)
    frame = customer.frames[0]
    for amount, sentence, frames in (
        (5000, '$50 of it was refunded.', [frame]),
        (10000, 'This order was refunded', []),
    ):
        await asyncio.to_thread(sandbox.act, 'refund', session=session_id, amount=amount)
        await shop.fulfilment.fulfil(session_id, because=Cause.WEBHOOK)
        await customer.until(lambda: sentence in customer.text)  # noqa: B023  # awaited in the same turn
        assert customer.frames == frames


async def test_a_booking_updates_the_page(customer: Customer, shop: Shop, way: Way) -> None:
    """Booked: the time in its zone, links, no iframe; canceled: says so, and a new calendar."""
    path = await way.arrive(await way.pay())
    order = await order_at(shop, path)
    await customer.until(lambda: len(customer.frames) == 1)
    assert 'Already booked? The e-mail from Calendly has your session' in customer.text
    assert 'no longer valid' not in customer.text
    used = customer.frames[0].props['src']
    await shop.bookings.record(BookingUpdate(BOOKING, order.booking_key), because=Cause.WEBHOOK)
    await customer.until(lambda: 'Choose another time' in customer.text)
    assert '✓ You are booked' in customer.text
    assert PAID not in customer.text
    assert customer.frames == []
    assert 'Already booked?' not in customer.text
    assert '3:00 AM to 4:00 AM Japan Standard Time' in customer.text
    assert 'What to bring' in customer.text
    await shop.bookings.record(
        BookingUpdate(replace(BOOKING, state=BookingState.CANCELED), order.booking_key), because=Cause.WEBHOOK
    )
    await customer.until(lambda: len(customer.frames) == 1)
    assert 'This session was canceled' in customer.text
    assert customer.frames[0].props['src'] != used


async def test_an_unseen_cancellation_brings_another_calendar(
    customer: Customer, shop: Shop, way: Way
) -> None:
    """When the cancellation is the first notice of a booking, the link was used: the page gets a new one."""
    order = await order_at(shop, await way.arrive(await way.pay()))
    await customer.until(lambda: len(customer.frames) == 1)
    await customer.tick()
    used = customer.frames[0].props['src']
    canceled = BookingUpdate(replace(BOOKING, state=BookingState.CANCELED), order.booking_key)
    await shop.bookings.record(canceled, because=Cause.WEBHOOK)
    await customer.until(lambda: [frame.props['src'] for frame in customer.frames] not in ([], [used]))
    assert len(customer.frames) == 1


class TestWithoutWebhook:
    """A shop that is not notified of bookings and cannot read them."""

    @pytest.fixture
    def settings_env(self, settings_env: dict[str, str]) -> dict[str, str]:
        """Remove the signing key of the endpoint, and the token."""
        return settings_env | {'CALENDLY_WEBHOOK_SIGNING_KEY': '', 'CALENDLY_TOKEN': ''}

    async def test_the_page_explains_a_used_calendar_link(self, customer: Customer, way: Way) -> None:
        """The page says where to find the session."""
        answer = await customer.http.get(await way.back(await way.pay()))
        assert 'Already booked? The e-mail from Calendly has your session' in words(answer.text)
        assert 'Show my session here' not in answer.text


async def test_the_iframe_is_not_rebuilt_while_nothing_changes(customer: Customer, way: Way) -> None:
    """Repeated refreshes keep the same iframe."""
    await way.arrive(await way.pay())
    await customer.until(lambda: len(customer.frames) == 1)
    before = customer.frames
    for _ in range(5):
        await customer.tick()
    assert customer.frames == before


async def test_calendly_down_still_ends_in_a_calendar(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """Without a link of its own the page says that it keeps trying, then shows the public calendar."""
    sandbox.fault('POST /shares', 'fail', status=500, times=None)
    sandbox.fault('GET /users/me', 'fail', status=500, times=None)
    await way.arrive(await way.pay())
    assert 'Your payment is safe. We are fetching the calendar; this page keeps trying.' in customer.text
    await customer.until(lambda: len(customer.frames) == 1)
    assert customer.frames[0].props['src'].startswith(sandbox.calendly_link)


async def test_no_frame_is_shown_that_would_stay_empty(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """While Calendly's pages are down too there is a link; the calendar appears once they answer."""
    sandbox.fault('* /calendly/*', 'fail', status=503, times=None)
    await way.arrive(await way.pay())
    await customer.until(lambda: 'Open the calendar in a new tab' in customer.text)
    assert 'Your payment is safe. We are fetching the calendar; this page keeps trying.' in customer.text
    assert customer.frames == []
    sandbox.clear_faults()
    await customer.until(lambda: len(customer.frames) == 1)
    assert '/d/' in customer.frames[0].props['src']
    assert 'keeps trying' not in customer.text


async def test_an_open_page_takes_the_new_link(customer: Customer, shop: Shop, way: Way) -> None:
    """Another page has replaced an expired link: a frame with the same ids would keep its document."""
    path = await way.arrive(await way.pay())
    await customer.until(lambda: len(customer.frames) == 1)
    frames = [customer.frames[0]]
    for name in ('first', 'second'):
        order = await order_at(shop, path)
        new = f'{str(order.calendar_url).partition("/d/")[0]}/d/{name}/coaching'
        assert await shop.ledger.orders.move(order, because=Cause.PAGE, line='made', calendar_url=new)
        await customer.until(lambda: customer.frames not in ([], frames[-1:]))
        (frame,) = customer.frames
        assert f'/d/{name}/coaching' in frame.props['src']
        assert frame.id != frames[-1].id
        frames.append(frame)


async def test_calendly_down_ends_in_a_calendar_without_script(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """Without script, where each reload builds a new page, the public calendar comes too."""
    sandbox.fault('POST /shares', 'fail', status=500, times=None)
    path = await way.back(await way.pay())
    for shown in (False, False, True):
        answer = await customer.http.get(path)
        assert ('<iframe' in answer.text) is shown


async def test_an_order_of_another_environment_shows_no_calendar(
    customer: Customer, shop: Shop, way: Way
) -> None:
    """An order of another environment is shown as paid, with the reason why it has no calendar."""
    path = await way.arrive(await way.pay())
    shop.payments.environment = Environment('demo')  # as after a restart with other keys
    await customer.open(path)
    assert 'This order belongs to another set-up of this site' in customer.text
    assert customer.frames == []


async def test_the_calendar_file(customer: Customer, shop: Shop, way: Way) -> None:
    """The file has the booked time in UTC, the place, and the links."""
    path = await way.arrive(await way.pay())
    assert (await customer.http.get(f'{path}/session.ics')).status_code == 404
    order = await order_at(shop, path)
    await shop.bookings.record(BookingUpdate(BOOKING, order.booking_key), because=Cause.WEBHOOK)
    answer = await customer.http.get(f'{path}/session.ics')
    assert answer.headers['content-type'].startswith('text/calendar')
    (event,) = Calendar.from_ical(answer.content).walk('VEVENT')
    assert event.decoded('dtstart') == BOOKING.start
    assert event.decoded('dtend') == BOOKING.end
    assert event['location'] == 'https://meet.example/room'
    assert BOOKING.cancel_url in str(event['description'])


async def test_an_orders_page_is_private(customer: Customer, way: Way) -> None:
    """Caches and search engines must not keep the page, and its URL is in no referrer."""
    answer = await customer.http.get(await way.back(await way.pay()))
    assert answer.headers['cache-control'] == 'no-store'
    assert '<meta name="robots" content="noindex">' in answer.text
    assert answer.headers['referrer-policy'] == 'no-referrer'


async def test_a_link_to_join_is_shown_once_calendly_has_made_it(
    customer: Customer, shop: Shop, way: Way, sandbox: SandboxClient
) -> None:
    """Until then the page says where it comes from; nobody notifies us of it, so Calendly is asked."""
    await asyncio.to_thread(sandbox.act, 'calendar', link_status='processing')
    path = await way.arrive(await way.pay())
    await customer.until(lambda: len(customer.frames) == 1)
    invitee = await asyncio.to_thread(sandbox.book, str(customer.frames[0].props['src']))
    resource = invitee | {'scheduled_event': await _event_of(sandbox, invitee['event'])}
    await shop.bookings.record(update_from(resource), because=Cause.WEBHOOK)
    await customer.until(lambda: '✓ You are booked' in customer.text)
    assert 'Where: Online; the link to join comes by e-mail from Calendly.' in customer.text

    await asyncio.to_thread(sandbox.act, 'calendar', link_status='pushed')
    await shop.booking_reader.read()  # as after a minute
    await customer.until(lambda: 'Join the meeting' in customer.text)
    asked = sandbox.requests(f'GET {urlsplit(invitee["event"]).path}')
    await customer.http.get(path)
    assert sandbox.requests(f'GET {urlsplit(invitee["event"]).path}') == asked


async def _event_of(sandbox: SandboxClient, uri: str) -> dict[str, Any]:
    """Read a scheduled event at the sandbox."""
    token = {'Authorization': f'Bearer {sandbox.settings["CALENDLY_TOKEN"]}'}
    async with httpx.AsyncClient(trust_env=False) as client:
        return dict((await client.get(uri, headers=token)).json()['resource'])
