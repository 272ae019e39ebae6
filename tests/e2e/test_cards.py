"""What may happen on Stripe's page before money moves, and what we say afterwards."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.processes import Server
from tests.sandbox_client import SandboxClient

ASKS_WHO = '4000 0025 0000 3155'


@pytest.mark.parametrize(
    ('card', 'words'),
    [
        ('4000 0000 0000 0002', 'Your card was declined.'),
        ('4000 0000 0000 9995', 'Your card has insufficient funds.'),
    ],
    ids=['declined', 'insufficient-funds'],
)
def test_a_declined_card_and_then_a_good_one(
    page: Page, shop_process: Server, sandbox: SandboxClient, card: str, words: str
) -> None:
    """After a decline the customer pays in the same session with another card, once."""
    journey.go_to_stripe(page, shop_process)
    journey.pay_by_card(page, card)
    expect(page.get_by_role('alert')).to_have_text(words)
    journey.pay_by_card(page)

    journey.on_order_page(page)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()
    assert len(journey.opened_sessions(sandbox)) == 1


def test_a_card_whose_bank_asks(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """A customer who fails to identify tries again, succeeds, and has paid once."""
    journey.go_to_stripe(page, shop_process)
    journey.pay_by_card(page, ASKS_WHO)
    page.get_by_role('button', name='Fail authentication').click()
    expect(page.get_by_role('alert')).to_contain_text('unable to authenticate')
    journey.pay_by_card(page, ASKS_WHO)
    page.get_by_role('button', name='Complete authentication').click()

    journey.on_order_page(page)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()
    charges = sandbox.state()['charges']
    assert [charge['amount'] for charge in charges if charge['paid']] == [15000]


def test_a_customer_who_turns_back(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """Back by Stripe's own link: no charge was made, and the button leads to the same session again."""
    at_stripe = journey.go_to_stripe(page, shop_process)
    page.get_by_role('link', name='← Back').click()

    expect(page.get_by_role('status')).to_contain_text('No charge was made')
    journey.live_button(page).click()
    assert journey.at_stripe(page) == at_stripe


def test_a_customer_who_turns_back_after_paying(
    page: Page, shop_process: Server, sandbox: SandboxClient
) -> None:
    """The way back of a session that was paid elsewhere never says that nothing was charged."""
    session_id = journey.session_at(journey.go_to_stripe(page, shop_process))
    sandbox.pay(session_id)
    page.get_by_role('link', name='← Back').click()

    expect(page.get_by_role('status')).to_contain_text('A payment was just made here')
    expect(page.get_by_text('No charge was made')).to_have_count(0)
