"""One purchase, one checkout session: double clicks, two tabs, the back button, another price."""

import re

from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.factories import CREATE
from tests.processes import Server
from tests.sandbox_client import SandboxClient

ALREADY_PAID = 'A payment was just made or begun here, in this browser.'
OTHER_PRICE = (
    'The price has changed since this page was opened. You have not been charged. Please look again.'
)


def test_a_triple_click(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """Three clicks at once open one session, with one request to Stripe."""
    sandbox.fault(CREATE, 'delay', seconds=1)
    journey.open_landing(page, shop_process).click(click_count=3)

    journey.at_stripe(page)
    assert len(journey.opened_sessions(sandbox)) == 1
    assert len(sandbox.requests(CREATE)) == 1


def test_a_double_click_without_a_connection(
    page: Page, shop_process: Server, sandbox: SandboxClient
) -> None:
    """A form that is submitted twice leads to one session."""
    sandbox.fault(CREATE, 'delay', seconds=1, times=2)
    journey.open_unconnected_landing(page, shop_process).dblclick()

    journey.at_stripe(page)
    assert len(journey.opened_sessions(sandbox)) == 1


def test_two_tabs(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """A second tab of the same browser is sent to the session of the first."""
    second = page.context.new_page()
    button, other = journey.open_landing(page, shop_process), journey.open_landing(second, shop_process)
    button.click()
    other.click()

    assert journey.at_stripe(page) == journey.at_stripe(second)
    assert len(journey.opened_sessions(sandbox)) == 1


def test_the_back_button(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """After the back button the pay button works again and leads to the same session."""
    at_stripe = journey.go_to_stripe(page, shop_process)
    page.go_back()

    button = journey.connected_button(page)
    expect(button).to_have_text(journey.BUTTON)
    button.click()
    assert journey.at_stripe(page) == at_stripe
    assert len(journey.opened_sessions(sandbox)) == 1


def test_two_customers(page: Page, another_browser: journey.AnotherBrowser, shop_process: Server) -> None:
    """Two browsers never share a session."""
    mine = journey.go_to_stripe(page, shop_process)

    assert journey.go_to_stripe(another_browser(), shop_process) != mine


def test_a_second_purchase(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """After a payment the button asks for confirmation; a second press opens a new session."""
    journey.buy(page, shop_process)
    button = journey.open_landing(page, shop_process)
    expect(page.get_by_role('status')).to_contain_text('A payment was just made here, in this browser.')
    button.click()
    expect(journey.alert(page)).to_contain_text(f'{ALREADY_PAID} If it was yours, do not pay again.')
    assert len(journey.opened_sessions(sandbox)) == 1

    journey.connected_button(page).click()
    second = journey.session_at(journey.at_stripe(page))
    assert journey.opened_sessions(sandbox)[1:] == [second]


def test_a_second_purchase_without_a_connection(
    page: Page, shop_process: Server, sandbox: SandboxClient
) -> None:
    """The ordinary form asks for confirmation too; submitting it again opens a new session."""
    journey.buy(page, shop_process)
    journey.open_unconnected_landing(page, shop_process).click()
    expect(journey.alert(page)).to_contain_text(ALREADY_PAID)
    assert len(journey.opened_sessions(sandbox)) == 1

    journey.pay_button(page).click()
    second = journey.session_at(journey.at_stripe(page))
    assert journey.opened_sessions(sandbox)[1:] == [second]


def test_the_price_changes_while_a_page_is_open(
    page: Page, start_shop: journey.StartShop, sandbox: SandboxClient
) -> None:
    """A press on a button with an outdated amount shows an alert and the new amount, without a payment."""
    button = journey.open_landing(page, start_shop())
    sandbox.act('price', amount=17500)
    button.click()

    expect(journey.alert(page)).to_contain_text(OTHER_PRICE)
    expect(journey.pay_button(page)).to_have_text(re.compile(r'\$175$'))
    assert [each['status'] for each in sandbox.state()['sessions'] if each['status'] == 'open'] == []


def test_the_price_changes_while_an_unconnected_page_is_open(
    page: Page, start_shop: journey.StartShop, sandbox: SandboxClient
) -> None:
    """An ordinary form with an outdated amount leads to the alert and the new price."""
    shop = start_shop()
    journey.wait_for_price(shop)
    button = journey.open_unconnected_landing(page, shop)
    expect(button).to_have_text(journey.BUTTON)
    shop.stop()
    sandbox.act('price', amount=17500)
    shop.start()
    journey.wait_for_price(shop)
    button.click()

    expect(journey.alert(page)).to_contain_text(OTHER_PRICE)
    expect(journey.pay_button(page)).to_have_text(re.compile(r'\$175$'))
    assert journey.opened_sessions(sandbox) == []
