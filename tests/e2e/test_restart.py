"""The server stops and starts again while a page is open."""

from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.processes import Server
from tests.sandbox_client import SandboxClient

RECONNECTING = 'Nothing is lost. This page reconnects by itself.'
DISCONNECTED = 'The connection is lost. The button comes back as soon as this page is connected again.'


def test_the_landing_page_reconnects(page: Page, restartable_shop: Server, sandbox: SandboxClient) -> None:
    """While the server is down a text replaces the button; afterwards the button is back and works."""
    button = journey.open_landing(page, restartable_shop)
    restartable_shop.stop()
    expect(page.get_by_text(RECONNECTING)).to_be_visible()
    expect(page.get_by_text(DISCONNECTED).first).to_be_visible()
    expect(button).to_be_hidden()
    with page.expect_event('load'):
        restartable_shop.start()

    expect(page.get_by_text(RECONNECTING)).to_be_hidden()
    journey.connected_button(page).click()
    journey.at_stripe(page)


def test_the_order_page_reconnects(page: Page, restartable_shop: Server, sandbox: SandboxClient) -> None:
    """While the server is down the order page says so; afterwards the order can be booked."""
    journey.buy(page, restartable_shop)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()
    restartable_shop.kill()
    expect(page.get_by_text(RECONNECTING)).to_be_visible()
    with page.expect_event('load'):
        restartable_shop.start()

    expect(page.get_by_text(RECONNECTING)).to_be_hidden()
    journey.on_order_page(page)
    start = journey.book_first_time(page)
    expect(page.get_by_text(journey.shown_day(start))).to_be_visible()


def test_returning_to_a_restarted_server(
    page: Page, restartable_shop: Server, sandbox: SandboxClient
) -> None:
    """When the server was killed while the customer was at Stripe, it still finds the order."""
    journey.go_to_stripe(page, restartable_shop)
    restartable_shop.kill()
    restartable_shop.start()
    journey.pay_by_card(page)

    journey.on_order_page(page)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()
