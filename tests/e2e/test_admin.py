"""The operator's day in the browser, from a customer who calls to the file for the accountant."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e import admin, axe, journey
from tests.e2e.orders import OrderMaker
from tests.processes import Server, wait_until
from tests.sandbox_client import SandboxClient

REFRESH = 40_000  # milliseconds in which an open page has read the ledger again, on a busy machine
MORE_DAYS_TEXT = 'We are away until Monday.'


@pytest.fixture
def shop(start_shop: journey.StartShop) -> Server:
    """Start a shop with an admin."""
    shop = start_shop(admin.SETTINGS)
    journey.wait_for_price(shop)
    return shop


@pytest.fixture
def operator(page: Page, shop: Server) -> Page:
    """Return the first page of the admin, signed in."""
    admin.sign_in(page, shop)
    return page


def test_a_day_of_the_operator(operator: Page, shop: Server, sandbox: SandboxClient, tmp_path: Path) -> None:
    """Everything that a day brings is done on the pages, and Stripe, Calendly and the customers see it."""
    page, errors = operator, journey.console_errors(operator)
    first, second = OrderMaker(shop, sandbox), OrderMaker(shop, sandbox)
    second.name, second.email = first.name, first.email
    first.book()
    second.make('paid')

    # A customer calls; the e-mail address finds both payments.
    links = admin.find(page, shop, first.email)
    expect(links).to_have_count(2)
    newest, oldest = (links.nth(number).get_attribute('href') or '' for number in (0, 1))

    mail_the_link(page, shop, oldest, mails=lambda: len(sandbox.mails(first.email)))
    refund_the_second_payment(page, shop, newest)
    refunds = sandbox.requests('/v1/refunds')
    assert [each['method'] for each in refunds].count('POST') == 1
    cancel_the_meeting(page, shop, oldest)

    # Somebody has booked without the page of the order; the operator gives the meeting to it.
    sandbox.book(sandbox.calendly_link, name=first.name, email=first.email)
    attach_the_meeting(page, shop, oldest, name=first.name)

    stop_selling(page, shop)
    assert MORE_DAYS_TEXT in httpx.get(shop.url, trust_env=False).text
    assert first.email in export(page, shop, tmp_path / 'orders')
    assert errors == []


def mail_the_link(page: Page, shop: Server, order: str, *, mails: Callable[[], int]) -> None:
    """Have the link of an order mailed once more; ``mails`` counts what the customer got."""
    admin.open_page(page, shop, order)
    before = mails()
    part = admin.open_form(page, 'Mail or copy the link')
    expect(part.get_by_label('The link, to copy')).to_have_value(f'{shop.url}/order/{token(page)}')
    admin.send(page, part, 'Mail the link', 'The link is being mailed')
    wait_until(lambda: mails() > before, seconds=15, why='the link was mailed')


def refund_the_second_payment(page: Page, shop: Server, order: str) -> None:
    """Refund the later one of two payments; the page shows it when Stripe has done it."""
    admin.open_page(page, shop, order)
    expect(page.locator('.head')).to_contain_text('seems to repeat')
    part = admin.open_form(page, 'Refund, in full or in part')
    part.get_by_label('Reason').select_option('It was paid twice')
    admin.send(page, part, 'Refund', 'The refund is being carried out')
    expect(page.locator('.head .status').first).to_have_text('refunded', timeout=REFRESH)


def cancel_the_meeting(page: Page, shop: Server, order: str) -> None:
    """Cancel the meeting of an order at Calendly."""
    admin.open_page(page, shop, order)
    part = admin.open_form(page, 'Cancel the meeting')
    admin.send(page, part, 'Cancel the meeting', 'is being canceled')
    expect(page.get_by_text('canceled by you')).to_be_visible(timeout=REFRESH)
    expect(page.locator('summary', has_text='Cancel the meeting')).to_have_count(0)


def attach_the_meeting(page: Page, shop: Server, order: str, *, name: str) -> None:
    """Wait until the overview shows a meeting that nobody paid for, and give it to an order."""
    admin.open_page(page, shop, '/admin')
    item = page.locator('.needs .item').filter(has_text=name).filter(has_text='Booked, but not paid')
    expect(item).to_be_visible(timeout=REFRESH)
    admin.open_page(page, shop, order)
    part = admin.open_form(page, 'Attach it to this order')
    admin.send(page, part, 'Attach the meeting', 'belongs to this')
    expect(page.locator('.head')).to_contain_text('booked')
    admin.open_page(page, shop, '/admin')
    expect(item).to_have_count(0)


def stop_selling(page: Page, shop: Server) -> None:
    """Close the shop for some days."""
    admin.open_page(page, shop, '/admin/selling')
    page.get_by_label('Text for customers').fill(MORE_DAYS_TEXT)
    page.get_by_role('button', name='Stop selling').click()
    expect(page.get_by_role('heading', name='Selling is stopped')).to_be_visible()


def export(page: Page, shop: Server, file: Path) -> str:
    """Download the file for the accountant; returns what it says."""
    admin.open_page(page, shop, '/admin/export')
    with page.expect_download() as download:
        page.get_by_role('button', name='Download').click()
    download.value.save_as(file)
    return file.read_text(encoding='utf-8')


def token(page: Page) -> str:
    """Return the secret of the customer's page, which the order's page links to."""
    link = page.get_by_role('link', name='Page of the customer').get_attribute('href')
    assert link
    return link.rpartition('/')[2]


def test_an_open_overview_changes_in_place(operator: Page, shop: Server, sandbox: SandboxClient) -> None:
    """A new dispute appears by itself; the note that is being typed keeps its text and the focus."""
    unbooked, disputed = OrderMaker(shop, sandbox), OrderMaker(shop, sandbox)
    unbooked.pay_another_price()
    unbooked.make('mismatch')
    admin.open_page(operator, shop, '/admin')
    item = operator.locator('.needs .item').filter(has_text='does not match')
    expect(item).to_have_count(1, timeout=REFRESH)
    item.get_by_text('Snooze or done').click()
    note = item.get_by_role('textbox')
    note.fill('I wrote to')

    disputed.make('disputed')
    expect(operator.locator('.needs .item').filter(has_text=disputed.name)).to_be_visible(timeout=REFRESH)
    expect(note).to_be_focused()
    operator.keyboard.type(' her')
    expect(note).to_have_value('I wrote to her')
    item.get_by_role('button', name='Done').click()
    expect(operator.get_by_role('heading', name='Overview')).to_be_visible()
    expect(item).to_have_count(0)


def test_an_ended_sign_in_ends_open_pages(
    operator: Page, another_browser: journey.AnotherBrowser, shop: Server
) -> None:
    """A page that is open somewhere leads to the sign-in page soon after signing out everywhere."""
    elsewhere = another_browser()
    admin.sign_in(elsewhere, shop)
    token = elsewhere.locator('.out input[name=token]').get_attribute('value') or ''
    headers = {'Origin': shop.url}
    url = f'{shop.url}/admin/sign-out-everywhere'
    elsewhere.request.post(url, form={'token': token}, headers=headers)
    expect(operator).to_have_url(f'{shop.url}/admin/login', timeout=REFRESH)


def test_the_keyboard_alone(operator: Page, shop: Server, sandbox: SandboxClient) -> None:
    """The slash goes to the search, arrows move between the rows, Enter opens one; all of it is visible."""
    made = [OrderMaker(shop, sandbox) for _ in range(3)]
    for order in made:
        order.pay()
        order.make('paid')
    admin.open_page(operator, shop, '/admin/orders')
    rows = operator.get_by_role('table').get_by_role('radio')
    expect(rows).to_have_count(3)
    search = operator.get_by_role('searchbox')
    operator.keyboard.press('ArrowDown')
    expect(rows.first).to_be_focused()
    operator.keyboard.press('Shift+Tab')
    operator.keyboard.press('/')
    expect(search).to_be_focused()
    expect(search).to_have_value('')
    operator.keyboard.press('ArrowDown')
    for key, number in (('', 0), ('ArrowDown', 1), ('ArrowDown', 2), ('ArrowUp', 1)):
        if key:
            operator.keyboard.press(key)
        expect(rows.nth(number)).to_be_focused()
    row = operator.get_by_role('row').filter(has=operator.locator(':focus'))
    assert row.evaluate('element => getComputedStyle(element).outlineStyle') == 'solid'
    reference = row.get_by_role('link').inner_text()
    operator.keyboard.press('Enter')
    expect(operator.get_by_role('heading', level=1)).to_have_text(reference)
    assert operator.url.endswith(f'/admin/orders/{reference}')
    admin.connected(operator)
    journey.tab_to(operator, operator.locator('summary', has_text='Write a note'))
    operator.keyboard.press('Enter')
    operator.keyboard.press('Tab')
    operator.keyboard.type('called back')
    operator.keyboard.press('Tab')
    operator.keyboard.press('Enter')
    expect(operator.get_by_role('status').filter(has_text='The note is in the journal')).to_be_visible()
    expect(operator.locator('.timeline')).to_contain_text('called back')


def test_axe(operator: Page, shop: Server, sandbox: SandboxClient, subtests: pytest.Subtests) -> None:
    """Every page of the admin is accessible, empty and full, with its forms open, on a narrow screen too."""
    for path in (
        *('', '/orders', '/orders?q=nobody', '/attention', '/selling', '/export', '/sign-ins'),
        *('/forget', '/forget?who=nobody@example.com'),
    ):
        with subtests.test(f'{path}, empty'):
            admin.open_page(operator, shop, f'/admin{path}')
            axe.check(operator)
    references = []
    for state in ('booked', 'disputed', 'refunded, still booked', 'mismatch', 'canceled'):
        order = OrderMaker(shop, sandbox)
        order.name = f'Morgan Delacroix-Vandenberg {order.name}'
        order.make(state)
        admin.find(operator, shop, order.name)
        references.append(operator.get_by_role('rowheader').get_by_role('link').first.inner_text())
    sandbox.book(sandbox.calendly_link, name='Nobody', email='nobody@example.com')
    one = [f'/admin/orders/{reference}' for reference in references]
    for path in ['/admin', '/admin/orders', *one, f'{one[0]}?do=refund&result=no-amount']:
        with subtests.test(path):
            admin.open_page(operator, shop, path)
            operator.locator('details:not([open]) > summary').evaluate_all(
                'all => all.forEach(each => each.click())'
            )
            axe.check(operator)
    for path in (f'{one[0]}/evidence', '/admin/orders/ABCD-2345'):
        with subtests.test(path):
            operator.goto(shop.url + path)
            axe.check(operator)
    with subtests.test('check'):
        sandbox.act('price', active=False)
        admin.open_page(operator, shop, '/admin/selling')
        operator.get_by_role('button', name='Check everything now').click()
        expect(operator.get_by_text('Wrong: the price')).to_be_visible()
        axe.check(operator)
