"""Check every page with axe-core against WCAG 2.2 AA, in the light and the dark scheme."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e import axe, journey
from tests.e2e.orders import STATES, OrderMaker
from tests.processes import Server
from tests.sandbox_client import SandboxClient

WITH_CALENDAR = ('paid', 'canceled', 'canceled by the host', 'partly refunded', 'disputed')
NOTICES = {
    '/': '',
    '/?alert=payment_unreachable&error=0123abcd': 'Error 0123abcd',
    '/?alert=payments_unavailable&error=0123abcd': 'Payments are not available right now.',
    '/?alert=already_paid&again=1': 'payment',
}
DOCUMENTS = {
    '/terms': 'Terms',
    '/privacy': 'Privacy',
    '/refunds': 'Refunds',
    '/find': 'Find your order',
    '/find?sent=1': 'Look into your mailbox',
    '/nowhere': 'This page does not exist',
    '/order/nobodys': 'This page does not exist',
    '/success': 'That did not work',
    f'/success?session_id=cs_test_{"axe" * 20}': 'Checking your payment…',
}


@pytest.fixture
def phone(another_browser: journey.AnotherBrowser) -> Page:
    """Return a page on a phone."""
    return another_browser(viewport=axe.PHONE)


def test_the_landing_page(phone: Page, shop_process: Server, subtests: pytest.Subtests) -> None:
    """The landing page is accessible, also with each alert that its URL may ask for."""
    for path, text in NOTICES.items():
        with subtests.test(path):
            phone.goto(shop_process.url + path)
            journey.connected_button(phone)
            expect(journey.alert(phone)).to_contain_text(text)
            axe.check(phone)


def test_the_landing_page_when_nothing_is_free(
    phone: Page, start_shop: journey.StartShop, sandbox: SandboxClient, tmp_path: Path
) -> None:
    """The words beside the button are accessible, with the button disabled."""
    sandbox.act('free-times', count=0)
    shop = start_shop({'SITE_FILE': journey.site_that_needs_free_times(tmp_path)})
    journey.wait_for_calendar(shop)
    phone.goto(shop.url)
    expect(journey.pay_button(phone)).to_have_attribute('type', 'button')
    expect(journey.pay_button(phone)).to_be_disabled()
    axe.check(phone)


def test_a_notice_on_the_landing_page(phone: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """The notices after returning without paying and after paying are accessible."""
    opened = phone.request.post(f'{shop_process.url}/checkout', max_redirects=0)
    phone.goto(f'{shop_process.url}/?back=1')
    expect(phone.get_by_role('status')).to_contain_text('No charge was made')
    axe.check(phone)
    sandbox.pay(opened.headers['location'])
    phone.goto(shop_process.url)
    expect(phone.get_by_role('status')).to_contain_text('A payment was just made here')
    axe.check(phone)


def test_the_page_of_an_order(
    phone: Page, shop_process: Server, sandbox: SandboxClient, subtests: pytest.Subtests
) -> None:
    """The order page is accessible in each state; the content of the calendar's frame is Calendly's."""
    for state in STATES:
        with subtests.test(state):
            sandbox.reset()
            phone.goto(OrderMaker(shop_process, sandbox).make(state))
            expect(phone.locator('#app[data-v-app]')).to_be_attached()
            expect(phone.get_by_title(journey.CALENDAR)).to_have_count(int(state in WITH_CALENDAR))
            axe.check(phone)


def test_documents(phone: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """The legal pages, the error pages and the page that waits for Stripe are accessible."""
    sandbox.fault('GET /v1/checkout/sessions/*', 'reset', times=None)
    for path, heading in DOCUMENTS.items():
        phone.goto(shop_process.url + path)
        expect(phone.get_by_role('heading', level=1)).to_have_text(heading)
        axe.check(phone)


def test_a_wrong_address(phone: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """The forms for an e-mail address are accessible: open, after a mistake, and when it is done."""
    phone.goto(f'{shop_process.url}/find')
    phone.get_by_label('E-mail address').fill('pat@example')
    phone.get_by_role('button', name='Send me the link').click()
    expect(phone.get_by_role('alert')).to_contain_text('not a complete e-mail address')
    axe.check(phone)

    phone.goto(OrderMaker(shop_process, sandbox).make('paid'))
    expect(phone.locator('#app[data-v-app]')).to_be_attached()
    phone.get_by_text('Wrong e-mail address?').click()
    field, button = phone.get_by_label('The right e-mail address'), 'Correct the address'
    alert, status = phone.get_by_role('alert'), phone.get_by_role('status')
    for email, where, words in (
        ('pat@example', alert, 'not a complete e-mail address'),
        ('right@example.com', status, 'we write to right@example.com'),
    ):
        field.fill(email)
        phone.get_by_role('button', name=button).click()
        expect(where.filter(has_text=words)).to_be_visible()
        axe.check(phone)


def test_without_a_mail_server(phone: Page, start_shop: journey.StartShop) -> None:
    """The page that names the contact in place of a form is accessible."""
    shop = start_shop({'SMTP_URL': ''})
    phone.goto(f'{shop.url}/find')
    expect(phone.get_by_text('ask us, and we send you the link')).to_be_visible()
    axe.check(phone)


def test_the_error_page_and_a_lost_connection(
    phone: Page, start_shop: journey.StartShop, tmp_path: Path
) -> None:
    """The page after an internal error and the alert about a lost connection are accessible."""
    ledger = tmp_path / 'deleted.db'
    shop = start_shop({'DATABASE_URL': f'sqlite:///{ledger}'})
    broken = phone.context.new_page()
    journey.open_landing(phone, shop)
    ledger.unlink()
    broken.goto(f'{shop.url}/order/anything')
    expect(broken.get_by_role('heading', level=1)).to_have_text('Something went wrong on our side')
    axe.check(broken)
    shop.kill()

    expect(phone.get_by_role('alert').filter(has_text='tries to connect')).to_be_visible()
    axe.check(phone)


def test_without_script(
    phone: Page, shop_process: Server, sandbox: SandboxClient, subtests: pytest.Subtests
) -> None:
    """The server-rendered pages are accessible as a browser without script shows them."""
    phone.route(re.compile('/(order/.*)?$'), _without_scripts)
    for state in ('', 'open', 'paid', 'paid, without calendar'):
        with subtests.test(state):
            phone.goto(OrderMaker(shop_process, sandbox).make(state) if state else shop_process.url)
            expect(phone.locator('#app[data-rendered]')).to_be_attached()
            expect(phone.get_by_title(journey.CALENDAR)).to_have_count(int(state in WITH_CALENDAR))
            axe.check(phone)


def test_the_cached_landing_page(another_browser: journey.AnotherBrowser, shop_process: Server) -> None:
    """The landing page that crawlers get from the cache is accessible."""
    page = another_browser(viewport=axe.PHONE, user_agent='Googlebot')
    page.goto(shop_process.url)
    expect(page.locator('script[type=module]')).to_have_count(0)

    axe.check(page)


def _without_scripts(route: Route) -> None:
    """Answer with the page as a browser without script reads it; the browser here needs scripts for axe."""
    answer = route.fetch()
    head, body = re.sub('<script.*?</script>', '', answer.text(), flags=re.DOTALL).split('<body>')
    route.fulfill(response=answer, body=f'{head}<body>{re.sub("</?noscript>", "", body)}')
