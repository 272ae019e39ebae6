"""When Vue mounts on a server-rendered page, nothing moves, nothing changes, and nothing is loaded twice."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e import journey
from tests.processes import Server
from tests.sandbox_client import SandboxClient

VUE_SCRIPT = re.compile(r'/static/nicegui\.js')  # without it Vue does not mount
STYLES = ['color', 'background-color', 'font-size', 'font-weight', 'font-family', 'opacity']
PHONE, DESKTOP = {'width': 390, 'height': 844}, {'width': 1280, 'height': 900}
INVISIBLE = ('::before', '::after')  # of closed details; Chromium gives their empty boxes varying positions

Boxes = list[tuple[str, str, tuple[int, ...], tuple[str, ...]]]


class PageBeforeVue:
    """A page on which Vue does not mount until the test lets it. It must not have loaded anything before."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._routes: list[Route] = []
        self._devtools = page.context.new_cdp_session(page)
        self.shifts: list[Any] = []
        self._devtools.on('PerformanceTimeline.timelineEventAdded', lambda shift: self.shifts.append(shift))
        self._devtools.send('PerformanceTimeline.enable', {'eventTypes': ['layout-shift']})
        page.route(VUE_SCRIPT, lambda route: self._routes.append(route))

    def open(self, url: str) -> None:
        """Open a page, up to the request for the script."""
        with self._page.expect_request(VUE_SCRIPT):
            self._page.goto(url, wait_until='commit')
        expect(self._page.get_by_role('contentinfo')).to_be_attached()

    def mount(self) -> None:
        """Let the script load, and wait until Vue has mounted."""
        self._routes.pop().continue_()
        expect(self._page.locator('#app[data-v-app]')).to_be_attached()

    def boxes(self) -> Boxes:
        """Return each box of the page with its name, text, position and style.

        Chromium gives what closed details hold no box, or one without a size; neither can be seen.
        """
        snapshot = self._devtools.send('DOMSnapshot.captureSnapshot', {'computedStyles': STYLES})
        document, strings = snapshot['documents'][0], snapshot['strings']
        names, layout = document['nodes']['nodeName'], document['layout']
        nodes = zip(layout['nodeIndex'], layout['text'], layout['bounds'], layout['styles'], strict=True)
        return [
            (
                strings[names[node]],
                strings[text] if text >= 0 else '',
                tuple(round(edge) for edge in bounds),
                tuple(strings[style] for style in styles),
            )
            for node, text, bounds, styles in nodes
            if strings[names[node]] not in (*INVISIBLE, 'IFRAME') and any(bounds)
        ]

    @property
    def scrolled(self) -> int:
        """How far the page is scrolled, in CSS pixels."""
        return int(self._devtools.send('Page.getLayoutMetrics')['cssVisualViewport']['pageY'])


@pytest.mark.parametrize('size', [PHONE, DESKTOP], ids=['phone', 'desktop'])
@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_nothing_moves_when_vue_mounts(
    another_browser: journey.AnotherBrowser, shop_process: Server, size: dict[str, int], scheme: str
) -> None:
    """Every box of the landing page keeps its position, text, font and colour when Vue mounts."""
    page = another_browser(viewport=size, color_scheme=scheme)
    errors = journey.console_errors(page)
    journey.free_times_are_known(shop_process)
    early_page = PageBeforeVue(page)
    early_page.open(shop_process.url)
    before = early_page.boxes()
    early_page.mount()
    journey.connected_button(page)

    assert early_page.boxes() == before
    assert len(before) > 150
    assert early_page.shifts == []
    assert errors == []


@pytest.mark.parametrize('size', [PHONE, DESKTOP], ids=['phone', 'desktop'])
def test_nothing_moves_when_the_calendar_appears(
    another_browser: journey.AnotherBrowser,
    shop_process: Server,
    sandbox: SandboxClient,
    size: dict[str, int],
) -> None:
    """On the page of a paid order the space for the calendar is reserved before its frame appears."""
    order = journey.buy(another_browser(), shop_process)
    page = another_browser(viewport=size)
    early_page = PageBeforeVue(page)
    early_page.open(order)
    before = early_page.boxes()
    expect(page.get_by_title(journey.CALENDAR)).to_have_count(0)
    early_page.mount()
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()

    assert early_page.boxes() == before
    assert early_page.shifts == []


def test_the_scroll_position_is_kept(another_browser: journey.AnotherBrowser, shop_process: Server) -> None:
    """A page that has been scrolled stays there when Vue mounts."""
    page = another_browser(viewport=PHONE)
    early_page = PageBeforeVue(page)
    early_page.open(shop_process.url)
    page.locator('.closing').scroll_into_view_if_needed()
    before = early_page.scrolled
    early_page.mount()
    journey.connected_button(page)

    assert early_page.scrolled == before > PHONE['height']


@pytest.mark.parametrize('script', [True, False], ids=['script', 'no script'])
def test_the_calendar_is_loaded_once(
    another_browser: journey.AnotherBrowser, shop_process: Server, sandbox: SandboxClient, script: bool
) -> None:
    """With script and without, the order page loads its calendar once."""
    order = journey.buy(another_browser(), shop_process)
    page = another_browser(java_script_enabled=script)
    framed: list[str] = []
    _on_frame_request(page, framed.append)
    page.goto(order)
    expect(journey.calendar(page).locator('.times')).to_be_visible()

    assert framed == [page.get_by_title(journey.CALENDAR).get_attribute('src')]


def test_the_button_works_before_the_script_has_loaded(page: Page, shop_process: Server) -> None:
    """A press before the script has loaded submits the form, which leads to Stripe."""
    early_page = PageBeforeVue(page)
    early_page.open(shop_process.url)
    journey.pay_button(page).click()
    expect(page).to_have_url(journey.STRIPE_PAGE)


def _on_frame_request(page: Page, callback: Callable[[str], None]) -> None:
    """Call back with the URL of each document that is loaded into a frame."""
    page.on(
        'request',
        lambda request: (
            callback(request.url)
            if request.is_navigation_request() and request.frame != page.main_frame
            else None
        ),
    )
