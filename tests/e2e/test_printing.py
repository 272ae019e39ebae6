"""The order page on paper: a receipt, without controls and without the calendar."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.e2e.orders import OrderMaker
from tests.processes import Server
from tests.sandbox_client import SandboxClient


@pytest.fixture
def printed(page: Page) -> Iterator[Page]:
    """Return a page in print, in a browser that prefers the dark scheme."""
    page.emulate_media(media='print', color_scheme='dark')
    yield page
    page.emulate_media(media='screen')


def test_a_receipt_is_printed(printed: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """A booked order fits on one page: offer, price, seller and meeting, without controls."""
    maker = OrderMaker(shop_process, sandbox)
    printed.goto(maker.make('booked'))
    for text in ('$150', 'C&P coaching session', 'C&P Exam Coaching', maker.email):
        expect(
            printed.get_by_role('definition').filter(has_text=re.compile(f'^{re.escape(text)}$'))
        ).to_be_visible()
    expect(printed.get_by_role('definition').filter(has_text=re.compile('^[A-Z0-9]{4}-'))).to_be_visible()
    expect(printed.get_by_role('heading', name='Your session')).to_be_visible()
    expect(printed.get_by_role('contentinfo').get_by_text('hello@coach.example')).to_be_visible()
    for control in printed.locator('.links, nav, .call, button').all():
        expect(control).to_be_hidden()
    expect(printed.locator('body')).to_have_css('background-color', journey.css_colour('#ffffff'))
    assert _pages(printed) == 1


def test_the_calendar_is_not_printed(printed: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """Neither the calendar of a paid order nor the link to it is printed."""
    printed.goto(OrderMaker(shop_process, sandbox).make('paid'))
    expect(printed.get_by_title(journey.CALENDAR)).to_be_attached()

    expect(printed.get_by_title(journey.CALENDAR)).to_be_hidden()
    expect(printed.get_by_text('Open the calendar in a new tab')).to_be_hidden()
    expect(printed.get_by_role('definition').filter(has_text='$150')).to_be_visible()
    assert _pages(printed) == 1


def _pages(page: Page) -> int:
    return len(re.findall(rb'/Type\s*/Page\b', page.pdf(format='Letter')))
