"""What customers see: small windows, long texts, the dark scheme, and the icon."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from services.site import contrast
from tests.e2e import journey
from tests.processes import ROOT, Server
from tests.sandbox_client import SandboxClient

TARGET_HEIGHT = 44  # CSS pixels
TEXT_CONTRAST = 4.5  # WCAG 2.2, 1.4.3
DARK_BACKGROUND, LIGHT_TEXT = '#121815', '#e9eeea'
LONG_NAME = ('<b>Pat</b> & "Quoted" \'Name\' ' + 'Wolfeschlegelsteinhausenbergerdorff' * 2)[:80]
LONG_EMAIL = f'{"long." * 11}name+exam@{"sub." * 10}example.com'
PHONES = [(320, 640), (390, 844)]


@pytest.mark.parametrize(('width', 'height'), PHONES, ids=['320', '390'])
def test_on_a_small_phone(
    another_browser: journey.AnotherBrowser,
    shop_process: Server,
    sandbox: SandboxClient,
    width: int,
    height: int,
) -> None:
    """From the landing page to the calendar, with an alert on the way, no page scrolls sideways."""
    page = another_browser(viewport={'width': width, 'height': height})
    button = journey.open_landing(page, shop_process)
    _does_not_scroll_sideways(page, width)
    sandbox.act('key', revoked=True)
    button.click()
    expect(journey.alert(page)).to_be_visible()
    _does_not_scroll_sideways(page, width)
    sandbox.act('key', revoked=False)

    journey.buy(page, shop_process)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()
    _does_not_scroll_sideways(page, width)
    page.goto(f'{shop_process.url}/terms')
    _does_not_scroll_sideways(page, width)


def test_the_button_is_on_the_first_screen(
    another_browser: journey.AnotherBrowser, shop_process: Server
) -> None:
    """On a phone of 390 by 844 pixels the button is visible without scrolling, and high enough to press."""
    page = another_browser(viewport={'width': 390, 'height': 844})
    box = journey.open_landing(page, shop_process).bounding_box()

    assert box is not None
    assert box['height'] >= TARGET_HEIGHT
    assert box['y'] + box['height'] <= 844
    assert box['x'] >= 0
    assert box['x'] + box['width'] <= 390


def test_long_names_and_prices(
    another_browser: journey.AnotherBrowser,
    start_shop: journey.StartShop,
    sandbox: SandboxClient,
    tmp_path: Path,
) -> None:
    """Long names with markup and a price in millions are shown unchanged, even in a window of 320 pixels."""
    sandbox.act('price', amount=123_456_789)
    shop = start_shop({'SITE_FILE': str(_site_named(LONG_NAME, tmp_path))})
    journey.wait_for_price(shop)
    page = another_browser(viewport={'width': 320, 'height': 640})
    button = journey.open_landing(page, shop)
    expect(button).to_have_text(re.compile(r' - \$1,234,567\.89$'))
    expect(page.get_by_role('heading', name=LONG_NAME, exact=True)).to_be_visible()
    _does_not_scroll_sideways(page, 320)

    button.click()
    journey.at_stripe(page)
    journey.pay_by_card(page, name=LONG_NAME, email=LONG_EMAIL)
    journey.on_order_page(page)
    expect(page.get_by_text('You paid $1,234,567.89 for your')).to_be_visible()
    expect(page.get_by_role('definition').filter(has_text=LONG_NAME)).to_be_visible()
    _does_not_scroll_sideways(page, 320)
    frame = journey.calendar(page)
    frame.locator('.times').get_by_role('link').first.click()
    expect(frame.get_by_label('Name')).to_have_value(LONG_NAME)


@pytest.mark.parametrize('width', [320, 360, 390])
def test_the_calendar_fits_a_phone(
    another_browser: journey.AnotherBrowser, shop_process: Server, width: int
) -> None:
    """Its frame is as wide as the phone (Calendly needs 320 pixels), and neither step scrolls inside it."""
    page = another_browser(viewport={'width': width, 'height': 740})
    journey.buy(page, shop_process)
    element = page.get_by_title(journey.CALENDAR)
    content = journey.calendar(page).locator(':root')
    expect(content.get_by_text('Select a Date & Time')).to_be_visible()
    box = element.bounding_box()
    assert box is not None
    assert box['x'] <= 0
    assert box['width'] >= width
    assert content.evaluate('root => root.scrollHeight <= innerHeight && root.scrollWidth <= innerWidth')
    content.locator('.times').get_by_role('link').first.click()
    expect(content.get_by_label('Name')).to_be_visible()
    assert content.evaluate('root => root.scrollHeight <= innerHeight && root.scrollWidth <= innerWidth')


def test_the_dark_scheme(another_browser: journey.AnotherBrowser, shop_process: Server) -> None:
    """With the dark scheme the text is light on a dark background, before and after the payment."""
    page = another_browser(color_scheme='dark')
    assert contrast(DARK_BACKGROUND, LIGHT_TEXT) >= TEXT_CONTRAST
    journey.open_landing(page, shop_process)
    _is_dark(page.locator('body'), page.get_by_role('heading', level=1))
    page.goto(f'{shop_process.url}/terms')
    _is_dark(page.locator('body'), page.get_by_role('heading', level=1))
    journey.buy(page, shop_process)
    _is_dark(page.locator('body'), page.get_by_role('heading', level=1))
    _is_readable(journey.calendar(page).locator('.times').get_by_role('link').first)


def test_the_icon_is_our_own(shop_process: Server) -> None:
    """The icon is ours and not the framework's, also at the path that browsers request by default."""
    icons = [httpx.get(shop_process.url + path, trust_env=False) for path in ('/favicon.ico', '/favicon.svg')]
    assert {icon.headers['content-type'] for icon in icons} == {'image/svg+xml'}
    assert icons[0].text == icons[1].text


def _does_not_scroll_sideways(page: Page, width: int) -> None:
    assert journey.content_width(page) <= width


def _is_dark(page: Locator, heading: Locator) -> None:
    expect(page).to_have_css('background-color', journey.css_colour(DARK_BACKGROUND))
    expect(heading).to_have_css('color', journey.css_colour(LIGHT_TEXT))


def _is_readable(time: Locator) -> None:
    """Calendly's page is light in both schemes: the shop passes on its colour for a light background."""
    colour = time.evaluate('element => getComputedStyle(element).color')
    card = time.page.get_by_title(journey.CALENDAR).content_frame.locator('.card')
    background = card.evaluate('element => getComputedStyle(element).backgroundColor')
    assert contrast(*(_hex(shown) for shown in (colour, background))) >= TEXT_CONTRAST


def _hex(shown: str) -> str:
    """Return a colour as the browser reports it, such as ``rgb(255, 255, 255)``, as ``#ffffff``."""
    return '#' + ''.join(f'{int(part):02x}' for part in re.findall(r'\d+', shown))


def _site_named(name: str, folder: Path) -> Path:
    """Write a site file with another name for the offer."""
    original = (ROOT / 'site.toml').read_text(encoding='utf-8')
    quoted = name.replace('"', '\\"')
    changed = original.replace('name = "C&P coaching session"', f'name = "{quoted}"')
    assert changed != original
    file = folder / 'site.toml'
    file.write_text(changed, encoding='utf-8')
    return file
