"""The mails in a browser: the way back after the payment, the reminder, and what the operator is told."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import create_engine, update

from services.database import schema
from services.orders import MailKind
from tests.e2e import journey
from tests.e2e.journey import AnotherBrowser, StartShop
from tests.e2e.orders import OrderMaker
from tests.processes import ROOT, Server, wait_until
from tests.sandbox_client import SandboxClient

SECONDS = 15  # in which a mail that is due arrives: the shop looks every ten seconds
NOON = 12
WITH_AND_WITHOUT = pytest.mark.parametrize('script', [True, False], ids=['script', 'no-script'])


def newest_mail(sandbox: SandboxClient, page: Page, subject: str, email: str) -> None:
    """Open the newest mail in the sandbox's mailbox, as a mail program shows it."""
    wait_until(
        lambda: subject in [mail['subject'] for mail in sandbox.mails(email)],
        seconds=SECONDS,
        why='the mail arrives',
    )
    page.goto(f'{sandbox.base}/mailbox')
    expect(page.get_by_role('heading', name=subject)).to_be_visible()
    page.get_by_role('link', name='HTML').first.click()


def book(page: Page, email: str) -> None:
    """Book the first free time; the form has the address already."""
    frame = journey.calendar(page)
    frame.locator('.times').get_by_role('link').first.click()
    expect(frame.get_by_label('Email')).to_have_value(email)
    frame.get_by_role('button', name='Schedule Event').click()


def is_booked(page: Page, *, script: bool) -> None:
    """Wait until the page says that a time is booked."""
    if not script:
        journey.until_it_says(page, 'You are booked')
        page.reload()
    expect(page.get_by_role('heading', level=1)).to_have_text('✓ You are booked')


@WITH_AND_WITHOUT
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
    book(elsewhere, email)
    is_booked(elsewhere, script=script)

    elsewhere.goto(f'{sandbox.base}/mailbox')
    expect(elsewhere.get_by_text('BEGIN:VCALENDAR')).to_have_count(1)
    assert [mail['subject'] for mail in sandbox.mails()] == ['You have paid: pick your time']


def site_that_reminds(folder: Path) -> str:
    """Write a site file of a shop where it is noon, which reminds four seconds after the payment."""
    text = (ROOT / 'site.toml').read_text(encoding='utf-8')
    west = datetime.now(UTC).hour - NOON  # the names of these zones count to the west
    zone = f'Etc/GMT{west:+d}' if west else 'Etc/GMT'
    for old, new in (
        ('timezone = "America/New_York"', f'timezone = "{zone}"'),
        ('# reminder_hours = 24', 'reminder_hours = 0.001'),
    ):
        assert old in text
        text = text.replace(old, new)
    file = folder / 'site.toml'
    file.write_text(text, encoding='utf-8')
    return str(file)


@WITH_AND_WITHOUT
def test_the_reminder_leads_to_the_calendar(
    another_browser: AnotherBrowser,
    start_shop: StartShop,
    sandbox: SandboxClient,
    tmp_path: Path,
    *,
    script: bool,
) -> None:
    """Who has paid and picked no time gets one reminder, and picks the time from there."""
    shop = start_shop({'SITE_FILE': site_that_reminds(tmp_path)})
    order = OrderMaker(shop, sandbox)
    url = order.make('paid')

    page = another_browser(java_script_enabled=script)
    newest_mail(sandbox, page, 'Your session has no time yet', order.email)
    page.get_by_role('link', name='Pick your time').click()
    assert journey.on_order_page(page) == url
    book(page, order.email)
    is_booked(page, script=script)
    subjects = [mail['subject'] for mail in sandbox.mails(order.email)]
    assert subjects == ['You have paid: pick your time', 'Your session has no time yet']


def ten_minutes_pass(database: Path) -> None:
    """Let the mail that collects alerts be due now; otherwise that takes ten minutes."""
    engine = create_engine(f'sqlite:///{database}')
    collected = update(schema.mails).where(schema.mails.c.kind == MailKind.ALERTS)
    with engine.begin() as connection:
        connection.execute(collected.values(next_try=datetime.now(UTC)))
    engine.dispose()


def test_the_operator_is_told_what_needs_a_hand(
    page: Page, start_shop: StartShop, sandbox: SandboxClient, tmp_path: Path
) -> None:
    """Two disputes of one order are told; the mail names the order and opens none."""
    shop = start_shop()
    order = OrderMaker(shop, sandbox)
    order.make('paid')
    for amount in (5000, 3000):
        order.act('dispute', amount=amount)
    wait_until(lambda: bool(sandbox.mails(order.email)), seconds=SECONDS, why='the customer has a mail')
    reference = sandbox.mails(order.email)[0]['headers']['Message-ID'][1:10]
    operator = sandbox.settings['OPERATOR_EMAIL']

    def alerts() -> int:
        ten_minutes_pass(tmp_path / 'shop-0' / 'shop.db')
        return sum(mail['text'].count('A payment is disputed') for mail in sandbox.mails(operator))

    wait_until(lambda: alerts() >= 2, seconds=2 * SECONDS, why='the operator is told of both disputes')
    page.goto(f'{sandbox.base}/mailbox')
    page.get_by_role('link', name='HTML').first.click()
    expect(page.get_by_text(f'A payment is disputed: order {reference}').first).to_be_visible()
    expect(page.get_by_text('Answer it in the Stripe Dashboard').first).to_be_visible()
    assert page.locator('a[href*="/order/"]').count() == 0
