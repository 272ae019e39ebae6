"""The whole journey in a browser that runs no script, and behind proxies that refuse a connection."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.e2e.conftest import shop_server
from tests.e2e.relay import refusing
from tests.processes import Server, free_port, wait_until
from tests.sandbox_client import SandboxClient

UNDER_WAY = 'Your payment is under way'
FETCHING = 'We are fetching the calendar'
A_REFRESH = 20_000  # milliseconds in which a waiting page has asked again
WEBSOCKET, ANY_CONNECTION = b'\r\nUpgrade: websocket', b'/_nicegui_ws/'

Behind = Callable[[bytes], str]


@pytest.fixture
def plain(another_browser: journey.AnotherBrowser) -> Page:
    """A page in a browser that runs no script."""
    return another_browser(java_script_enabled=False)


@pytest.fixture
def behind(sandbox: SandboxClient, servers: list[Server], tmp_path: Path) -> Iterator[Behind]:
    """Start a shop behind a proxy that refuses requests with something in their head; gives its address."""
    with ExitStack() as stack:

        def start(refused: bytes) -> str:
            port, proxy = free_port(), free_port()
            address = f'http://127.0.0.1:{proxy}'
            shop = shop_server('behind', sandbox, port, tmp_path, {'DOMAIN': address, 'PORT': str(port)})
            servers.append(shop)
            sandbox.send_webhooks_to(shop.url)
            shop.start()
            stack.callback(shop.kill)  # a polling browser would hold a calm end up
            journey.wait_for_price(shop)
            stack.enter_context(refusing(refused, port=proxy, upstream=port))
            return address

        yield start


def test_pay_and_book_by_plain_forms(plain: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """Forms and links alone lead to a paid order, to the calendar, and back to the order with its meeting."""
    plain.goto(shop_process.url)
    expect(journey.pay_button(plain)).to_have_text(journey.BUTTON)
    journey.pay_button(plain).click()
    journey.at_stripe(plain)
    journey.pay_by_card(plain)

    order = journey.on_order_page(plain)
    link = plain.get_by_role('link', name='Open the calendar in a new tab').get_attribute('href')
    assert link is not None
    plain.goto(link)
    plain.locator('.times').get_by_role('link').first.click()
    plain.get_by_role('button', name='Schedule Event').click()
    expect(plain.get_by_role('heading', name='You are scheduled')).to_be_visible()
    wait_until(lambda: _is_booked(plain, order), seconds=15, why='the order knows its meeting')
    expect(plain.get_by_role('heading', name='Your session')).to_be_visible()


def test_book_inside_the_page(plain: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """The calendar is on the order's page as well, and the way back to the page's own news is beside it."""
    _pay(plain, shop_process)
    start = journey.book_first_time(plain)
    expect(journey.calendar(plain).get_by_role('heading', name='You are scheduled')).to_be_visible()

    plain.get_by_role('link', name='Show my session here').click()
    expect(plain.get_by_text(journey.written_day(start))).to_be_visible()
    expect(plain.get_by_title(journey.CALENDAR)).to_have_count(0)


def test_an_alert_without_script(plain: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """A failed payment comes back as an alert beside the button, and the next press reaches Stripe."""
    plain.goto(shop_process.url)
    sandbox.fault('POST /v1/checkout/sessions', 'fail', status=500, times=None)
    journey.pay_button(plain).click()

    expect(journey.alert(plain)).to_contain_text('We could not reach the payment service.')
    sandbox.clear_faults()
    journey.pay_button(plain).click()
    journey.at_stripe(plain)


def test_a_slow_payment_arrives_without_script(
    plain: Page, shop_process: Server, sandbox: SandboxClient
) -> None:
    """The page of an order under way asks again by itself until it is paid, and has the calendar then."""
    plain.goto(shop_process.url)
    journey.pay_button(plain).click()
    session_id = journey.session_at(journey.at_stripe(plain))
    journey.pay_by_bank(plain)
    journey.on_order_page(plain, UNDER_WAY)
    sandbox.act('settle', session=session_id, success=True)

    expect(plain.get_by_role('heading', level=1)).to_have_text(journey.SUCCESS, timeout=A_REFRESH)
    expect(plain.get_by_title(journey.CALENDAR)).to_be_visible()


def test_a_calendar_arrives_without_script(plain: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """While Calendly is down the page of a paid order asks again by itself until it has the calendar."""
    for address in ('* /scheduling_links', 'GET /users/me'):
        sandbox.fault(address, 'fail', status=500, times=None)
    _pay(plain, shop_process)
    expect(plain.get_by_text(FETCHING)).to_be_visible()
    sandbox.clear_faults()

    expect(plain.get_by_title(journey.CALENDAR)).to_be_visible(timeout=A_REFRESH)


def test_reading_without_script(plain: Page, shop_process: Server) -> None:
    """Questions open, the legal pages are a click away, and an address that leads nowhere leads back."""
    plain.goto(shop_process.url)
    question = plain.locator('details').first
    question.locator('summary').click()
    expect(question.locator('p').first).to_be_visible()
    plain.get_by_role('link', name='Refunds').click()
    expect(plain.get_by_role('heading', level=1)).to_have_text('Refunds')
    plain.goto(f'{shop_process.url}/order/nothing')
    plain.get_by_role('link', name='Back to the start').click()
    expect(journey.pay_button(plain)).to_be_visible()


def test_the_websocket_is_refused(behind: Behind, page: Page) -> None:
    """Behind a proxy without websockets the page is live all the same, from the button to the booked time."""
    page.goto(behind(WEBSOCKET))
    journey.live_button(page).click()
    journey.at_stripe(page)
    journey.pay_by_card(page)
    journey.on_order_page(page)
    start = journey.book_first_time(page)

    expect(page.get_by_text(journey.written_day(start))).to_be_visible()


def test_polling_is_refused_too(behind: Behind, page: Page, sandbox: SandboxClient) -> None:
    """Without any connection the form pays, and the page of the order is a click away from its news."""
    page.goto(behind(ANY_CONNECTION))
    expect(page.locator('#app[data-v-app]')).to_be_attached()
    expect(journey.pay_button(page)).to_have_attribute('type', 'submit')
    journey.pay_button(page).click()
    session_id = journey.session_at(journey.at_stripe(page))
    journey.pay_by_bank(page)
    journey.on_order_page(page, UNDER_WAY)
    sandbox.act('settle', session=session_id, success=True)

    page.get_by_role('link', name='Check now').click()
    journey.on_order_page(page)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()


def _pay(page: Page, shop: Server) -> None:
    page.goto(shop.url)
    journey.pay_button(page).click()
    journey.at_stripe(page)
    journey.pay_by_card(page)
    journey.on_order_page(page)


def _is_booked(page: Page, order: str) -> bool:
    page.goto(order)
    return page.get_by_title(journey.CALENDAR).count() == 0
