"""The landing page: its price, its buttons, and its alerts."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.orders import Cause
from services.scheduling import BookingUpdate
from services.shop import Shop
from tests.factories import BOOKING
from tests.pages.conftest import Way, order_at
from tests.pages.customer import Customer
from tests.sandbox_client import SandboxClient

BUTTON = 'Schedule My C&P Coaching Session'
PRICED = f'{BUTTON} - $150'
SESSIONS = 'POST /v1/checkout/sessions'
PHONE = '(202) 555-0143'


async def test_both_buttons_show_the_price_that_stripe_names(customer: Customer) -> None:
    """Both buttons show the text of the site and the amount of the Stripe price."""
    await customer.open('/')
    assert [button.text for button in customer.buttons] == [PRICED, PRICED]
    assert customer.field('shown') == ['15000-usd', '15000-usd']


async def test_the_structured_data_tells_what_is_sold(customer: Customer, shop: Shop) -> None:
    """Search engines read the amount that is charged, and that nothing is sold while selling is stopped."""
    offer = await structured_offer(customer)
    assert (offer['price'], offer['priceCurrency']) == ('150.00', 'USD')
    assert offer['availability'] == 'https://schema.org/InStock'
    await shop.selling.stop('On holiday.', actor='admin')
    assert (await structured_offer(customer))['availability'] == 'https://schema.org/SoldOut'


async def structured_offer(customer: Customer) -> dict[str, str]:
    """Read the offer of the landing page as search engines do."""
    page = (await customer.http.get('/')).text
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert found is not None
    offer: dict[str, str] = json.loads(found[1])['offers']
    return offer


@pytest.fixture
def failing_prices(sandbox: SandboxClient) -> None:
    """Stripe fails to return the price."""
    sandbox.fault('GET /v1/prices*', 'fail', status=500, times=None)


@pytest.mark.usefixtures('failing_prices')
async def test_the_page_opens_without_a_price(customer: Customer) -> None:
    """Without a price the buttons show their text alone, and the structured data has no offer."""
    await customer.open('/')
    assert [button.text for button in customer.buttons] == [BUTTON, BUTTON]
    assert customer.field('shown') == ['', '']
    assert '"offers"' not in (await customer.http.get('/')).text


async def test_a_button_is_a_form_until_the_page_is_connected(customer: Customer) -> None:
    """The page is delivered with submit buttons in a form for /checkout; connecting makes them reactive."""
    page = (await customer.http.get('/')).text
    assert page.count('"type":"submit"') == 2
    assert page.count('"action":"/checkout"') == 2
    await customer.open('/')
    assert [button.props['type'] for button in customer.buttons] == ['button', 'button']


async def test_the_button_leads_to_stripe(customer: Customer, sandbox: SandboxClient) -> None:
    """One press: disabled, Processing..., then the address of the one session that was opened."""
    await customer.open('/')
    customer.press()
    await customer.until(lambda: customer.buttons[0].text == 'Processing...')
    assert not customer.is_usable(0)
    assert not customer.is_usable(1)
    assert customer.buttons[0].props['aria-busy'] == 'true'
    await customer.until(lambda: bool(customer.left_for))
    (session,) = sandbox.state()['sessions']
    assert session['url'] == customer.left_for[0]


async def test_three_presses_open_one_session(customer: Customer, sandbox: SandboxClient) -> None:
    """An impatient triple click is one payment."""
    await customer.open('/')
    for number in (0, 0, 1):
        customer.press(number)
    await customer.until(lambda: bool(customer.left_for))
    assert len(sandbox.requests(SESSIONS)) == 1
    assert len(customer.left_for) == 1


async def test_returning_enables_the_buttons(customer: Customer) -> None:
    """When a page that redirected to Stripe connects again, its buttons can be pressed."""
    await customer.open('/')
    await customer.pressed()
    assert not customer.is_usable()
    for handler in customer.client.connect_handlers:
        customer.client.safe_invoke(handler)
    assert customer.is_usable()
    assert customer.buttons[0].text == PRICED


async def test_an_outage_is_shown_next_to_the_button(customer: Customer, sandbox: SandboxClient) -> None:
    """When Stripe fails, the alert beside the pressed button says so, and the button works again."""
    sandbox.fault(SESSIONS, 'fail', status=500, times=None)
    await customer.open('/')
    await customer.pressed(1)
    first, second = customer.alerts
    assert first == ''
    assert second.startswith('We could not reach the payment service. You have not been charged.')
    assert re.search(r'Error [0-9a-f]{8}$', second)
    assert customer.is_usable(0)
    assert customer.is_usable(1)
    sandbox.clear_faults()
    await customer.pressed(1)
    assert len(customer.left_for) == 1
    assert customer.alerts == ['', '']


async def test_a_wrong_key_shows_the_phone_number(customer: Customer, sandbox: SandboxClient) -> None:
    """The alert about a wrong key shows the contact and not the cause."""
    sandbox.act('key', revoked=True)
    await customer.open('/')
    await customer.pressed()
    (alert, _) = customer.alerts
    assert 'Payments are not available right now. You have not been charged.' in alert
    assert PHONE in alert
    assert 'key' not in alert


async def test_an_uncaught_exception_leaves_the_buttons_enabled(customer: Customer) -> None:
    """The alert shows an id that the log has too, promises nothing, and the buttons work."""
    await customer.open('/')
    error = RuntimeError('secret text')
    customer.client.handle_exception(error)
    (note,) = error.__notes__
    alert = customer.alerts[0]
    assert alert.startswith('Something went wrong on our side. Please try again in a moment.')
    assert note == f'[error {alert[-8:]}]'
    assert 'secret' not in customer.text
    assert customer.is_usable(0)


async def test_a_second_payment_needs_a_second_press(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """After a payment from this browser the first press warns; the second opens another session."""
    first = await way.start()
    await asyncio.to_thread(sandbox.pay, first)
    await customer.open('/')
    await customer.pressed()
    assert 'To buy a second session, press the button once more.' in customer.alerts[0]
    assert not customer.left_for
    await customer.pressed()
    (second,) = customer.left_for
    assert first not in second


@pytest.mark.parametrize('code', ['', 'nothing', 'bad_request', '<b>', 'payments_unavailable '])
async def test_an_unknown_alert_code_shows_nothing(customer: Customer, code: str) -> None:
    """An alert comes from the table of our own codes; other codes in a URL show nothing."""
    answer = await customer.http.get('/', params={'alert': code})
    assert answer.status_code == 200
    await customer.open('/')
    assert customer.alerts == ['', '']


@pytest.mark.parametrize(
    ('error_id', 'shown'),
    [('0a1b2c3d', True), ('0A1B2C3D', False), ('0a1b2c3d4', False), ('<script>', False)],
)
async def test_an_alert_shows_only_a_well_formed_id(customer: Customer, error_id: str, shown: bool) -> None:
    """The error id is shown when it is well-formed; the words never come from the URL."""
    await customer.open(f'/?alert=internal&error={error_id}')
    alert = customer.alerts[0]
    assert alert.startswith('Something went wrong on our side. You have not been charged.')
    assert alert.endswith(f'Error {error_id}') is shown


async def test_a_url_alone_does_not_buy_again(customer: Customer) -> None:
    """``again`` counts only together with the warning that asks for it."""
    await customer.open('/?again=1')
    assert customer.field('again') == ['', '']
    await customer.open('/?alert=already_paid&again=1')
    assert customer.field('again') == ['1', '1']


async def test_an_unpaid_return_says_that_no_charge_was_made(customer: Customer, way: Way) -> None:
    """After a return by "cancel" the page says "No charge was made" once Stripe has confirmed it."""
    await way.start()
    await customer.open('/?back=1')
    assert 'No charge was made.' in customer.text


async def test_a_paid_return_says_so(customer: Customer, way: Way) -> None:
    """A customer who paid in another tab and returns by "cancel" reads not to pay again."""
    await way.pay()
    await customer.open('/?back=1')
    await customer.until(lambda: 'A payment was just made here' in customer.text)
    assert 'No charge was made.' not in customer.text


async def test_a_return_while_stripe_hangs_promises_nothing(
    customer: Customer, way: Way, sandbox: SandboxClient
) -> None:
    """While Stripe does not answer, the page opens in time and says only what is certain."""
    await way.start()
    sandbox.fault('GET /v1/checkout/sessions/*', 'hang', seconds=30, times=None)
    async with asyncio.timeout(2.9):
        await customer.open('/?back=1')
    assert 'If you paid, your payment is safe. Do not pay again; we keep checking.' in customer.text
    assert 'No charge was made.' not in customer.text
    sandbox.clear_faults()


async def test_a_recent_payment_is_mentioned(customer: Customer, way: Way) -> None:
    """The landing page mentions a recent payment from the same browser."""
    await way.arrive(await way.pay())
    await customer.open('/')
    assert 'A payment was just made here' in customer.text


async def test_nobody_who_still_has_to_pay_is_told_that_it_is_done(
    customer: Customer, way: Way, sandbox: SandboxClient, shop: Shop
) -> None:
    """A chosen voucher is no payment, and after a refund nothing keeps the customer from paying again."""
    session_id = await way.pay(method='instructions')
    await way.arrive(session_id)
    landing = (await customer.http.get('/')).text
    assert 'whose payment has not arrived yet' in landing
    assert 'was just made' not in landing
    sandbox.act('settle', session=session_id)
    await way.arrive(session_id)
    sandbox.act('refund', session=session_id)
    await shop.fulfilment.fulfil(session_id, because=Cause.WEBHOOK)
    assert 'was just made' not in (await customer.http.get('/')).text


async def test_the_browser_that_paid_gets_back_to_its_order(customer: Customer, way: Way) -> None:
    """Its cookie leads to the order: on the page, after a return, beside a warning; nobody else sees it."""
    path = await way.arrive(await way.pay())
    link = f'href="{path}"'
    for url in ('/', '/?back=1', '/?alert=already_paid&again=1', '/?alert=payment_unreachable'):
        assert link in (await customer.http.get(url)).text, url
    await customer.open('/')
    await customer.pressed()
    assert 'Open your order' in customer.alerts[0]

    googlebot = {'User-Agent': 'Googlebot'}
    for url in ('/', '/?back=1', '/?alert=already_paid'):
        assert '/order/' not in (await customer.http.get(url, headers=googlebot)).text
    customer.http.cookies.clear()
    assert '/order/' not in (await customer.http.get('/')).text


async def test_the_link_says_how_the_order_stands(customer: Customer, way: Way, shop: Shop) -> None:
    """Paid, booked at its time, over: in a few words, without a warning a day later, for thirty days."""
    path = await way.arrive(await way.pay())
    assert await link_to(customer, path) == 'You have paid: pick your time'
    assert 'was just made' in (await customer.http.get('/')).text
    await completed(shop, path, ago=timedelta(hours=25))
    assert await link_to(customer, path) == 'You have paid: pick your time'
    assert 'was just made' not in (await customer.http.get('/')).text

    await shop.bookings.record(
        BookingUpdate(BOOKING, (await order_at(shop, path)).booking_key), because=Cause.WEBHOOK
    )
    start = BOOKING.start.astimezone(ZoneInfo('Asia/Tokyo'))
    day = f'{start:%a, %b} {start.day}'
    assert await link_to(customer, path) == f'You are booked: {day}, {start:%-I:%M %p} GMT+09:00'
    await completed(shop, path, ago=timedelta(days=29))
    assert await link_to(customer, path) == f'You are booked: {day}, {start:%-I:%M %p} GMT+09:00'
    await completed(shop, path, ago=timedelta(days=31))
    assert await link_to(customer, path) == ''


async def test_a_refunded_second_payment_does_not_hide_the_first(
    customer: Customer, way: Way, shop: Shop, sandbox: SandboxClient
) -> None:
    """Two orders have two links, which name them; after a refund the other one stays."""
    first = await way.arrive(await way.pay())
    session_id = await way.pay()
    second = await way.arrive(session_id)
    for path in (first, second):
        reference = (await order_at(shop, path)).reference
        assert await link_to(customer, path) == f'You have paid: pick your time ({reference})'
    await asyncio.to_thread(sandbox.act, 'refund', session=session_id)
    await shop.fulfilment.fulfil(session_id, because=Cause.WEBHOOK)
    assert await link_to(customer, second) == ''
    assert await link_to(customer, first) == 'You have paid: pick your time'


async def test_the_cookie_lasts_as_long_as_the_link(customer: Customer) -> None:
    """Thirty days, on the built page and on the cached one."""
    for headers in ({}, {'User-Agent': 'Googlebot'}):
        answer = await customer.http.get('/', headers=headers)
        assert f'Max-Age={30 * 24 * 60 * 60};' in answer.headers['set-cookie']
    assert '30 days' in (await customer.http.get('/privacy')).text


async def link_to(customer: Customer, path: str) -> str:
    """Return the words of the link to an order on the landing page, '' if there is none."""
    found = re.search(rf'<a href="{path}">([^<]*)</a>', (await customer.http.get('/')).text)
    return found[1] if found else ''


async def completed(shop: Shop, path: str, *, ago: timedelta) -> None:
    """Have an order completed in the past."""
    at = datetime.now(UTC) - ago
    assert await shop.ledger.orders.move(
        await order_at(shop, path), because=Cause.OPERATOR, line='', completed_at=at
    )


async def test_head_is_answered(customer: Customer) -> None:
    """HEAD / is 200 without a body."""
    answer = await customer.http.head('/')
    assert (answer.status_code, answer.content) == (200, b'')
