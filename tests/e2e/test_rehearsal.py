"""The operator presses "Rehearse now": a process of its own rehearses, and the open page shows the result."""

from playwright.sync_api import Page, expect

from tests.e2e.admin import SETTINGS, open_page, sign_in
from tests.e2e.journey import StartShop
from tests.sandbox_client import SandboxClient

TIMEOUT = 120_000  # milliseconds that a rehearsal may take on a busy machine
IMPOSSIBLE = 2  # paying a session, booking in the real calendar


def test_the_operator_rehearses(page: Page, start_shop: StartShop, sandbox: SandboxClient) -> None:
    """Everything works, in the sandbox and with the test keys of the shop; nothing of it is an order."""
    shop = start_shop(SETTINGS)
    sign_in(page, shop)
    open_page(page, shop, '/admin/selling')
    page.get_by_role('button', name='Rehearse now').click()
    expect(page.get_by_text('It is being rehearsed')).to_be_visible()
    expect(page.get_by_text('Everything works')).to_be_visible(timeout=TIMEOUT)
    expect(page.get_by_role('button', name='Rehearse now')).to_be_visible()
    page.get_by_text('31 steps').click()
    expect(page.get_by_role('row', name='A time is booked ok')).to_be_visible()
    expect(page.get_by_role('row', name='not possible:')).to_have_count(IMPOSSIBLE)
    sessions = sandbox.state()['sessions']
    assert [session['status'] for session in sessions] == ['expired']
    open_page(page, shop, '/admin/orders')
    expect(page.get_by_role('table').get_by_role('rowheader')).to_have_count(0)
