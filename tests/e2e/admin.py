"""Steps of the operator in the browser, which the tests combine."""

from playwright.sync_api import Locator, Page, expect

from tests.processes import Server

PASSWORD = 'correct horse battery staple'
SETTINGS = {'ADMIN_PASSWORD': PASSWORD}


def sign_in(page: Page, shop: Server) -> None:
    """Type the password; the first page is open then, and connected."""
    page.goto(f'{shop.url}/admin')
    page.get_by_label('Password').fill(PASSWORD)
    page.get_by_role('button', name='Sign in').click()
    connected(page)


def connected(page: Page) -> None:
    """Wait until the page is connected: a form that is filled in sooner would be emptied."""
    expect(page.locator('#app[data-v-app]')).to_be_attached()


def open_page(page: Page, shop: Server, path: str) -> None:
    """Open a page of the admin, and wait until it is connected."""
    page.goto(shop.url + path)
    connected(page)


def find(page: Page, shop: Server, text: str) -> Locator:
    """Search the orders; returns the links to those found."""
    open_page(page, shop, '/admin/orders')
    page.get_by_role('searchbox').fill(text)
    page.keyboard.press('Enter')
    page.wait_for_url('**/admin/orders?*')
    connected(page)
    return page.get_by_role('table').get_by_role('rowheader').get_by_role('link')


def open_form(page: Page, summary: str) -> Locator:
    """Open a form on the page of an order; returns what is around it."""
    part = page.locator('details').filter(has=page.locator('summary', has_text=summary))
    part.locator('summary').click()
    return part


def send(page: Page, part: Locator, button: str, result: str) -> None:
    """Send a form, and wait for the page that says what became of it."""
    part.get_by_role('button', name=button).click()
    expect(page.get_by_role('status').filter(has_text=result)).to_be_visible()
    connected(page)
