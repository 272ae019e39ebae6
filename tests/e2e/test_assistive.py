"""What axe cannot judge: what is read out, where the keyboard is, large letters, calm pictures, and paper."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from services.site import contrast, load
from tests.e2e import journey
from tests.e2e.orders import Maker
from tests.processes import ROOT, Server
from tests.sandbox_client import SandboxClient
from ui.components.theme import night_accent

LOOK = load(ROOT / 'site.toml').look
SCHEMES = {
    'light': (LOOK.accent, ('#fbfaf7', '#ffffff', '#fbeee9', '#faf1d9')),
    'dark': (night_accent(LOOK), ('#121815', '#1a221e', '#34201a', '#2e2715')),
}
"""The colour of the outline, and what it may be drawn on; the page's own ground is the first."""
SEEN = 3.0  # contrast of what is no text (WCAG 2.2, 1.4.11)
SPACED = (
    '* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }'
    'p { margin-bottom: 2em !important }'
)
"""What readers may set without losing anything (WCAG 2.2, 1.4.12)."""
ZOOMED = {'width': 640, 'height': 450}  # CSS pixels of a window of 1280 by 900 at 200 %
NARROW = {'width': 320, 'height': 640}
STOPS = 12  # places at least that Tab leads to on the landing page


def test_news_are_read_out(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """The places of news are there before the news are; the button that failed still has the keyboard."""
    sandbox.fault('POST /v1/checkout/sessions', 'fail', status=500, times=None)
    button = journey.open_landing(page, shop_process)
    expect(page.get_by_role('alert')).to_have_count(2)
    expect(page.get_by_role('alert').first).to_be_empty()
    expect(page.get_by_role('status')).to_be_empty()
    button.focus()
    page.keyboard.press('Enter')

    expect(journey.alert(page)).to_contain_text('We could not reach the payment service.')
    expect(journey.live_button(page)).to_be_focused()


def test_an_order_tells_its_news(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """What changes on the page of an order does so in a region that is read out, and once."""
    order = Maker(shop_process, sandbox)
    page.goto(order.make('processing'))
    news = page.locator('[aria-live=polite]')
    expect(news).to_contain_text('Your payment is under way')
    order.act('settle', success=True)

    expect(news).to_contain_text('Payment Successful!')
    expect(news).to_have_count(1)


@pytest.mark.parametrize('scheme', SCHEMES)
def test_the_keyboard_is_seen(
    another_browser: journey.AnotherBrowser, shop_process: Server, sandbox: SandboxClient, scheme: str
) -> None:
    """Wherever Tab leads there is an outline that stands out from the ground, inside the window."""
    colour, grounds = SCHEMES[scheme]
    assert min(contrast(colour, ground) for ground in grounds) >= SEEN
    page = another_browser(color_scheme=scheme)
    journey.open_landing(page, shop_process)
    expect(page.locator('body')).to_have_css('background-color', _rgb(grounds[0]))
    assert _outlined_stops(page, colour) >= STOPS
    page.goto(Maker(shop_process, sandbox).make('booked'))
    expect(page.locator('#app[data-v-app]')).to_be_attached()
    assert _outlined_stops(page, colour) >= STOPS


@pytest.mark.parametrize('window', [ZOOMED, NARROW], ids=['200 %', '320 px'])
def test_large_letters(
    another_browser: journey.AnotherBrowser,
    shop_process: Server,
    sandbox: SandboxClient,
    window: dict[str, int],
) -> None:
    """Enlarged, or with the wide spacing that some readers need, nothing is cut off and nothing scrolls."""
    page = another_browser(viewport=window, device_scale_factor=2)
    booked = Maker(shop_process, sandbox).make('booked')
    for address in (f'{shop_process.url}/?alert=payments_unavailable', booked, f'{shop_process.url}/terms'):
        page.goto(address)
        expect(page.get_by_role('contentinfo')).to_be_visible()
        assert journey.widest(page) <= window['width']
        page.add_style_tag(content=SPACED)
        assert journey.widest(page) <= window['width']


@pytest.mark.parametrize('calm', [True, False], ids=['reduced motion', 'motion'])
def test_calm_pictures(
    another_browser: journey.AnotherBrowser, shop_process: Server, sandbox: SandboxClient, calm: bool
) -> None:
    """What turns while a page waits stands still for those who asked for that."""
    page = another_browser(reduced_motion='reduce' if calm else 'no-preference')
    moving: list[Any] = []
    devtools = page.context.new_cdp_session(page)
    devtools.on('Animation.animationStarted', lambda told: moving.append(told['animation']['name']))
    devtools.send('Animation.enable')
    page.goto(Maker(shop_process, sandbox).make('open'))
    expect(page.locator('#app[data-v-app]')).to_be_attached()

    assert set(moving) == (set() if calm else {'turn'})


@pytest.fixture
def on_paper(page: Page) -> Iterator[Page]:
    """A page as it is printed by somebody whose screen is dark."""
    page.emulate_media(media='print', color_scheme='dark')
    yield page
    page.emulate_media(media='screen')


def test_a_receipt_on_paper(on_paper: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """A booked order fits on one sheet: what, how much, when, from whom and the meeting, and no controls."""
    on_paper.goto(Maker(shop_process, sandbox).make('booked'))
    for kept in ('$150', 'C&P coaching session', 'C&P Exam Coaching', journey.EMAIL):
        expect(
            on_paper.get_by_role('definition').filter(has_text=re.compile(f'^{re.escape(kept)}$'))
        ).to_be_visible()
    expect(on_paper.get_by_role('definition').filter(has_text=re.compile('^[A-Z0-9]{4}-'))).to_be_visible()
    expect(on_paper.get_by_role('heading', name='Your session')).to_be_visible()
    expect(on_paper.get_by_role('contentinfo').get_by_text('hello@coach.example')).to_be_visible()
    for control in on_paper.locator('.links, nav, .call, button').all():
        expect(control).to_be_hidden()
    expect(on_paper.locator('body')).to_have_css('background-color', _rgb('#ffffff'))
    assert _sheets(on_paper) == 1


def test_no_calendar_on_paper(on_paper: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """The calendar of a paid order is nothing for paper."""
    on_paper.goto(Maker(shop_process, sandbox).make('paid'))
    expect(on_paper.get_by_title(journey.CALENDAR)).to_be_attached()

    expect(on_paper.get_by_title(journey.CALENDAR)).to_be_hidden()
    expect(on_paper.get_by_text('Open the calendar in a new tab')).to_be_hidden()
    expect(on_paper.get_by_role('definition').filter(has_text='$150')).to_be_visible()
    assert _sheets(on_paper) == 1


def _outlined_stops(page: Page, colour: str) -> int:
    """Press Tab through the page; returns how many places it led to."""
    here = page.locator(':focus')
    for stops in range(journey.MOST_TABS):
        page.keyboard.press('Tab')
        if not here.count():
            return stops
        expect(here).to_have_css('outline', f'{_rgb(colour)} solid 3px')
        expect(here).to_be_in_viewport(ratio=1)
    raise AssertionError('Tab leads nowhere in the end')


def _sheets(page: Page) -> int:
    return len(re.findall(rb'/Type\s*/Page\b', page.pdf(format='Letter')))


def _rgb(colour: str) -> str:
    return f'rgb({int(colour[1:3], 16)}, {int(colour[3:5], 16)}, {int(colour[5:7], 16)})'
