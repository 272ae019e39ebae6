"""Declined cards, authentication, and the way back from Stripe without paying."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.processes import Server
from tests.sandbox_client import SandboxClient

NEEDS_AUTHENTICATION = '4000 0025 0000 3155'


@pytest.mark.parametrize(
    ('card', 'words'),
    [
        ('4000 0000 0000 0002', 'Your card was declined.'),
        ('4000 0000 0000 9995', 'Your card has insufficient funds.'),
    ],
    ids=['declined', 'insufficient-funds'],
)
def test_a_declined_card_then_a_good_one(
    page: Page, shop_process: Server, sandbox: SandboxClient, card: str, words: str
) -> None:
    """After a decline the customer pays once with another card, in the same checkout session."""
    journey.go_to_stripe(page, shop_process)
    journey.pay_by_card(page, card)
    expect(page.get_by_role('alert')).to_have_text(words)
    journey.pay_by_card(page)

    journey.on_order_page(page)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()
    assert len(journey.opened_sessions(sandbox)) == 1


def test_a_card_that_needs_authentication(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """A customer who fails to authenticate tries again, succeeds, and has paid once."""
    journey.go_to_stripe(page, shop_process)
    journey.pay_by_card(page, NEEDS_AUTHENTICATION)
    page.get_by_role('button', name='Fail authentication').click()
    expect(page.get_by_role('alert')).to_contain_text('unable to authenticate')
    journey.pay_by_card(page, NEEDS_AUTHENTICATION)
    page.get_by_role('button', name='Complete authentication').click()

    journey.on_order_page(page)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()
    charges = sandbox.state()['charges']
    assert [charge['amount'] for charge in charges if charge['paid']] == [15000]


def test_back_without_paying(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """Stripe's back link leads to a notice that no charge was made; the button leads to the same session."""
    at_stripe = journey.go_to_stripe(page, shop_process)
    page.get_by_role('link', name='← Back').click()

    expect(page.get_by_role('status')).to_contain_text('No charge was made')
    journey.connected_button(page).click()
    assert journey.at_stripe(page) == at_stripe


def test_back_after_paying_elsewhere(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """The back link of a session that was paid in another tab does not say that nothing was charged."""
    session_id = journey.session_at(journey.go_to_stripe(page, shop_process))
    sandbox.pay(session_id)
    page.get_by_role('link', name='← Back').click()

    expect(page.get_by_role('status')).to_contain_text('A payment was just made here')
    expect(page.get_by_text('No charge was made')).to_have_count(0)
