"""The ways back to an order: by mail in another browser, in the same browser, with a corrected address."""

import re
from datetime import datetime
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.processes import Server, wait_until
from tests.sandbox_client import SandboxClient

WITH_AND_WITHOUT = pytest.mark.parametrize('script', [True, False], ids=['script', 'no script'])
RIGHT = 'right@example.com'


@pytest.fixture
def email() -> str:
    """Return an address of this test alone: the shop keeps the orders of other tests."""
    return f'pat.{uuid4().hex[:8]}@example.com'


def buy(page: Page, shop: Server, email: str) -> str:
    """Buy with or without script; return the URL of the order page."""
    page.goto(shop.url)
    journey.pay_button(page).click()
    journey.at_stripe(page)
    journey.pay_by_card(page, email=email, name=email.partition('@')[0])
    return journey.on_order_page(page)


def book(page: Page, *, script: bool) -> datetime:
    """Book the first free time; return its start."""
    frame = journey.calendar(page)
    free = frame.locator('.times').get_by_role('link').first
    start = free.locator('time').get_attribute('datetime')
    assert start is not None
    free.click()
    frame.get_by_role('button', name='Schedule Event').click()
    if script:
        expect(page.get_by_role('heading', level=1)).to_have_text('✓ You are booked')
    else:
        expect(frame.get_by_role('heading', name='You are scheduled')).to_be_visible()
    return datetime.fromisoformat(start)


def link_in_mail(sandbox: SandboxClient, subject: str, to: str) -> str:
    """Wait for a mail; return the link to an order in it."""

    def texts() -> list[str]:
        return [mail['text'] for mail in sandbox.mails(to) if mail['subject'] == subject]

    wait_until(lambda: bool(texts()), seconds=15, why=f'a mail "{subject}"')
    found = re.search(r'^http\S+/order/\S+$', texts()[-1], re.MULTILINE)
    assert found, texts()[-1]
    return found[0]


@WITH_AND_WITHOUT
def test_find_the_order_by_mail_on_another_device(
    another_browser: journey.AnotherBrowser,
    shop_process: Server,
    sandbox: SandboxClient,
    email: str,
    script: bool,
) -> None:
    """Pay, close the browser; elsewhere ask for the link, open the mail, pick the time."""
    first = another_browser(java_script_enabled=script)
    order = buy(first, shop_process, email)
    first.context.close()

    page = another_browser(java_script_enabled=script)
    page.goto(shop_process.url)
    page.get_by_role('link', name='I already paid').first.click()
    page.get_by_label('E-mail address').fill(email)
    page.get_by_role('button', name='Send me the link').click()
    expect(page.get_by_role('heading', level=1)).to_have_text('Look into your mailbox')

    url = link_in_mail(sandbox, 'The link to your order', email)
    assert url == order
    page.goto(url)
    start = book(page, script=script)
    if not script:
        journey.until_it_says(page, journey.shown_day(start))
        page.get_by_role('link', name='Show my session here').click()
    expect(page.get_by_text(journey.shown_day(start))).to_be_visible()


@WITH_AND_WITHOUT
def test_the_same_browser_finds_its_order(
    another_browser: journey.AnotherBrowser,
    shop_process: Server,
    sandbox: SandboxClient,
    email: str,
    script: bool,
) -> None:
    """The landing page links to the paid order, and after booking says when the session is."""
    page = another_browser(java_script_enabled=script)
    order = buy(page, shop_process, email)
    page.goto(shop_process.url)
    page.get_by_role('link', name='You have paid: pick your time').click()
    expect(page).to_have_url(order)
    start = book(page, script=script)

    booked = page.get_by_role('link', name=f'You are booked: {_short(start)}')

    def is_booked() -> bool:
        page.goto(shop_process.url)
        return booked.is_visible()

    # Without script nothing has shown yet that the shop knows of the booking.
    wait_until(is_booked, seconds=15, why='the landing page says when the session is')


@WITH_AND_WITHOUT
def test_a_mistyped_address_is_corrected(
    another_browser: journey.AnotherBrowser,
    shop_process: Server,
    sandbox: SandboxClient,
    email: str,
    script: bool,
) -> None:
    """A mistake is named, then the address is corrected; both are told, and the calendar follows."""
    page = another_browser(java_script_enabled=script)
    order = buy(page, shop_process, email)
    # When Vue mounts, what was opened before is closed again; the calendar appears after that.
    expect(journey.calendar(page).locator('.times')).to_be_visible()
    page.get_by_text('Wrong e-mail address?').click()
    page.get_by_label('The right e-mail address').fill('right@example')
    page.get_by_role('button', name='Correct the address').click()
    expect(page.get_by_role('alert').filter(has_text='not a complete e-mail address')).to_be_visible()
    page.get_by_label('The right e-mail address').fill(RIGHT)
    page.get_by_role('button', name='Correct the address').click()
    expect(page.get_by_role('status').filter(has_text=f'we write to {RIGHT}')).to_be_visible()
    expect(page.locator('dd').filter(has_text=RIGHT)).to_be_visible()

    link = link_in_mail(sandbox, f'Mail about order {_reference(page)} comes here now', RIGHT)
    assert link == order
    (to_old,) = (mail for mail in sandbox.mails(email) if 'another address' in mail['subject'])
    assert '/order/' not in to_old['text']
    assert RIGHT not in to_old['text']
    page.goto(order)
    journey.calendar(page).locator('.times').get_by_role('link').first.click()
    expect(journey.calendar(page).get_by_label('Email')).to_have_value(RIGHT)


def test_correcting_leaves_the_calendar_alone(
    page: Page, shop_process: Server, sandbox: SandboxClient
) -> None:
    """What was typed into the frame stays, also with the keyboard alone; the page offers to load it again."""
    order = journey.buy(page, shop_process)
    field = journey.type_a_name(page)
    loads = journey.loads(page)
    journey.tab_to(page, page.locator('summary', has_text='Wrong e-mail address?'))
    page.keyboard.press('Enter')
    journey.tab_to(page, page.get_by_label('The right e-mail address'))
    page.keyboard.type(RIGHT)
    page.keyboard.press('Enter')

    done = page.get_by_role('status').filter(has_text=f'we write to {RIGHT}')
    expect(done).to_contain_text('The calendar on this page still has the earlier address.')
    expect(field).to_have_value(journey.TYPED)
    expect(page).to_have_url(order)
    assert [url for url in loads if not url.endswith('/email')] == []
    done.get_by_role('link', name='Load it again').click()
    journey.calendar(page).locator('.times').get_by_role('link').first.click()
    expect(journey.calendar(page).get_by_label('Email')).to_have_value(RIGHT)


@WITH_AND_WITHOUT
def test_who_made_a_second_payment_is_told(
    another_browser: journey.AnotherBrowser,
    shop_process: Server,
    sandbox: SandboxClient,
    email: str,
    script: bool,
) -> None:
    """The second order says so, names the first, and opens its calendar."""
    page = another_browser(java_script_enabled=script)
    buy(page, shop_process, email)
    first = _reference(page)
    page.context.clear_cookies()
    buy(page, shop_process, email)
    expect(page.get_by_text('It looks as if you paid twice')).to_contain_text(first)
    expect(page.get_by_title(journey.CALENDAR)).to_be_visible()


def _short(start: datetime) -> str:
    local = start.astimezone(journey.ZONE)
    return f'{local:%a, %b} {local.day}, {local:%-I:%M %p %Z}'


def _reference(page: Page) -> str:
    return page.locator('.state strong').first.inner_text()
