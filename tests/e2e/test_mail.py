"""The way back by mail: who closes the browser after paying picks the time on another device."""

from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.e2e.journey import AnotherBrowser
from tests.processes import Server, wait_until
from tests.sandbox_client import SandboxClient


def newest_mail(sandbox: SandboxClient, page: Page, subject: str, email: str) -> None:
    """Open the newest mail in the sandbox's mailbox, as a mail program shows it."""
    wait_until(lambda: bool(sandbox.mails(email)), seconds=15, why='the mail arrives')
    page.goto(f'{sandbox.base}/mailbox')
    expect(page.get_by_role('heading', name=subject)).to_be_visible()
    page.get_by_role('link', name='HTML').first.click()


@pytest.mark.parametrize('script', [True, False], ids=['script', 'no-script'])
def test_the_mail_leads_back_on_another_device(
    page: Page, another_browser: AnotherBrowser, shop_process: Server, sandbox: SandboxClient, *, script: bool
) -> None:
    """Pay, close the browser at Stripe's page, open the mail elsewhere, pick the time there: booked."""
    journey.go_to_stripe(page, shop_process)
    session = journey.session_at(page.url)
    page.close()
    name = f'Pat {uuid4().hex[:8]}'  # the shop keeps the orders of other tests
    email = f'{name.replace(" ", ".").lower()}@example.com'
    sandbox.pay(session, email=email, name=name)

    elsewhere = another_browser(java_script_enabled=script)
    newest_mail(sandbox, elsewhere, 'You have paid: pick your time', email)
    expect(elsewhere.get_by_text('$150')).not_to_have_count(0)
    elsewhere.get_by_role('link', name='Pick your time').click()
    journey.on_order_page(elsewhere)
    frame = journey.calendar(elsewhere)
    frame.locator('.times').get_by_role('link').first.click()
    expect(frame.get_by_label('Email')).to_have_value(email)
    frame.get_by_role('button', name='Schedule Event').click()
    if not script:
        wait_until(
            lambda: 'You are booked' in httpx.get(elsewhere.url, trust_env=False).text,
            seconds=15,
            why='the page says that it is booked',
        )
        elsewhere.reload()
    expect(elsewhere.get_by_role('heading', level=1)).to_have_text('✓ You are booked')

    elsewhere.goto(f'{sandbox.base}/mailbox')
    expect(elsewhere.get_by_text('BEGIN:VCALENDAR')).to_have_count(1)
    assert [mail['subject'] for mail in sandbox.mails()] == ['You have paid: pick your time']
