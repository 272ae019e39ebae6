"""Bytes on the way until the pay button works, counted by the browser and proved by pressing it."""

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from playwright.sync_api import Browser, CDPSession, Page, expect, sync_playwright

from benchmarks.shared import tools
from benchmarks.shared.aims import Part, at_most, spread, table
from benchmarks.shared.stand import PLAIN, SHOP, STATIC, Stand, running
from tests.processes import Server

BUTTON = 'button:has-text("Schedule My")'
PATIENCE = 30_000  # milliseconds
LIMIT = 20.0  # KiB

NOTES = """\
Transferred with heads, as Chromium counts them, from an empty cache. Paidslot and static HTML: all that was
loaded with JavaScript switched off; then the button is pressed and has to lead to the payment page. Plain
NiceGUI: all that was loaded when its websocket first brought something; only then does its button work."""


class Scales:
    """Adds up what a page has loaded."""

    def __init__(self, page: Page) -> None:
        self.requests = 0
        self.bytes = 0.0
        self.at_connection: float | None = None
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.on('Network.loadingFinished', self._loaded)
        self._session.on('Network.webSocketFrameReceived', self._connected)
        self._session.send('Network.enable')

    def _loaded(self, event: dict[str, float]) -> None:
        self.requests += 1
        self.bytes += event['encodedDataLength']

    def _connected(self, _event: object) -> None:
        if self.at_connection is None:
            self.at_connection = self.bytes


def measure(stand: Stand, rounds: int, *, quick: bool) -> Part:
    """Weigh the landing page of each contender until its button works."""
    weights: dict[str, list[float]] = {SHOP: [], STATIC: [], PLAIN: []}
    with _browser() as browser:
        for name, found in weights.items():
            with running(stand.contender(name)) as server:
                for _ in range(rounds):
                    by_script = name == PLAIN
                    weigh = _until_connected if by_script else _without_script
                    found.append(weigh(browser, server) / 1024)
            print(name, found, flush=True)
    rows = [(name, spread(found, 1)) for name, found in weights.items()]
    lines = [*table(('who', 'KiB'), rows), '', NOTES]
    aim = at_most('transferred until the button works', median(weights[SHOP]), LIMIT, 'KiB')
    return Part('Until the pay button works', lines, [aim])


def _without_script(browser: Browser, server: Server) -> float:
    with _page(browser, script=False) as page:
        scales = Scales(page)
        page.goto(server.url, wait_until='networkidle')
        weight = scales.bytes
        with page.expect_request_finished(lambda request: request.url.endswith('/checkout')):
            page.locator(BUTTON).first.click()
        page.wait_for_url(lambda url: not url.startswith(server.url))
        return weight


def _until_connected(browser: Browser, server: Server) -> float:
    with _page(browser, script=True) as page:
        scales = Scales(page)
        page.goto(server.url, wait_until='networkidle')
        expect(page.locator(BUTTON).first).to_be_visible()
        page.locator(BUTTON).first.click()
        page.wait_for_url(lambda url: not url.startswith(server.url))
        if scales.at_connection is None:
            raise RuntimeError('its websocket was not seen')
        return scales.at_connection


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=tools.browser(), args=tools.browser_flags())
        yield browser
        browser.close()


@contextmanager
def _page(browser: Browser, *, script: bool) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=script)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()
