"""What reaches the eye and the keyboard: small windows, long texts, the dark scheme, no mouse."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from services.site import contrast
from tests.e2e import journey
from tests.processes import ROOT, Server
from tests.sandbox_client import SandboxClient

FINGER = 44  # CSS pixels a target is high at least
READABLE = 4.5  # WCAG 2.2, 1.4.3
NIGHT, INK = '#121815', '#e9eeea'
ODD_NAME = ('<b>Pat</b> & "Quoted" \'Name\' ' + 'Wolfeschlegelsteinhausenbergerdorff' * 2)[:80]
ODD_EMAIL = f'{"long." * 11}name+exam@{"sub." * 10}example.com'
PHONES = [(320, 640), (390, 844)]


@pytest.mark.parametrize(('width', 'height'), PHONES, ids=['320', '390'])
def test_on_a_small_phone(
    another_browser: journey.AnotherBrowser,
    shop_process: Server,
    sandbox: SandboxClient,
    width: int,
    height: int,
) -> None:
    """From the landing page over an alert to the calendar nothing scrolls sideways."""
    page = another_browser(viewport={'width': width, 'height': height})
    button = journey.open_landing(page, shop_process)
    _is_not_wider(page, width)
    sandbox.act('key', revoked=True)
    button.click()
    expect(journey.alert(page)).to_be_visible()
    _is_not_wider(page, width)
    sandbox.act('key', revoked=False)

    journey.buy(page, shop_process)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()
    _is_not_wider(page, width)
    page.goto(f'{shop_process.url}/terms')
    _is_not_wider(page, width)


def test_the_button_is_on_the_first_screen(
    another_browser: journey.AnotherBrowser, shop_process: Server
) -> None:
    """On a phone of 390 by 844 the button is seen without scrolling, and high enough for a finger."""
    page = another_browser(viewport={'width': 390, 'height': 844})
    box = journey.open_landing(page, shop_process).bounding_box()

    assert box is not None
    assert box['height'] >= FINGER
    assert box['y'] + box['height'] <= 844
    assert box['x'] >= 0
    assert box['x'] + box['width'] <= 390


def test_long_names_and_prices(
    another_browser: journey.AnotherBrowser,
    start_shop: journey.StartShop,
    sandbox: SandboxClient,
    tmp_path: Path,
) -> None:
    """Long names with markup in them and a price in millions are shown as they are, even on 320 pixels."""
    sandbox.act('price', amount=123_456_789)
    shop = start_shop({'SITE_FILE': str(_site_named(ODD_NAME, tmp_path))})
    journey.wait_for_price(shop)
    page = another_browser(viewport={'width': 320, 'height': 640})
    button = journey.open_landing(page, shop)
    expect(button).to_have_text(re.compile(r' - \$1,234,567\.89$'))
    expect(page.get_by_role('heading', name=ODD_NAME, exact=True)).to_be_visible()
    _is_not_wider(page, 320)

    button.click()
    journey.at_stripe(page)
    journey.pay_by_card(page, name=ODD_NAME, email=ODD_EMAIL)
    journey.on_order_page(page)
    expect(page.get_by_text('You paid $1,234,567.89 for your')).to_be_visible()
    expect(page.get_by_role('definition').filter(has_text=ODD_NAME)).to_be_visible()
    _is_not_wider(page, 320)
    frame = journey.calendar(page)
    frame.locator('.times').get_by_role('link').first.click()
    expect(frame.get_by_label('Name')).to_have_value(ODD_NAME)


def test_the_dark_scheme(another_browser: journey.AnotherBrowser, shop_process: Server) -> None:
    """Who prefers dark reads light text on a dark page, before and after the payment."""
    page = another_browser(color_scheme='dark')
    assert contrast(NIGHT, INK) >= READABLE
    journey.open_landing(page, shop_process)
    _is_dark(page.locator('body'), page.get_by_role('heading', level=1))
    page.goto(f'{shop_process.url}/terms')
    _is_dark(page.locator('body'), page.get_by_role('heading', level=1))
    journey.buy(page, shop_process)
    _is_dark(page.locator('body'), page.get_by_role('heading', level=1))


def test_without_a_mouse(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """Tab and Enter alone lead from the landing page through Stripe into the calendar."""
    journey.tab_to(page, journey.open_landing(page, shop_process))
    page.keyboard.press('Enter')
    journey.at_stripe(page)
    for label, text in journey.card_details().items():
        journey.tab_to(page, page.get_by_label(label))
        page.keyboard.type(text)
    page.keyboard.press('Enter')

    journey.on_order_page(page)
    frame = journey.calendar(page)
    expect(frame.get_by_role('link').first).to_be_visible()
    journey.tab_to(page, frame.get_by_role('link').first, inside=frame)


def _is_not_wider(page: Page, width: int) -> None:
    assert journey.widest(page) <= width


def _is_dark(page: Locator, heading: Locator) -> None:
    expect(page).to_have_css('background-color', _rgb(NIGHT))
    expect(heading).to_have_css('color', _rgb(INK))


def _rgb(colour: str) -> str:
    return f'rgb({int(colour[1:3], 16)}, {int(colour[3:5], 16)}, {int(colour[5:7], 16)})'


def _site_named(name: str, folder: Path) -> Path:
    """Write the texts of the site with another name for the offer."""
    seed = (ROOT / 'site.toml').read_text(encoding='utf-8')
    quoted = name.replace('"', '\\"')
    changed = seed.replace('name = "C&P coaching session"', f'name = "{quoted}"')
    assert changed != seed
    file = folder / 'site.toml'
    file.write_text(changed, encoding='utf-8')
    return file


def test_the_icon_is_the_shops(shop_process: Server) -> None:
    """Also at the address where browsers and link previews look by themselves; not the framework's."""
    icons = [httpx.get(shop_process.url + path, trust_env=False) for path in ('/favicon.ico', '/favicon.svg')]
    assert {icon.headers['content-type'] for icon in icons} == {'image/svg+xml'}
    assert icons[0].text == icons[1].text
