"""Script is on, but NiceGUI cannot start or cannot connect: the pages go on as plain ones."""

import re

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.e2e import journey
from tests.processes import Server, wait_until
from tests.sandbox_client import SandboxClient

PROCESSING = 'Your payment is under way'
LOGIN = '<!doctype html><title>Log in</title><h1>Log in to this network</h1>'
ATTEMPTS = 3
BLOCKED = {
    'all of NiceGUI': '/_nicegui/',
    'no import maps': '/vue[.]esm',  # an old browser cannot find the module
    'its own script': '/static/nicegui[.]js',
    'Quasar': '/quasar[.]umd',
    'socket.io': '/socket[.]io[.]min',
}


@pytest.mark.parametrize('blocked', BLOCKED.values(), ids=BLOCKED)
def test_scripts_are_blocked(page: Page, shop_process: Server, sandbox: SandboxClient, blocked: str) -> None:
    """The form sells, "Check now" updates the page, and the calendar's link is there."""
    page.route(re.compile(blocked), lambda route: route.abort())
    loads = journey.loads(page)
    page.goto(shop_process.url, wait_until='load')
    expect(journey.pay_button(page)).to_have_attribute('type', 'submit')
    assert loads == [f'{shop_process.url}/']
    _buy_and_book_by_links(page, sandbox)


def test_a_login_page_before_the_socket(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """Every request of the socket is answered with a login page: the pages stay, and work as plain ones."""
    attempts: list[str] = []

    def refuse(socket: WebSocketRoute) -> None:
        attempts.append(socket.url)
        socket.close()

    page.route_web_socket(journey.SOCKET, refuse)

    def answer(route: Route) -> None:
        attempts.append(route.request.url)
        route.fulfill(content_type='text/html', body=LOGIN)

    page.route(journey.SOCKET, answer)
    loads = journey.loads(page)
    page.goto(shop_process.url)
    wait_until(
        lambda: page.title() != '' and len(attempts) >= ATTEMPTS,
        seconds=30,
        why=f'it tries again: {attempts}',
    )
    expect(journey.pay_button(page)).to_have_attribute('type', 'submit')
    assert loads == [f'{shop_process.url}/']
    _buy_and_book_by_links(page, sandbox)


def _buy_and_book_by_links(page: Page, sandbox: SandboxClient) -> None:
    """Pay by the form, update the page by its link, book on the calendar's own page, and come back."""
    journey.pay_button(page).click()
    session_id = journey.session_at(journey.at_stripe(page))
    journey.pay_by_bank(page)
    journey.on_order_page(page, PROCESSING)
    sandbox.act('settle', session=session_id, success=True)
    page.get_by_role('link', name='Check now').click()
    journey.on_order_page(page)

    expect(page.get_by_role('link', name='Show my session here')).to_be_visible()
    with page.expect_popup() as popup:
        page.get_by_role('link', name='Open the calendar in a new tab').click()
    journey.book_on_own_page(popup.value)
    popup.value.close()
    journey.until_it_says(page, 'You are booked')
    page.get_by_role('link', name='Show my session here').click()
    expect(page.get_by_role('link', name='Choose another time')).to_be_visible()
