"""The server goes away and comes back while somebody has a page open."""

from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.processes import Server
from tests.sandbox_client import SandboxClient

POPUP = 'Nothing is lost. This page reconnects by itself.'
GONE = 'The connection is lost. The button comes back as soon as this page is connected again.'


def test_the_landing_page_outlives_the_server(page: Page, spare_shop: Server, sandbox: SandboxClient) -> None:
    """Without its server the page offers no dead button but words; with it the button is back and works."""
    button = journey.open_landing(page, spare_shop)
    spare_shop.stop()
    expect(page.get_by_text(POPUP)).to_be_visible()
    expect(page.get_by_text(GONE).first).to_be_visible()
    expect(button).to_be_hidden()
    with page.expect_event('load'):
        spare_shop.start()

    expect(page.get_by_text(POPUP)).to_be_hidden()
    journey.live_button(page).click()
    journey.at_stripe(page)


def test_the_order_page_outlives_the_server(page: Page, spare_shop: Server, sandbox: SandboxClient) -> None:
    """A power cut while the calendar is open: words, then the order again, which can be booked."""
    journey.buy(page, spare_shop)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()
    spare_shop.kill()
    expect(page.get_by_text(POPUP)).to_be_visible()
    with page.expect_event('load'):
        spare_shop.start()

    expect(page.get_by_text(POPUP)).to_be_hidden()
    journey.on_order_page(page)
    start = journey.book_first_time(page)
    expect(page.get_by_text(journey.written_day(start))).to_be_visible()


def test_the_customer_returns_to_a_restarted_server(
    page: Page, spare_shop: Server, sandbox: SandboxClient
) -> None:
    """A server that died while the customer was at Stripe knows the order when they come back."""
    journey.go_to_stripe(page, spare_shop)
    spare_shop.kill()
    spare_shop.start()
    journey.pay_by_card(page)

    journey.on_order_page(page)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()
