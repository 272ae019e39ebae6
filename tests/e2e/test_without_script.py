"""The whole journey in a browser that runs no script."""

import pytest
from playwright.sync_api import expect

from tests.e2e import journey
from tests.processes import Server
from tests.twin import Twin


@pytest.mark.xfail(strict=True, reason='server painting comes with a later issue')
def test_pay_and_book_by_plain_forms(
    another_browser: journey.AnotherBrowser, shop_process: Server, sandbox: Twin
) -> None:
    """Forms and links alone lead to a paid order whose page says so and links to the calendar."""
    page = another_browser(java_script_enabled=False)
    page.goto(shop_process.url)
    expect(journey.pay_button(page)).to_have_text(journey.BUTTON, timeout=2000)
    journey.pay_button(page).click()
    journey.at_stripe(page)
    journey.pay_by_card(page)

    journey.on_order_page(page)
    link = page.get_by_role('link', name='Open the calendar in a new tab').get_attribute('href')
    assert link is not None
    page.goto(link)
    page.locator('.times').get_by_role('link').first.click()
    page.get_by_role('button', name='Schedule Event').click()
    expect(page.get_by_role('heading', name='You are scheduled')).to_be_visible()


def test_the_form_alone_reaches_a_paid_order(
    another_browser: journey.AnotherBrowser, shop_process: Server, sandbox: Twin
) -> None:
    """Without script the form's address leads to Stripe, and Stripe leads back to the page of the order."""
    page = another_browser(java_script_enabled=False)
    answer = page.request.post(f'{shop_process.url}/checkout', max_redirects=0)
    assert answer.status == 303
    page.goto(answer.headers['location'])
    journey.pay_by_card(page)

    expect(page).to_have_url(journey.ORDER_PAGE)
    assert [session['payment_status'] for session in sandbox.state()['sessions']] == ['paid']
