"""Steps of a purchase in the browser, which the tests combine."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
from playwright.sync_api import FrameLocator, Locator, Page, Response, expect

from tests.processes import ROOT, Server, wait_until
from tests.sandbox_client import SandboxClient

BUTTON = 'Schedule My C&P Coaching Session - $150'
SUCCESS = '✓ Payment Successful!'
BOOKED = '✓ You are booked'
CALENDAR = 'Pick a time for your session'
EMAIL = 'pat+exam@example.com'
NAME = 'Pat Payer'
TYPED = 'Typed by hand'
GOOD_CARD = '4242 4242 4242 4242'
STRIPE_PAGE = re.compile(r'/stripe/pay/cs_test_\w+(#|$)')
ORDER_PAGE = re.compile(r'/order/[\w-]{20,}$')
ZONE = ZoneInfo('America/New_York')
SOCKET = re.compile('/_nicegui_ws/')
MOST_TABS = 40
STEP_TIMEOUT = 15_000  # milliseconds that a step may take on a busy machine


class StartShop(Protocol):
    """Starts another shop with settings of its own; it is stopped when the test ends."""

    def __call__(self, settings: Mapping[str, str] | None = None) -> Server:
        """Start it."""
        ...


class AnotherBrowser(Protocol):
    """Opens a page in a browser of its own, with its own cookies and the given options."""

    def __call__(self, **options: Any) -> Page:
        """Open it."""
        ...


def open_landing(page: Page, shop: Server) -> Locator:
    """Open the landing page and wait until its pay button is connected; returns the button."""
    page.goto(shop.url)
    return connected_button(page)


def open_unconnected_landing(page: Page, shop: Server) -> Locator:
    """Open the landing page in a tab without a websocket: its button submits an ordinary form."""
    block_connection(page)
    page.goto(shop.url)
    button = pay_button(page)
    expect(button).to_have_attribute('type', 'submit')
    return button


def connected_button(page: Page) -> Locator:
    """Return the first pay button, once it is connected and enabled."""
    button = pay_button(page)
    expect(button).to_have_attribute('type', 'button')
    expect(button).to_be_enabled()
    return button


def pay_button(page: Page) -> Locator:
    """Return the first pay button, in whatever state it is."""
    return page.locator('form').first.get_by_role('button')


def alert(page: Page) -> Locator:
    """Return the alert next to the first pay button."""
    return page.locator('form').first.get_by_role('alert')


def go_to_stripe(page: Page, shop: Server) -> str:
    """Press the pay button; returns the URL of the payment page."""
    open_landing(page, shop).click()
    return at_stripe(page)


def at_stripe(page: Page) -> str:
    """Wait for the payment page; returns its URL."""
    expect(page).to_have_url(STRIPE_PAGE)
    return page.url


def session_at(url: str) -> str:
    """Return the id of the checkout session whose payment page has this URL."""
    return url.rpartition('/')[2].partition('#')[0]


PAY = re.compile('^(Pay|Book) ')  # what Stripe calls its button depends on the session's submit_type


def card_details(card: str = GOOD_CARD, *, email: str = EMAIL, name: str = NAME) -> dict[str, str]:
    """Return the values of the payment page's fields by their labels, in the order of the page."""
    numbers = {'Card number': card, 'Expiry (MM / YY)': '12 / 34', 'CVC': '123'}
    address = {'Address line 1': '1 Main Street', 'City': 'Springfield', 'Postal code': '12345'}
    return {'Email': email} | numbers | {'Cardholder name': name} | address


def pay_by_card(page: Page, card: str = GOOD_CARD, *, email: str = EMAIL, name: str = NAME) -> None:
    """Fill in the payment page and press its button."""
    for label, text in card_details(card, email=email, name=name).items():
        page.get_by_label(label).fill(text)
    page.get_by_role('button', name=PAY).click()


def pay_by_bank(page: Page) -> None:
    """Pay by bank debit, which is completed later."""
    page.get_by_role('radio', name='Bank debit').check()
    for label, text in card_details().items():
        if page.get_by_label(label).is_visible():
            page.get_by_label(label).fill(text)
    page.get_by_role('button', name=PAY).click()


def on_order_page(page: Page, heading: str = SUCCESS) -> str:
    """Wait for the order page with this heading; returns its URL."""
    expect(page).to_have_url(ORDER_PAGE)
    expect(page.get_by_role('heading', level=1)).to_have_text(heading)
    return page.url


def another_customer() -> dict[str, str]:
    """Return the name and the e-mail address of a customer who has bought nothing yet."""
    name = f'Pat {uuid4().hex[:8]}'
    return {'name': name, 'email': f'{name.replace(" ", ".").lower()}@example.com'}


def buy(page: Page, shop: Server, *, email: str = EMAIL, name: str = NAME) -> str:
    """Buy, from the landing page to the paid order; returns the URL of the order page."""
    go_to_stripe(page, shop)
    pay_by_card(page, email=email, name=name)
    return on_order_page(page)


def calendar(page: Page) -> FrameLocator:
    """Return the content of the calendar's frame."""
    return page.get_by_title(CALENDAR).content_frame


def free_times_are_known(shop: Server) -> None:
    """Wait until the landing page says when a time is free.

    A shop reads that once a minute; an earlier test may have had Calendly fail.
    """
    wait_until(
        lambda: 'Next free' in httpx.get(shop.url, trust_env=False).text,
        seconds=90,
        why='the free times are known',
    )


def book_first_time(page: Page, *, email: str = EMAIL, name: str = NAME) -> datetime:
    """Book the first free time in the frame, whose form is filled in already; returns the start."""
    frame = calendar(page)
    free = frame.locator('.times').get_by_role('link').first
    start = free.locator('time').get_attribute('datetime')
    assert start is not None
    free.click()
    expect(frame.get_by_label('Name')).to_have_value(name)
    expect(frame.get_by_label('Email')).to_have_value(email)
    frame.get_by_role('button', name='Schedule Event').click()
    return datetime.fromisoformat(start)


def shows_meeting(page: Page, start: datetime, heading: str = BOOKED, *, within: int = STEP_TIMEOUT) -> None:
    """Wait until the order page shows a meeting and no calendar.

    Args:
        page: of the order.
        start: of the meeting.
        heading: of the page.
        within: so many milliseconds.
    """
    expect(page.get_by_role('heading', level=1)).to_have_text(heading, timeout=within)
    expect(page.get_by_text(shown_day(start)).first).to_be_visible()
    expect(page.get_by_text(shown_time(start)).first).to_be_visible()
    expect(page.get_by_title(CALENDAR)).to_have_count(0)


def book_on_own_page(page: Page) -> None:
    """Book the first free time on the calendar's own page, outside the frame."""
    page.locator('.times').get_by_role('link').first.click()
    page.get_by_role('button', name='Schedule Event').click()
    expect(page.get_by_role('heading', name='You are scheduled')).to_be_visible()


def until_it_says(page: Page, words: str) -> None:
    """Wait until the address of a page that runs no script has these words when it is opened again."""
    wait_until(
        lambda: words in httpx.get(page.url, trust_env=False).text,
        seconds=STEP_TIMEOUT / 1000,
        why=f'the page says {words}',
    )


def shown_day(start: datetime) -> str:
    """Return the day of a meeting as the page shows it."""
    local = start.astimezone(ZONE)
    return f'{local:%A, %B} {local.day}, {local.year}'


def shown_time(start: datetime) -> str:
    """Return the start time of a meeting as the page shows it."""
    return f'{start.astimezone(ZONE):%I:%M %p}'.lstrip('0')


def tab_to(page: Page, target: Locator, *, inside: FrameLocator | None = None) -> None:
    """Press Tab until ``target`` has the focus; it may be inside a frame."""
    here = target.and_((inside or page).locator(':focus'))
    for _ in range(MOST_TABS):
        page.keyboard.press('Tab')
        if here.count():
            return
    raise AssertionError(f'{target} has no focus after {MOST_TABS} times Tab')


def console_errors(page: Page) -> list[str]:
    """Collect the errors that the browser reports on this page from now on."""
    errors: list[str] = []
    page.on('console', lambda message: errors.append(message.text) if message.type == 'error' else None)
    page.on('pageerror', lambda error: errors.append(str(error)))
    return errors


def content_width(page: Page) -> int:
    """Return the width of the content in CSS pixels; if it exceeds the window, the page scrolls sideways."""
    metrics = page.context.new_cdp_session(page).send('Page.getLayoutMetrics')
    return int(metrics['cssContentSize']['width'])


def css_colour(colour: str) -> str:
    """Return a colour such as ``#ffffff`` as the browser reports it."""
    return f'rgb({int(colour[1:3], 16)}, {int(colour[3:5], 16)}, {int(colour[5:7], 16)})'


def history(page: Page) -> list[str]:
    """Return every URL in the history of this tab."""
    entries = page.context.new_cdp_session(page).send('Page.getNavigationHistory')
    return [str(entry['url']) for entry in entries['entries']]


def opened_sessions(sandbox: SandboxClient) -> list[str]:
    """Return the ids of all checkout sessions in the sandbox."""
    return [str(session['id']) for session in sandbox.state()['sessions']]


def error_id(words: str) -> str:
    """Return the error id that an alert shows."""
    found = re.search(r'Error ([0-9a-f]{8})', words)
    assert found, f'no error id in: {words}'
    return found[1]


def site_that_needs_free_times(folder: Path) -> str:
    """Write a site file with which nothing is sold while no time is free; returns its path."""
    original = (ROOT / 'site.toml').read_text(encoding='utf-8')
    changed = original.replace('sell_without_free_times = true', 'sell_without_free_times = false')
    assert changed != original
    file = folder / 'site.toml'
    file.write_text(changed, encoding='utf-8')
    return str(file)


def wait_for_calendar(shop: Server) -> None:
    """Wait until the shop has checked the calendar, and so has read the free times."""
    wait_until(
        lambda: 'not been checked' not in httpx.get(f'{shop.url}/readyz').text,
        seconds=15,
        why='a check of the calendar',
    )


def wait_for_price(shop: Server) -> None:
    """Wait until the shop has read its price from Stripe."""
    wait_until(lambda: '"price":"ok"' in httpx.get(f'{shop.url}/readyz').text, seconds=15, why='a price')


def block_connection(page: Page) -> None:
    """Let this page load but never connect, as behind a proxy that allows neither websockets nor polling."""
    page.route_web_socket(SOCKET, lambda _socket: None)
    page.route(SOCKET, lambda route: route.abort())


def type_a_name(page: Page) -> Locator:
    """Choose the first free time and type a name into the form in the frame; returns the field."""
    frame = calendar(page)
    frame.locator('.times').get_by_role('link').first.click()
    field = frame.get_by_label('Name')
    field.fill(TYPED)
    return field


def loads(page: Page) -> list[str]:
    """Collect the URLs that this page loads from now on, not those of its frames."""
    urls: list[str] = []
    page.on(
        'request',
        lambda request: (
            urls.append(request.url)
            if request.is_navigation_request() and request.frame == page.main_frame
            else None
        ),
    )
    return urls


class Traffic:
    """What one page receives from now on: the responses, and the messages over its websocket."""

    def __init__(self, page: Page) -> None:
        self.messages: list[bytes] = []
        self._responses: list[Response] = []
        page.on('response', lambda response: self._responses.append(response))
        page.on('websocket', lambda socket: socket.on('framereceived', self._add))

    def contents(self) -> list[bytes]:
        """Return all of it. Call this before leaving the page: the browser drops the bodies then."""
        return self.messages + [each.body() for each in self._responses if not 300 <= each.status < 400]

    def _add(self, message: str | bytes) -> None:
        self.messages.append(message.encode() if isinstance(message, str) else message)
