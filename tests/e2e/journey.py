"""The steps that journeys are made of, each as a customer would tell it."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import httpx
from playwright.sync_api import FrameLocator, Locator, Page, Response, expect

from tests.processes import Server, wait_until
from tests.sandbox_client import SandboxClient

BUTTON = 'Schedule My C&P Coaching Session - $150'
SUCCESS = '✓ Payment Successful!'
CALENDAR = 'Pick a time for your session'
EMAIL = 'pat+exam@example.com'
NAME = 'Pat Payer'
GOOD_CARD = '4242 4242 4242 4242'
STRIPE_PAGE = re.compile(r'/stripe/pay/cs_test_\w+(#|$)')
ORDER_PAGE = re.compile(r'/order/[\w-]{20,}$')
ZONE = ZoneInfo('America/New_York')
SOCKET = re.compile('/_nicegui_ws/')
MOST_TABS = 40


class StartShop(Protocol):
    """Starts one more shop with settings of its own; it is stopped when the test ends."""

    def __call__(self, settings: Mapping[str, str] | None = None) -> Server: ...


class AnotherBrowser(Protocol):
    """Opens a page in a browser of its own: other cookies, and with what is asked for."""

    def __call__(self, **options: Any) -> Page: ...


def open_landing(page: Page, shop: Server) -> Locator:
    """Open the landing page and wait until its pay button is live; returns the button."""
    page.goto(shop.url)
    return live_button(page)


def open_plain_landing(page: Page, shop: Server) -> Locator:
    """Open the landing page in a tab that never gets a connection: its button stays that of a plain form."""
    cut_off(page)
    page.goto(shop.url)
    button = pay_button(page)
    expect(button).to_have_attribute('type', 'submit')
    return button


def live_button(page: Page) -> Locator:
    """The first pay button, once it is connected and waits to be pressed."""
    button = pay_button(page)
    expect(button).to_have_attribute('type', 'button')
    expect(button).to_be_enabled()
    return button


def pay_button(page: Page) -> Locator:
    """The first pay button, whatever it says."""
    return page.locator('form').first.get_by_role('button')


def alert(page: Page) -> Locator:
    """What is said next to the first pay button."""
    return page.locator('form').first.get_by_role('alert')


def go_to_stripe(page: Page, shop: Server) -> str:
    """Press the pay button; returns the address of the payment page."""
    open_landing(page, shop).click()
    return at_stripe(page)


def at_stripe(page: Page) -> str:
    """Wait for the payment page; returns its address."""
    expect(page).to_have_url(STRIPE_PAGE)
    return page.url


def session_at(url: str) -> str:
    """The id of the session whose payment page has this address."""
    return url.rpartition('/')[2].partition('#')[0]


def card_details(card: str = GOOD_CARD, *, email: str = EMAIL, name: str = NAME) -> dict[str, str]:
    """What the payment page wants to know, in its order, by the labels of its fields."""
    numbers = {'Card number': card, 'Expiry (MM / YY)': '12 / 34', 'CVC': '123'}
    address = {'Address line 1': '1 Main Street', 'City': 'Springfield', 'Postal code': '12345'}
    return {'Email': email} | numbers | {'Cardholder name': name} | address


def pay_by_card(page: Page, card: str = GOOD_CARD, *, email: str = EMAIL, name: str = NAME) -> None:
    """Fill in the payment page and press its button."""
    for label, text in card_details(card, email=email, name=name).items():
        page.get_by_label(label).fill(text)
    page.get_by_role('button', name=re.compile('^Pay ')).click()


def pay_by_bank(page: Page) -> None:
    """Pay with the method that settles later."""
    page.get_by_role('radio', name='Bank debit').check()
    for label, text in card_details().items():
        if page.get_by_label(label).is_visible():
            page.get_by_label(label).fill(text)
    page.get_by_role('button', name=re.compile('^Pay ')).click()


def on_order_page(page: Page, heading: str = SUCCESS) -> str:
    """Wait for the page of the order to say this; returns its address."""
    expect(page).to_have_url(ORDER_PAGE)
    expect(page.get_by_role('heading', level=1)).to_have_text(heading)
    return page.url


def buy(page: Page, shop: Server) -> str:
    """Go the straight way from the landing page to a paid order; returns the order's address."""
    go_to_stripe(page, shop)
    pay_by_card(page)
    return on_order_page(page)


def calendar(page: Page) -> FrameLocator:
    """What is inside the calendar's frame."""
    return page.get_by_title(CALENDAR).content_frame


def book_first_time(page: Page) -> datetime:
    """Book the first free time inside the frame, with what is filled in already; returns when it starts."""
    frame = calendar(page)
    free = frame.locator('.times').get_by_role('link').first
    start = free.locator('time').get_attribute('datetime')
    assert start is not None
    free.click()
    expect(frame.get_by_label('Name')).to_have_value(NAME)
    expect(frame.get_by_label('Email')).to_have_value(EMAIL)
    frame.get_by_role('button', name='Schedule Event').click()
    return datetime.fromisoformat(start)


def written_day(start: datetime) -> str:
    """The day of a meeting as the page writes it."""
    local = start.astimezone(ZONE)
    return f'{local:%A, %B} {local.day}, {local.year}'


def written_hour(start: datetime) -> str:
    """The beginning of a meeting as the page writes it."""
    return f'{start.astimezone(ZONE):%I:%M %p}'.lstrip('0')


def tab_to(page: Page, target: Locator, *, inside: FrameLocator | None = None) -> None:
    """Press Tab until the keyboard is at ``target``, which may be inside a frame."""
    here = target.and_((inside or page).locator(':focus'))
    for _ in range(MOST_TABS):
        page.keyboard.press('Tab')
        if here.count():
            return
    raise AssertionError(f'{MOST_TABS} times Tab did not lead to {target}')


def complaints(page: Page) -> list[str]:
    """Collect what the browser complains about on this page from now on."""
    heard: list[str] = []
    page.on('console', lambda message: heard.append(message.text) if message.type == 'error' else None)
    page.on('pageerror', lambda error: heard.append(str(error)))
    return heard


def widest(page: Page) -> int:
    """How wide the content of the page is, in CSS pixels; wider than the window means scrolling sideways."""
    metrics = page.context.new_cdp_session(page).send('Page.getLayoutMetrics')
    return int(metrics['cssContentSize']['width'])


def visited(page: Page) -> list[str]:
    """Every address that this tab's history keeps."""
    history = page.context.new_cdp_session(page).send('Page.getNavigationHistory')
    return [str(entry['url']) for entry in history['entries']]


def opened_sessions(sandbox: SandboxClient) -> list[str]:
    """The ids of all sessions that the sandbox holds."""
    return [str(session['id']) for session in sandbox.state()['sessions']]


def error_id(words: str) -> str:
    """The error id that an alert shows."""
    found = re.search(r'Error ([0-9a-f]{8})', words)
    assert found, f'no error id in: {words}'
    return found[1]


def wait_for_price(shop: Server) -> None:
    """Wait until the shop has learnt its price from Stripe."""
    wait_until(lambda: '"price":"ok"' in httpx.get(f'{shop.url}/readyz').text, seconds=15, why='a price')


def cut_off(page: Page) -> None:
    """Let this page load but never connect, as behind a proxy that knows neither websockets nor polling."""
    page.route_web_socket(SOCKET, lambda _socket: None)
    page.route(SOCKET, lambda route: route.abort())


class Overheard:
    """What one page is sent from now on: the answers, and the messages over its websocket."""

    def __init__(self, page: Page) -> None:
        self.messages: list[bytes] = []
        self._answers: list[Response] = []
        page.on('response', lambda answer: self._answers.append(answer))
        page.on('websocket', lambda socket: socket.on('framereceived', self._note))

    def everything(self) -> list[bytes]:
        """All of it; to be asked for before the page is left, which is when the browser forgets."""
        return self.messages + [each.body() for each in self._answers if not 300 <= each.status < 400]

    def _note(self, message: str | bytes) -> None:
        self.messages.append(message.encode() if isinstance(message, str) else message)
