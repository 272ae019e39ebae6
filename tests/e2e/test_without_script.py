"""A purchase in a browser without script, and behind proxies that refuse connections."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.e2e.conftest import shop_server
from tests.e2e.proxy import run_proxy
from tests.factories import CREATE
from tests.processes import Server, free_port, wait_until
from tests.sandbox_client import SandboxClient

PROCESSING = 'Your payment is under way'
NO_CALENDAR_YET = 'We are fetching the calendar'
REFRESH_TIMEOUT = 20_000  # milliseconds in which a waiting page has reloaded itself
WEBSOCKET, ANY_CONNECTION = b'\r\nUpgrade: websocket', b'/_nicegui_ws/'

StartBehindProxy = Callable[[bytes], str]


@pytest.fixture
def noscript(another_browser: journey.AnotherBrowser) -> Page:
    """Return a page in a browser without script."""
    return another_browser(java_script_enabled=False)


@pytest.fixture
def start_behind_proxy(
    sandbox: SandboxClient, servers: list[Server], tmp_path: Path
) -> Iterator[StartBehindProxy]:
    """Start a shop behind a proxy that refuses requests whose head contains a text; returns its URL."""
    with ExitStack() as stack:

        def start(refused: bytes) -> str:
            port, proxy = free_port(), free_port()
            url = f'http://127.0.0.1:{proxy}'
            shop = shop_server('behind-proxy', sandbox, port, tmp_path, {'DOMAIN': url, 'PORT': str(port)})
            servers.append(shop)
            sandbox.send_webhooks_to(shop.url)
            shop.start()
            stack.callback(shop.kill)  # a polling browser would delay a normal stop
            journey.wait_for_price(shop)
            stack.enter_context(run_proxy(refused, port=proxy, upstreams=(port,)))
            return url

        yield start


def test_pay_and_book_with_forms(noscript: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """Forms and links lead to a paid order, to the calendar, and back to the order with its meeting."""
    noscript.goto(shop_process.url)
    expect(journey.pay_button(noscript)).to_have_text(journey.BUTTON)
    journey.pay_button(noscript).click()
    journey.at_stripe(noscript)
    journey.pay_by_card(noscript)

    order = journey.on_order_page(noscript)
    link = noscript.get_by_role('link', name='Open the calendar in a new tab').get_attribute('href')
    assert link is not None
    noscript.goto(link)
    journey.book_on_own_page(noscript)
    wait_until(lambda: _is_booked(noscript, order), seconds=15, why='the order has its booking')
    expect(noscript.get_by_role('heading', name='Your session')).to_be_visible()


def test_book_in_the_frame(noscript: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """The calendar is also on the order page, with a link that reloads the page."""
    _pay(noscript, shop_process)
    start = journey.book_first_time(noscript)
    expect(journey.calendar(noscript).get_by_role('heading', name='You are scheduled')).to_be_visible()

    journey.until_it_says(noscript, journey.shown_day(start))
    noscript.get_by_role('link', name='Show my session here').click()
    expect(noscript.get_by_text(journey.shown_day(start))).to_be_visible()
    expect(noscript.get_by_title(journey.CALENDAR)).to_have_count(0)


def test_an_alert_without_script(noscript: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """A payment that cannot be started shows an alert next to the button; the next press reaches Stripe."""
    noscript.goto(shop_process.url)
    sandbox.fault(CREATE, 'fail', status=500, times=None)
    journey.pay_button(noscript).click()

    expect(journey.alert(noscript)).to_contain_text('We could not reach the payment service.')
    sandbox.clear_faults()
    journey.pay_button(noscript).click()
    journey.at_stripe(noscript)


def test_a_slow_payment_succeeds_without_script(
    noscript: Page, shop_process: Server, sandbox: SandboxClient
) -> None:
    """The page of a processing order reloads itself until it is paid, and then shows the calendar."""
    noscript.goto(shop_process.url)
    journey.pay_button(noscript).click()
    session_id = journey.session_at(journey.at_stripe(noscript))
    journey.pay_by_bank(noscript)
    journey.on_order_page(noscript, PROCESSING)
    sandbox.act('settle', session=session_id, success=True)

    expect(noscript.get_by_role('heading', level=1)).to_have_text(journey.SUCCESS, timeout=REFRESH_TIMEOUT)
    expect(noscript.get_by_title(journey.CALENDAR)).to_be_visible()


def test_a_late_calendar_without_script(noscript: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """While Calendly is down the page of a paid order reloads itself until it has the calendar."""
    for path in ('POST /shares', 'GET /users/me'):
        sandbox.fault(path, 'fail', status=500, times=None)
    _pay(noscript, shop_process)
    expect(noscript.get_by_text(NO_CALENDAR_YET)).to_be_visible()
    sandbox.clear_faults()

    expect(noscript.get_by_title(journey.CALENDAR)).to_be_visible(timeout=REFRESH_TIMEOUT)


def test_reading_without_script(noscript: Page, shop_process: Server) -> None:
    """Questions open, the legal pages are linked, and the page for an unknown URL links to the start."""
    noscript.goto(shop_process.url)
    question = noscript.locator('details').first
    question.locator('summary').click()
    expect(question.locator('p').first).to_be_visible()
    noscript.get_by_role('link', name='Refunds').click()
    expect(noscript.get_by_role('heading', level=1)).to_have_text('Refunds')
    noscript.goto(f'{shop_process.url}/order/nothing')
    noscript.get_by_role('link', name='Back to the start').click()
    expect(journey.pay_button(noscript)).to_be_visible()


def test_the_websocket_is_refused(start_behind_proxy: StartBehindProxy, page: Page) -> None:
    """Behind a proxy without websockets the pages work by polling, from the button to the booked time."""
    page.goto(start_behind_proxy(WEBSOCKET))
    journey.connected_button(page).click()
    journey.at_stripe(page)
    journey.pay_by_card(page)
    journey.on_order_page(page)
    start = journey.book_first_time(page)

    expect(page.get_by_text(journey.shown_day(start))).to_be_visible()


def test_polling_is_refused_too(
    start_behind_proxy: StartBehindProxy, page: Page, sandbox: SandboxClient
) -> None:
    """Without any connection the form works, and a link on the order page updates it."""
    page.goto(start_behind_proxy(ANY_CONNECTION))
    expect(page.locator('#app[data-v-app]')).to_be_attached()
    expect(journey.pay_button(page)).to_have_attribute('type', 'submit')
    journey.pay_button(page).click()
    session_id = journey.session_at(journey.at_stripe(page))
    journey.pay_by_bank(page)
    journey.on_order_page(page, PROCESSING)
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
