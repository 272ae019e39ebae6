"""The server stops and starts again while a page is open."""

import re

from playwright.sync_api import Page, Route, expect

from tests.e2e import journey
from tests.processes import START_TIMEOUT, Server, wait_until
from tests.sandbox_client import SandboxClient

RESTART_TIMEOUT = (
    1000 * START_TIMEOUT + journey.STEP_TIMEOUT
)  # the start of the server, then a step in the browser
RECONNECTING = 'This page stays as it is and tries to connect.'
WORKING = 'Processing...'
DISCONNECTED = 'The connection is lost. The button comes back as soon as this page is connected again.'


def test_the_landing_page_reconnects(page: Page, restartable_shop: Server, sandbox: SandboxClient) -> None:
    """While the server is down a text replaces the button; afterwards the same page's button works."""
    loads = journey.loads(page)
    button = journey.open_landing(page, restartable_shop)
    restartable_shop.stop()
    expect(page.get_by_text(RECONNECTING)).to_be_visible()
    expect(page.get_by_text(DISCONNECTED).first).to_be_visible()
    expect(button).to_be_hidden()
    restartable_shop.start()
    expect(page.get_by_text(RECONNECTING)).to_be_hidden(timeout=RESTART_TIMEOUT)

    assert loads == [f'{restartable_shop.url}/']
    journey.connected_button(page).click()
    journey.at_stripe(page)


def test_the_order_page_reconnects(page: Page, restartable_shop: Server, sandbox: SandboxClient) -> None:
    """A server that was killed and started again: what was typed is still there, and a booking is shown."""
    journey.buy(page, restartable_shop)
    field = journey.type_a_name(page)
    loads = journey.loads(page)
    restartable_shop.kill()
    expect(page.get_by_text(RECONNECTING)).to_be_visible()
    restartable_shop.start()
    expect(page.get_by_text(RECONNECTING)).to_be_hidden(timeout=RESTART_TIMEOUT)

    expect(field).to_have_value(journey.TYPED)
    journey.calendar(page).get_by_role('button', name='Schedule Event').click()
    expect(page.get_by_title(journey.CALENDAR)).to_have_count(0)
    expect(page.get_by_role('link', name='Choose another time')).to_be_visible()
    assert loads == []


def test_no_network_and_a_restart(page: Page, restartable_shop: Server, sandbox: SandboxClient) -> None:
    """Without network while the server restarts: what was typed is still there, and nothing is loaded."""
    journey.buy(page, restartable_shop)
    field = journey.type_a_name(page)
    loads = journey.loads(page)
    page.context.set_offline(True)
    expect(page.get_by_text(RECONNECTING)).to_be_visible()
    restartable_shop.stop()
    restartable_shop.start()
    expect(field).to_have_value(journey.TYPED)
    page.context.set_offline(False)
    expect(page.get_by_text(RECONNECTING)).to_be_hidden(timeout=RESTART_TIMEOUT)

    expect(field).to_have_value(journey.TYPED)
    assert loads == []


def test_the_public_calendar_stays(page: Page, restartable_shop: Server, sandbox: SandboxClient) -> None:
    """A calendar that was shown while Calendly was down stays, though the order has its own link now."""
    for path in ('POST /shares', 'GET /users/me'):
        sandbox.fault(path, 'fail', status=500, times=None)
    journey.buy(page, restartable_shop)
    field = journey.type_a_name(page)
    restartable_shop.kill()
    expect(page.get_by_text(RECONNECTING)).to_be_visible()
    sandbox.clear_faults()
    restartable_shop.start()
    expect(page.get_by_text(RECONNECTING)).to_be_hidden(timeout=RESTART_TIMEOUT)

    expect(field).to_have_value(journey.TYPED)
    assert sandbox.requests('POST /shares')


def test_back_from_stripe_after_a_restart(
    page: Page, restartable_shop: Server, sandbox: SandboxClient
) -> None:
    """The browser's back button after a restart shows the button ready, and it leads to the same payment."""
    first = journey.go_to_stripe(page, restartable_shop)
    restartable_shop.kill()
    restartable_shop.start()
    page.go_back()
    button = journey.connected_button(page)
    expect(button).to_have_text(journey.BUTTON)
    expect(button).not_to_have_attribute('aria-disabled', 'true')
    button.click()
    assert journey.session_at(journey.at_stripe(page)) == journey.session_at(first)


def test_a_kept_page_is_fresh(page: Page, restartable_shop: Server, sandbox: SandboxClient) -> None:
    """A page from the back/forward cache is the document as it was left, connected anew: its button is ready.

    Headless Chromium has no such cache. Here the document is kept by a payment page that answers 204, and its
    connection is closed, as the cache does: once for a moment, once until the server has forgotten the page.
    """
    left: list[Route] = []

    def answer(route: Route) -> None:
        left.append(route)
        route.fulfill(status=204)

    page.route(re.compile('/stripe/pay/'), answer)
    loads = journey.loads(page)
    button = journey.open_landing(page, restartable_shop)
    for restarts in (False, True):
        button.click()
        expect(button).to_have_text(WORKING)
        expect(button).to_have_attribute('aria-disabled', 'true')
        wait_until(lambda: page.title() != '' and bool(left), seconds=15, why='the browser leaves for Stripe')
        left.clear()
        page.context.set_offline(True)
        expect(page.get_by_text(RECONNECTING)).to_be_visible()
        if restarts:
            restartable_shop.kill()
            restartable_shop.start()
        page.context.set_offline(False)
        expect(button).to_have_text(journey.BUTTON, timeout=RESTART_TIMEOUT)
        expect(button).not_to_have_attribute('aria-disabled', 'true')
    assert [url for url in loads if '/stripe/' not in url] == [f'{restartable_shop.url}/']


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
