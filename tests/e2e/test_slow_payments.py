"""Payments that take days, and webhooks that arrive late or never."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.processes import Server, wait_until
from tests.sandbox_client import SandboxClient

PROCESSING = 'Your payment is under way'


@pytest.fixture
def processing_session(page: Page, shop_process: Server, sandbox: SandboxClient) -> str:
    """Pay by bank debit; returns the id of the checkout session."""
    session_id = journey.session_at(journey.go_to_stripe(page, shop_process))
    journey.pay_by_bank(page)
    journey.on_order_page(page, PROCESSING)
    expect(page.get_by_text('please do not pay again')).to_be_visible()
    expect(page.get_by_title(journey.CALENDAR)).to_have_count(0)
    return session_id


def test_a_slow_payment_succeeds(page: Page, sandbox: SandboxClient, processing_session: str) -> None:
    """An open page shows that the order is paid, and the calendar, once the bank has paid."""
    sandbox.act('settle', session=processing_session, success=True)

    journey.on_order_page(page)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()


def test_a_slow_payment_fails(page: Page, sandbox: SandboxClient, processing_session: str) -> None:
    """An open page says that the bank did not pay, and shows no calendar."""
    sandbox.act('settle', session=processing_session, success=False)

    journey.on_order_page(page, 'The payment was not made')
    expect(page.get_by_text('Your bank did not make the payment. You were not charged')).to_be_visible()
    expect(page.get_by_title(journey.CALENDAR)).to_have_count(0)


def test_every_delivery_is_lost(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """Without any webhook the customer who returns, even twice, finds the calendar."""
    sandbox.fault('webhook *', 'lose', times=None)
    order = journey.buy(page, shop_process)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()

    page.goto(f'{shop_process.url}/success?session_id={journey.opened_sessions(sandbox)[0]}')
    assert journey.on_order_page(page) == order
    assert {delivery['state'] for delivery in sandbox.state()['deliveries']} == {'lost'}


def test_the_delivery_is_late(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """A webhook after the customer's return changes nothing: same page, same frame, one calendar link."""
    sandbox.fault('webhook *', 'hold', times=None)
    journey.buy(page, shop_process)
    frame = page.get_by_title(journey.CALENDAR).get_attribute('src')
    sandbox.act('release')
    wait_until(lambda: _delivered(sandbox), seconds=10, why='the delayed webhook is delivered')
    page.reload()

    journey.on_order_page(page)
    expect(page.get_by_title(journey.CALENDAR)).to_have_attribute('src', str(frame))
    assert len(sandbox.state()['links']) == 1


def test_stripe_is_down_when_the_customer_returns(
    page: Page, shop_process: Server, sandbox: SandboxClient
) -> None:
    """While Stripe is down the page says that the payment is safe; afterwards it shows the calendar."""
    sandbox.fault('webhook *', 'lose', times=None)
    journey.go_to_stripe(page, shop_process)
    sandbox.fault('GET /v1/checkout/sessions/*', 'reset', times=None)
    journey.pay_by_card(page)

    journey.on_order_page(page, 'Checking your payment…')
    expect(page.get_by_text('If you paid, your payment is safe. Do not pay again')).to_be_visible()
    expect(page.get_by_text('not been charged')).to_have_count(0)
    sandbox.clear_faults()
    journey.on_order_page(page)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()


def _delivered(sandbox: SandboxClient) -> bool:
    deliveries = sandbox.state()['deliveries']
    return bool(deliveries) and all(delivery['state'] == 'delivered' for delivery in deliveries)
