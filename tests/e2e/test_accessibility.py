"""What axe cannot check: live regions, the keyboard, enlarged text, and reduced motion."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from services.site import contrast, load
from tests.e2e import journey
from tests.e2e.orders import OrderMaker
from tests.factories import CREATE
from tests.processes import ROOT, Server
from tests.sandbox_client import SandboxClient

THEME = load(ROOT / 'site.toml').theme
SCHEMES = {
    'light': (THEME.accent, ('#fbfaf7', '#ffffff', '#fbeee9', '#faf1d9')),
    'dark': (THEME.night, ('#121815', '#1a221e', '#34201a', '#2e2715')),
}
"""The colour of the focus outline, and the backgrounds it may be on; the first is that of the page."""
OUTLINE_CONTRAST = 3.0  # of anything but text (WCAG 2.2, 1.4.11)
TEXT_SPACING = (
    '* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }'
    'p { margin-bottom: 2em !important }'
)
"""Spacing that a reader may set without loss of content (WCAG 2.2, 1.4.12)."""
ZOOMED = {'width': 640, 'height': 450}  # CSS pixels; a window of 1280 by 900 at 200 %
NARROW = {'width': 320, 'height': 640}
TAB_STOPS = 12  # at least


def test_alerts_are_read_out(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """The live regions exist before they are filled; after a failure the button still has the focus."""
    sandbox.fault(CREATE, 'fail', status=500, times=None)
    button = journey.open_landing(page, shop_process)
    expect(page.get_by_role('alert')).to_have_count(2)
    expect(page.get_by_role('alert').first).to_be_empty()
    expect(page.get_by_role('status')).to_be_empty()
    button.focus()
    page.keyboard.press('Enter')

    expect(journey.alert(page)).to_contain_text('We could not reach the payment service.')
    expect(journey.connected_button(page)).to_be_focused()


def test_changes_of_an_order_are_read_out(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """A change of the order appears in one live region."""
    order = OrderMaker(shop_process, sandbox)
    page.goto(order.make('processing'))
    live_region = page.locator('[aria-live=polite]')
    expect(live_region).to_contain_text('Your payment is under way')
    order.act('settle', success=True)

    expect(live_region).to_contain_text('Payment Successful!')
    expect(live_region).to_have_count(1)


@pytest.mark.parametrize('scheme', SCHEMES)
def test_the_focus_is_visible(
    another_browser: journey.AnotherBrowser, shop_process: Server, sandbox: SandboxClient, scheme: str
) -> None:
    """Each element that Tab leads to has an outline with enough contrast, inside the window."""
    colour, backgrounds = SCHEMES[scheme]
    assert min(contrast(colour, background) for background in backgrounds) >= OUTLINE_CONTRAST
    page = another_browser(color_scheme=scheme)
    journey.open_landing(page, shop_process)
    expect(page.locator('body')).to_have_css('background-color', journey.css_colour(backgrounds[0]))
    assert _count_tab_stops(page, colour) >= TAB_STOPS
    page.goto(OrderMaker(shop_process, sandbox).make('booked'))
    expect(page.locator('#app[data-v-app]')).to_be_attached()
    assert _count_tab_stops(page, colour) >= TAB_STOPS


@pytest.mark.parametrize('window', [ZOOMED, NARROW], ids=['200 %', '320 px'])
def test_enlarged_text(
    another_browser: journey.AnotherBrowser,
    shop_process: Server,
    sandbox: SandboxClient,
    window: dict[str, int],
) -> None:
    """Enlarged, and with the wide spacing that some readers set, no page scrolls sideways."""
    page = another_browser(viewport=window, device_scale_factor=2)
    booked = OrderMaker(shop_process, sandbox).make('booked')
    for url in (f'{shop_process.url}/?alert=payments_unavailable', booked, f'{shop_process.url}/terms'):
        page.goto(url)
        expect(page.get_by_role('contentinfo')).to_be_visible()
        assert journey.content_width(page) <= window['width']
        page.add_style_tag(content=TEXT_SPACING)
        assert journey.content_width(page) <= window['width']


@pytest.mark.parametrize('reduced', [True, False], ids=['reduced motion', 'motion'])
def test_reduced_motion(
    another_browser: journey.AnotherBrowser, shop_process: Server, sandbox: SandboxClient, reduced: bool
) -> None:
    """The spinner of a waiting page does not turn if the browser prefers reduced motion."""
    page = another_browser(reduced_motion='reduce' if reduced else 'no-preference')
    moving: list[Any] = []
    devtools = page.context.new_cdp_session(page)
    devtools.on('Animation.animationStarted', lambda event: moving.append(event['animation']['name']))
    devtools.send('Animation.enable')
    page.goto(OrderMaker(shop_process, sandbox).make('open'))
    expect(page.locator('#app[data-v-app]')).to_be_attached()

    assert set(moving) == (set() if reduced else {'turn'})


def test_with_the_keyboard_alone(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """Tab and Enter lead from the landing page through Stripe into the calendar."""
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


def _count_tab_stops(page: Page, colour: str) -> int:
    """Press Tab through the page and check each outline; returns the number of tab stops."""
    here = page.locator(':focus')
    for stops in range(journey.MOST_TABS):
        page.keyboard.press('Tab')
        if not here.count():
            return stops
        expect(here).to_have_css('outline', f'{journey.css_colour(colour)} solid 3px')
        expect(here).to_be_in_viewport(ratio=1)
    raise AssertionError(f'{journey.MOST_TABS} times Tab did not leave the page')
