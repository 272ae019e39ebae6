"""The moment when Vue takes the page over: nothing moves, nothing flashes, nothing is loaded twice."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e import journey
from tests.processes import Server
from tests.sandbox_client import SandboxClient

STARTER = re.compile(r'/static/nicegui\.js')  # without it Vue does not begin
STYLES = ['color', 'background-color', 'font-size', 'font-weight', 'font-family', 'opacity']
PHONE, DESK = {'width': 390, 'height': 844}, {'width': 1280, 'height': 900}
UNSEEN = ('::before', '::after')  # of closed details: without a place, which Chromium writes in several ways

Look = list[tuple[str, str, tuple[int, ...], tuple[str, ...]]]


class Held:
    """A page whose script is held back until it is let go."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._routes: list[Route] = []
        self._devtools = page.context.new_cdp_session(page)
        self.shifts: list[Any] = []
        self._devtools.on('PerformanceTimeline.timelineEventAdded', lambda shift: self.shifts.append(shift))
        self._devtools.send('PerformanceTimeline.enable', {'eventTypes': ['layout-shift']})
        page.route(STARTER, lambda route: self._routes.append(route))

    def open(self, url: str) -> None:
        """Open a page up to the point where its script would begin."""
        with self._page.expect_request(STARTER):
            self._page.goto(url, wait_until='commit')
        expect(self._page.get_by_role('contentinfo')).to_be_attached()

    def let_go(self) -> None:
        """Let the script run, and wait until Vue has mounted."""
        self._routes.pop().continue_()
        expect(self._page.locator('#app[data-v-app]')).to_be_attached()

    def look(self) -> Look:
        """What is seen where: each box with its name, text, place and style."""
        told = self._devtools.send('DOMSnapshot.captureSnapshot', {'computedStyles': STYLES})
        document, strings = told['documents'][0], told['strings']
        names, drawn = document['nodes']['nodeName'], document['layout']
        boxes = zip(drawn['nodeIndex'], drawn['text'], drawn['bounds'], drawn['styles'], strict=True)
        return [
            (
                strings[names[node]],
                strings[text] if text >= 0 else '',
                tuple(round(edge) for edge in bounds),
                tuple(strings[style] for style in styles),
            )
            for node, text, bounds, styles in boxes
            if strings[names[node]] not in (*UNSEEN, 'IFRAME')
        ]

    @property
    def scrolled(self) -> int:
        """How far the page is scrolled, in CSS pixels."""
        return int(self._devtools.send('Page.getLayoutMetrics')['cssVisualViewport']['pageY'])


@pytest.mark.parametrize('size', [PHONE, DESK], ids=['phone', 'desk'])
@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_nothing_moves_at_the_start(
    another_browser: journey.AnotherBrowser, shop_process: Server, size: dict[str, int], scheme: str
) -> None:
    """Box by box, in place, text, font and colour, the landing page is the same when Vue has mounted."""
    page = another_browser(viewport=size, color_scheme=scheme)
    heard = journey.complaints(page)
    held = Held(page)
    held.open(shop_process.url)
    before = held.look()
    held.let_go()
    journey.live_button(page)

    assert held.look() == before
    assert len(before) > 150
    assert held.shifts == []
    assert heard == []


@pytest.mark.parametrize('size', [PHONE, DESK], ids=['phone', 'desk'])
def test_nothing_moves_when_the_calendar_comes(
    another_browser: journey.AnotherBrowser,
    shop_process: Server,
    sandbox: SandboxClient,
    size: dict[str, int],
) -> None:
    """On the page of a paid order the calendar's space is there before its frame is."""
    page = another_browser(viewport=size)
    order = journey.buy(page, shop_process)
    held = Held(page)
    held.open(order)
    before = held.look()
    expect(page.get_by_title(journey.CALENDAR)).to_have_count(0)
    held.let_go()
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()

    assert held.look() == before
    assert held.shifts == []


def test_the_scroll_position_is_kept(another_browser: journey.AnotherBrowser, shop_process: Server) -> None:
    """Who has begun to read stays where he reads when Vue takes over."""
    page = another_browser(viewport=PHONE)
    held = Held(page)
    held.open(shop_process.url)
    page.locator('.closing').scroll_into_view_if_needed()
    before = held.scrolled
    held.let_go()
    journey.live_button(page)

    assert held.scrolled == before > PHONE['height']


@pytest.mark.parametrize('script', [True, False], ids=['script', 'no script'])
def test_the_calendar_is_loaded_once(
    another_browser: journey.AnotherBrowser, shop_process: Server, sandbox: SandboxClient, script: bool
) -> None:
    """With script and without it the page of an order asks for its calendar one time."""
    order = journey.buy(another_browser(), shop_process)
    page = another_browser(java_script_enabled=script)
    framed: list[str] = []
    _on_frame(page, framed.append)
    page.goto(order)
    expect(journey.calendar(page).locator('.times')).to_be_visible()

    assert framed == [page.get_by_title(journey.CALENDAR).get_attribute('src')]


def test_the_button_pays_before_the_script_is_there(page: Page, shop_process: Server) -> None:
    """A customer who is faster than the script is at Stripe by the form."""
    held = Held(page)
    held.open(shop_process.url)
    journey.pay_button(page).click()
    journey.at_stripe(page)


def _on_frame(page: Page, note: Callable[[str], None]) -> None:
    """Note the address of each document that is loaded into a frame."""
    page.on(
        'request',
        lambda request: (
            note(request.url)
            if request.is_navigation_request() and request.frame != page.main_frame
            else None
        ),
    )
