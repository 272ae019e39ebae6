"""The return from Stripe and the page of an order, in each state and between them."""

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from icalendar import Calendar
from nicegui import Client

from services.orders import BookingState, Cause, Environment
from services.scheduling import BookingUpdate
from services.scheduling.bookings import update_from
from services.shop import Shop
from tests.factories import BOOKING
from tests.pages.conftest import Way, order_at
from tests.pages.customer import Customer, words
from tests.sandbox_client import SandboxClient
from ui.pages.order_urls import exact

PAID = '✓ Payment Successful!'


async def test_the_return_redirects_to_the_orders_page(customer: Customer, way: Way) -> None:
    """/success redirects with 303, so that the session id leaves the address bar."""
    session_id = await way.pay()
    path = await way.back(session_id)
    assert path.startswith('/order/')
    assert session_id not in path


@pytest.mark.parametrize('session_id', ['', 'cs_', 'cs_test_<b>', 'pi_123', 'cs_' + 'x' * 300, 'cs_a b'])
async def test_a_malformed_session_is_refused(
    customer: Customer, sandbox: SandboxClient, session_id: str
) -> None:
    """A malformed session id is answered with a 400 page, and Stripe is not called."""
    answer = await customer.http.get('/success', params={'session_id': session_id})
    assert answer.status_code == 400
    assert 'If you have paid, your payment is safe.' in words(answer.text)
    assert sandbox.requests('GET /v1/checkout/sessions') == []


async def test_a_session_of_another_shop_is_not_found(customer: Customer) -> None:
    """A well-formed id that is not ours is answered with a 404 page with a phone number."""
    answer = await customer.http.get('/success', params={'session_id': 'cs_test_foreign'})
    assert answer.status_code == 404
    assert '(202) 555-0143' in words(answer.text)


async def test_stripe_fails_on_the_return(customer: Customer, sandbox: SandboxClient) -> None:
    """An unknown session while Stripe fails: 503, true words, and the page reloads by itself."""
    sandbox.fault('GET /v1/checkout/sessions/*', 'fail', status=500, times=None)
    answer = await customer.http.get('/success', params={'session_id': 'cs_test_unknown'})
    assert (answer.status_code, answer.headers['retry-after'], answer.headers['refresh']) == (503, '5', '5')
    assert 'If you paid, your payment is safe. Do not pay again; this page keeps checking.' in words(
        answer.text
    )


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


@pytest.mark.parametrize('path', ['/order/unknown', '/order/unknown/session.ics', '/order/%00'])
async def test_an_unknown_order_is_not_found(customer: Customer, path: str) -> None:
    """An unknown token is answered with a 404 page that has the contact."""
    answer = await customer.http.get(path)
    assert answer.status_code == 404
    assert 'your payment is safe' in words(answer.text)


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


@pytest.mark.parametrize(
    'added',
    [
        '/', '.', ',', ')', ']', '"', "'", '>', '%3E', '%22', '%253E', '%C2%A0', '%0A', '.)', '/index.html',
    ],
)  # fmt: skip
async def test_a_link_to_an_order_survives_what_is_added_to_it(
    customer: Customer, way: Way, added: str
) -> None:
    """Mail programs take what follows a link for a part of it; the page is found all the same."""
    path = await way.back(await way.pay())
    answer = await customer.http.get(path + added)
    assert (answer.status_code, answer.headers['location']) == (303, path)
    assert answer.headers['cache-control'] == 'no-store'
    assert answer.headers['referrer-policy'] == 'no-referrer'
    file = await customer.http.get(f'{path}/session.ics{added}')
    assert file.headers['location'] == f'{path}/session.ics'


@pytest.mark.parametrize('query', ['?utm_source=mail&fbclid=x', '?session_id=x', '?'])
async def test_parameters_for_tracking_change_nothing(customer: Customer, way: Way, query: str) -> None:
    """The page opens with them."""
    path = await way.back(await way.pay())
    assert PAID in (await customer.http.get(path + query)).text


def test_a_path_is_read_as_it_was_meant() -> None:
    """Encoded once more, inside brackets, or with text around it."""
    for rest in ('abc%2D_1', '<abc-_1>', ' abc-_1', 'abc-_1%2F', 'abc%252D_1.', 'abc-_1/session.pdf'):
        assert exact(rest) == 'abc-_1'
    assert exact('abc/session.ics/') == 'abc/session.ics'
    token = 'tBnY6IfpPCakX0U-RgW1nEr_LLahIon0'
    assert exact(f'See:{token}') == exact(f'https://coach.example/order/{token}') == token
    assert exact('<>') == ''


async def test_link_checkers_get_no_error(customer: Customer, way: Way, sandbox: SandboxClient) -> None:
    """HEAD is answered without building a page and without asking Stripe."""
    path = await way.back(await way.pay())
    unknown, built = f'cs_test_{"a" * 58}', len(Client.instances)
    for url, status in {
        path: 200,
        f'{path}.': 303,
        f'{path}/session.ics': 404,
        '/order/unknown': 404,
        f'/success?session_id={unknown}': 200,
        '/success': 400,
    }.items():
        answer = await customer.http.head(url)
        assert (answer.status_code, answer.headers['cache-control']) == (status, 'no-store'), url
    assert (sandbox.requests(unknown), len(Client.instances)) == ([], built)


async def test_the_return_survives_what_is_added_to_it(customer: Customer, way: Way) -> None:
    """The address with the session's id is passed on as well."""
    session_id = await way.pay()
    answer = await customer.http.get(f'/success?session_id={session_id}%3E.&utm_source=x')
    assert answer.status_code == 303


async def test_a_corrected_address_without_script(customer: Customer, way: Way, shop: Shop) -> None:
    """A wrong address gives the form again, a right one leads to the order, the next must wait."""
    path = await way.arrive(await way.pay(email='pta@example.com'))
    assert f'action=\\"{path}/email' in (await customer.http.get(path)).text

    wrong = await customer.http.post(f'{path}/email', data={'email': 'pat@example'})
    assert (wrong.status_code, wrong.headers['cache-control']) == (400, 'no-store')
    assert 'That is not a complete e-mail address.' in words(wrong.text)
    assert f'action="{path}/email"' in wrong.text

    right = await customer.http.post(f'{path}/email', data={'email': 'pat@example.com', 'page': 'nobodys'})
    assert (right.status_code, right.headers['location']) == (303, f'{path}?corrected=1')
    await customer.open(right.headers['location'])
    assert 'Done. From now on we write to pat@example.com.' in customer.text
    assert 'Paid by pta@example.com' in customer.text
    assert (await order_at(shop, path)).email == 'pat@example.com'

    again = await customer.http.post(f'{path}/email', data={'email': 'sam@example.com'})
    assert again.status_code == 429
    assert 'less than an hour ago' in words(again.text)


async def test_who_has_no_link_corrects_nothing(customer: Customer, way: Way) -> None:
    """An invented token is not found; neither is an order that is not paid."""
    path = await way.arrive(await way.start())
    for url in ('/order/invented-token-of-nobody/email', f'{path}/email'):
        answer = await customer.http.post(url, data={'email': 'pat@example.com'})
        assert answer.status_code == 404


async def test_the_form_names_the_page_that_is_open(customer: Customer, way: Way) -> None:
    """Another order's page is not answered by 204, whoever names it."""
    first = await way.arrive(await way.pay(email='pta@example.com'))
    page = customer.client.id
    second = await way.arrive(await way.pay(email='sam@example.com'))
    answer = await customer.http.post(f'{second}/email', data={'email': 'max@example.com', 'page': page})
    assert answer.status_code == 303
    assert first != second
