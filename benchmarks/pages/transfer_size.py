"""Measure the bytes transferred until the pay button works, as the browser counts them."""

from statistics import median

from playwright.sync_api import Browser, sync_playwright

from benchmarks.pages import tools
from benchmarks.pages.contenders import PAIDSLOT, STATIC, Contenders, selling
from benchmarks.pages.part import Part
from benchmarks.shared.tables import at_most, spread, table
from tests.processes import Server

BUTTON = 'button:has-text("Schedule My")'
TIMEOUT = 30_000  # milliseconds
LIMIT = 20.0  # KiB

NOTES = """\
Transferred bytes with response heads, as Chromium counts them, from an empty cache: everything that is
loaded with JavaScript switched off. Then the button is pressed and has to lead to the payment page."""


def measure(contenders: Contenders, rounds: int, *, quick: bool) -> Part:
    """Load the landing page of each server until its button works."""
    sizes: dict[str, list[float]] = {PAIDSLOT: [], STATIC: []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=tools.browser(), args=tools.browser_flags())
        for name, found in sizes.items():
            with selling(contenders.server(name)) as server:
                found.extend(_transferred(browser, server) / 1024 for _ in range(rounds))
            print(name, found, flush=True)
        browser.close()
    rows = [(name, spread(found, 1)) for name, found in sizes.items()]
    lines = [*table(('server', 'KiB'), rows), '', NOTES]
    aim = at_most('transferred until the button works', median(sizes[PAIDSLOT]), LIMIT, 'KiB')
    return Part('bytes until the pay button works', lines, [aim])


def _transferred(browser: Browser, server: Server) -> float:
    """Load the page without script, press the button, and return the bytes that the page needed."""
    sizes: list[float] = []
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.on('Network.loadingFinished', lambda event: sizes.append(event['encodedDataLength']))
    devtools.send('Network.enable')
    page.goto(server.url, wait_until='networkidle')
    transferred = sum(sizes)
    with page.expect_request_finished(lambda request: request.url.endswith('/checkout')):
        page.locator(BUTTON).first.click()
    page.wait_for_url(lambda url: not url.startswith(server.url))
    context.close()
    return transferred
