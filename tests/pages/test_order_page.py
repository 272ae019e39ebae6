"""The way back from Stripe and the page of an order, against the sandbox, in its states and between them."""

import asyncio
from dataclasses import replace

import pytest
from icalendar import Calendar

from services.orders import BookingState, Cause, Environment
from services.scheduling import BookingUpdate
from services.shop import Shop
from tests.factories import BOOKING
from tests.pages.conftest import Way, order_at
from tests.pages.customer import Customer, words
from tests.sandbox_client import SandboxClient

PAID = '✓ Payment Successful!'


async def test_the_way_back_leads_to_the_orders_page(customer: Customer, way: Way) -> None:
    """/success is 303 to the order's page at once, so that the session id leaves the address bar."""
    session_id = await way.pay()
    path = await way.back(session_id)
    assert path.startswith('/order/')
    assert session_id not in path


@pytest.mark.parametrize('session_id', ['', 'cs_', 'cs_test_<b>', 'pi_123', 'cs_' + 'x' * 300, 'cs_a b'])
async def test_a_malformed_session_is_refused(
    customer: Customer, sandbox: SandboxClient, session_id: str
) -> None:
    """What cannot be a session id is a calm 400 page, and Stripe is not asked."""
    answer = await customer.http.get('/success', params={'session_id': session_id})
    assert answer.status_code == 400
    assert 'If you have paid, your payment is safe.' in words(answer.text)
    assert sandbox.requests('GET /v1/checkout/sessions') == []


async def test_a_session_of_somebody_else_is_not_found(customer: Customer) -> None:
    """A well-formed id that is not ours is a calm 404 page with a telephone number."""
    answer = await customer.http.get('/success', params={'session_id': 'cs_test_foreign'})
    assert answer.status_code == 404
    assert '(202) 555-0143' in words(answer.text)


async def test_stripe_silent_on_the_way_back(customer: Customer, sandbox: SandboxClient) -> None:
    """A session we do not know while Stripe is silent: 503, true words, and the page asks again by itself."""
    sandbox.fault('GET /v1/checkout/sessions/*', 'fail', status=500, times=None)
    answer = await customer.http.get('/success', params={'session_id': 'cs_test_unknown'})
    assert (answer.status_code, answer.headers['retry-after'], answer.headers['refresh']) == (503, '5', '5')
    assert 'If you paid, your payment is safe. Do not pay again; this page keeps checking.' in words(
        answer.text
    )


async def test_a_paid_order_shows_receipt_and_calendar(customer: Customer, shop: Shop, way: Way) -> None:
    """Paid: the exact heading, amount, reference and address, one titled frame, and the plain link."""
    path = await way.arrive(await way.pay(email='pat+va@example.com', name='Pat Morgan'))
    await customer.until(lambda: len(customer.frames) == 1)
    order = await order_at(shop, path)
    sentence = f'You paid $150 for your C&P coaching session. Your order is {order.reference}'
    assert PAID in customer.text
    assert f'{sentence}, and the receipt goes to pat+va@example.com.' in customer.text
    (frame,) = customer.frames
    assert frame.props['title'] == 'Pick a time for your session'
    assert f'utm_content={order.booking_key}' in frame.props['src']
    assert 'email=pat%2Bva%40example.com' in frame.props['src']
    assert 'Open the calendar in a new tab' in customer.text


async def test_an_unpaid_order_has_no_byte_of_the_calendar(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """Before payment is verified the page waits, says what is true, and holds no calendar address."""
    path = await way.arrive(await way.start())
    assert 'Checking your payment…' in customer.text
    assert 'If you paid, your payment is safe. Do not pay again; this page keeps checking.' in customer.text
    assert customer.frames == []
    assert sandbox.calendly_link not in (await customer.http.get(path)).text


async def test_the_page_opens_while_stripe_hangs(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """Stripe hanging does not hold the page; once it answers, the page turns paid by itself."""
    session_id = await way.pay()
    sandbox.fault('GET /v1/checkout/sessions/*', 'delay', seconds=6, times=1)
    async with asyncio.timeout(5.9):
        await way.arrive(session_id)
    assert 'Checking your payment…' in customer.text
    await customer.until(lambda: PAID in customer.text)


async def test_a_slow_payment_is_waited_for(customer: Customer, way: Way, sandbox: SandboxClient) -> None:
    """A bank payment under way is explained; when it settles, the open page shows the calendar."""
    session_id = await way.pay(method='bank')
    await way.arrive(session_id)
    assert 'Your payment is under way' in customer.text
    assert customer.frames == []
    await asyncio.to_thread(sandbox.act, 'settle', session=session_id, success=True)
    await customer.until(lambda: PAID in customer.text and len(customer.frames) == 1)


async def test_a_failed_payment_is_said(customer: Customer, way: Way, sandbox: SandboxClient) -> None:
    """A bank payment that failed: not charged, and the way back to the button."""
    session_id = await way.pay(method='bank')
    await asyncio.to_thread(sandbox.act, 'settle', session=session_id, success=False)
    await way.arrive(session_id)
    assert 'Your bank did not make the payment. You were not charged for this order.' in customer.text
    assert 'Back to the session' in customer.text


async def test_an_expired_order_is_said(customer: Customer, way: Way, sandbox: SandboxClient) -> None:
    """A session that expired unpaid: not charged, no calendar."""
    session_id = await way.start()
    await asyncio.to_thread(sandbox.act, 'expire', session=session_id)
    await way.arrive(session_id)
    assert 'You were not charged for this order.' in customer.text
    assert customer.frames == []


async def test_a_refund_closes_the_calendar_of_an_open_page(
    customer: Customer, shop: Shop, way: Way, sandbox: SandboxClient
) -> None:
    """A partial refund is mentioned and leaves the frame alone; a full one takes the calendar away."""
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


async def test_the_page_follows_a_booking(customer: Customer, shop: Shop, way: Way) -> None:
    """Booked: the time in its own zone, links, no frame; canceled: said so, and the calendar again."""
    path = await way.arrive(await way.pay())
    order = await order_at(shop, path)
    await customer.until(lambda: len(customer.frames) == 1)
    assert 'Already booked?' not in customer.text
    spent = customer.frames[0].props['src']
    await shop.bookings.record(BookingUpdate(BOOKING, order.booking_key), because=Cause.WEBHOOK)
    await customer.until(lambda: 'Choose another time' in customer.text)
    assert customer.frames == []
    assert '3:00 AM to 4:00 AM Japan Standard Time' in customer.text
    assert 'What to bring' in customer.text
    await shop.bookings.record(
        BookingUpdate(replace(BOOKING, state=BookingState.CANCELED), order.booking_key), because=Cause.WEBHOOK
    )
    await customer.until(lambda: len(customer.frames) == 1)
    assert 'This session was canceled' in customer.text
    assert customer.frames[0].props['src'] != spent


async def test_a_meeting_that_came_and_went_unseen_brings_another_calendar(
    customer: Customer, shop: Shop, way: Way
) -> None:
    """Where the first word of a meeting is its end, the frame on the page is spent all the same."""
    order = await order_at(shop, await way.arrive(await way.pay()))
    await customer.until(lambda: len(customer.frames) == 1)
    await customer.tick()
    spent = customer.frames[0].props['src']
    canceled = BookingUpdate(replace(BOOKING, state=BookingState.CANCELED), order.booking_key)
    await shop.bookings.record(canceled, because=Cause.WEBHOOK)
    await customer.until(lambda: [frame.props['src'] for frame in customer.frames] not in ([], [spent]))


class TestUntold:
    """The shop has no webhook at Calendly, so it does not learn who has booked."""

    @pytest.fixture
    def settings_env(self, settings_env: dict[str, str]) -> dict[str, str]:
        """Take the key away that would open the endpoint."""
        return settings_env | {'CALENDLY_WEBHOOK_SIGNING_KEY': ''}

    async def test_whoever_has_booked_is_not_left_with_a_spent_calendar(
        self, customer: Customer, way: Way
    ) -> None:
        """The page says where the session is to be found."""
        answer = await customer.http.get(await way.back(await way.pay()))
        assert 'Already booked? The e-mail from Calendly has your session' in words(answer.text)
        assert 'Show my session here' not in answer.text


async def test_a_frame_is_never_rebuilt_while_nothing_changes(customer: Customer, way: Way) -> None:
    """Looking again and again leaves the very same frame on the page."""
    await way.arrive(await way.pay())
    await customer.until(lambda: len(customer.frames) == 1)
    before = customer.frames
    for _ in range(5):
        await customer.tick()
    assert customer.frames == before


async def test_calendly_down_still_ends_in_a_calendar(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """Without a link of its own the page says that it keeps trying, then gives the public calendar."""
    sandbox.fault('* /scheduling_links', 'fail', status=500, times=None)
    sandbox.fault('GET /users/me', 'fail', status=500, times=None)
    await way.arrive(await way.pay())
    assert 'Your payment is safe. We are fetching the calendar; this page keeps trying.' in customer.text
    await customer.until(lambda: len(customer.frames) == 1)
    assert customer.frames[0].props['src'].startswith(sandbox.calendly_link)


async def test_calendly_down_ends_in_a_calendar_without_script(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """Whose page is another one each time is not kept waiting for ever."""
    sandbox.fault('* /scheduling_links', 'fail', status=500, times=None)
    path = await way.back(await way.pay())
    for shown in (False, False, True):
        answer = await customer.http.get(path)
        assert ('<iframe' in answer.text) is shown


async def test_an_order_of_another_environment_shows_no_calendar(
    customer: Customer, shop: Shop, way: Way
) -> None:
    """An order sold in another environment is shown as paid, and its calendar stays closed in plain words."""
    path = await way.arrive(await way.pay())
    shop.payments.environment = Environment('demo')  # as after a start with other keys
    await customer.open(path)
    assert 'This order belongs to another set-up of this site' in customer.text
    assert customer.frames == []


async def test_the_session_goes_into_the_customers_calendar(customer: Customer, shop: Shop, way: Way) -> None:
    """The file holds the booked hour in UTC, where to meet, and the links."""
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


@pytest.mark.parametrize('path', ['/order/unknown', '/order/unknown/session.ics', '/order/%00'])
async def test_an_unknown_order_is_a_calm_404(customer: Customer, path: str) -> None:
    """A token that is not ours says how to reach somebody, and nothing else."""
    answer = await customer.http.get(path)
    assert answer.status_code == 404
    assert 'your payment is safe' in words(answer.text)


async def test_an_orders_page_is_nobody_elses(customer: Customer, way: Way) -> None:
    """The page is kept out of caches and search engines, and its address out of referrers."""
    answer = await customer.http.get(await way.back(await way.pay()))
    assert answer.headers['cache-control'] == 'no-store'
    assert '<meta name="robots" content="noindex">' in answer.text
    assert answer.headers['referrer-policy'] == 'no-referrer'
