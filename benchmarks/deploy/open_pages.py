"""Pages that are open in a real browser while something fails, and what is seen on them."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from playwright.sync_api import Page, sync_playwright

from tests.caddy import Proxy
from tests.e2e import journey
from tests.e2e.conftest import BROWSERS, FLAGS

PAGES = 3
POLL = 0.1  # seconds
NOTICE = "document.querySelector('#popup')?.getAttribute('aria-hidden') === 'false'"


@dataclass(frozen=True)
class Seen:
    """What was seen on the pages."""

    with_notice: int
    longest: float
    kept: int

    def line(self) -> str:
        """Write it as a sentence."""
        return (
            f'{self.with_notice} of {PAGES} showed the connection notice, the longest {self.longest:.1f} s; '
            f'{self.kept} kept what was typed into the calendar, without being loaded again'
        )


@contextmanager
def paid_orders(proxy: Proxy) -> Iterator[list[Page]]:
    """Buy in browsers of their own, and type a name into each calendar; yields the pages of the orders."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*FLAGS, '--no-sandbox'])
        pages = []
        for _ in range(PAGES):
            page = browser.new_context(ignore_https_errors=True).new_page()
            page.goto(proxy.url)
            journey.connected_button(page).click()
            journey.at_stripe(page)
            journey.pay_by_card(page, email=f'{uuid4().hex}@example.com', name=f'Pat {uuid4().hex[:8]}')
            journey.on_order_page(page)
            journey.type_a_name(page)
            pages.append(page)
        yield pages
        browser.close()


def watch(pages: list[Page], act: Callable[[], object], *, seconds_after: float) -> Seen:
    """Watch pages while something happens, and for a while after it."""
    loads: list[str] = []
    for page in pages:
        page.on('domcontentloaded', lambda loaded: loads.append(loaded.url))
    thread = threading.Thread(target=act)
    thread.start()
    shown = [0.0] * len(pages)
    until = time.monotonic() + seconds_after
    last = time.monotonic()
    while thread.is_alive() or time.monotonic() < until:
        if thread.is_alive():
            until = time.monotonic() + seconds_after
        pages[0].wait_for_timeout(POLL * 1000)
        now = time.monotonic()
        for number, page in enumerate(pages):
            shown[number] += (now - last) * bool(page.evaluate(NOTICE))
        last = now
    typed = [journey.calendar(page).get_by_label('Name').input_value() for page in pages]
    kept = sum(text == journey.TYPED for text in typed) if not loads else 0
    return Seen(sum(time_shown > 0 for time_shown in shown), max(shown), kept)
