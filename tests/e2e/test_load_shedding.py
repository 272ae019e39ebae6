"""The cached landing page sells like the other one."""

from playwright.sync_api import expect

from tests.e2e import journey
from tests.processes import Server

CRAWLER = 'Mozilla/5.0 (compatible; Examplebot/1.0)'


def test_the_cached_page_sells(another_browser: journey.AnotherBrowser, shop_process: Server) -> None:
    """A client that gets the cached page, as crawlers do, can pay and reach the calendar."""
    page = another_browser(user_agent=CRAWLER)
    page.goto(shop_process.url)
    expect(page.locator('script[src]')).to_have_count(0)
    button = journey.pay_button(page)
    expect(button).to_have_text(journey.BUTTON)
    button.click()
    journey.at_stripe(page)
    journey.pay_by_card(page)
    journey.on_order_page(page)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()
