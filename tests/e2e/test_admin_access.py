"""The admin in a real browser: signing in, stopping the sale, and what another site can do to it: nothing."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.journey import AnotherBrowser, StartShop
from tests.processes import Server, wait_until

PASSWORD = 'correct horse battery staple'
EVIL = 'http://evil.example/'
TEXT = 'On holiday until Monday.'


@pytest.fixture
def shop(start_shop: StartShop) -> Server:
    """Start a shop with an admin."""
    return start_shop({'ADMIN_PASSWORD': PASSWORD})


def sign_in(page: Page, shop: Server, path: str = '/admin') -> None:
    """Open a page of the admin by way of the sign-in page."""
    page.goto(shop.url + path)
    expect(page).to_have_title('Sign in · Admin · C&P Exam Coaching')
    page.get_by_label('Password').fill(PASSWORD)
    page.get_by_role('button', name='Sign in').click()
    expect(page).to_have_url(shop.url + path)


def sells(page: Page, shop: Server) -> bool:
    """Whether the landing page has a button."""
    page.goto(shop.url)
    return page.get_by_role('button', name='Schedule').first.is_visible()


@pytest.mark.parametrize('script', [True, False], ids=['script', 'no script'])
def test_the_operator_stops_the_sale_and_signs_out_everywhere(
    another_browser: AnotherBrowser, shop: Server, script: bool
) -> None:
    """With script and without: customers read the text, and every browser must type the password again."""
    operator, phone, customer = (another_browser(java_script_enabled=script) for _ in range(3))
    sign_in(operator, shop, '/admin/selling')
    sign_in(phone, shop)
    assert sells(customer, shop)
    operator.get_by_label('Text for customers').fill(TEXT)
    operator.get_by_role('button', name='Stop selling').click()
    expect(operator.get_by_role('heading', name='Selling is stopped')).to_be_visible()
    wait_until(lambda: not sells(customer, shop), seconds=15, why='the landing page sells no more')
    expect(customer.get_by_text(TEXT).first).to_be_visible()
    operator.get_by_role('button', name='Sell again').click()
    expect(operator.get_by_role('button', name='Stop selling')).to_be_visible()
    wait_until(lambda: sells(customer, shop), seconds=15, why='the landing page sells again')
    phone.get_by_role('link', name='Sign-ins and journal').click()
    phone.get_by_role('button', name='Sign out everywhere').click()
    expect(phone.get_by_role('heading', name='Sign in')).to_be_visible()
    operator.reload()
    expect(operator.get_by_role('heading', name='Sign in')).to_be_visible()


def test_another_site_can_do_nothing(another_browser: AnotherBrowser, shop: Server) -> None:
    """In a browser that is signed in, another site's form, link and frame change and show nothing."""
    page = another_browser()
    sign_in(page, shop, '/admin/selling')
    assert page.evaluate('document.cookie') == '', 'a script can read the cookie'

    def answer(route: Route) -> None:
        route.fulfill(
            content_type='text/html',
            body=f'<form method=post action="{shop.url}/admin/selling/stop"><input name=text value=x>'
            f'<button>Win</button></form><a href="{shop.url}/admin/selling">Look</a>'
            f'<iframe src="{shop.url}/admin/selling"></iframe><iframe src="{shop.url}/admin/login"></iframe>',
        )

    page.route(f'{EVIL}**', answer)
    page.goto(EVIL)
    for frame in page.frames[1:]:
        assert frame.url == 'chrome-error://chromewebdata/', 'the admin can be framed'
    page.get_by_role('button', name='Win').click()
    expect(page.get_by_text('Nothing was changed.')).to_be_visible()
    page.goto(EVIL)
    page.get_by_role('link', name='Look').click()
    expect(page.get_by_role('heading', name='Sign in')).to_be_visible()
    page.goto(f'{shop.url}/admin/selling')
    expect(page.get_by_role('button', name='Stop selling')).to_be_visible()
