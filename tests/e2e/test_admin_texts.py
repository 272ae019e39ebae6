"""The operator edits the texts in the browser: without script, by keyboard, on a phone."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import admin, axe, journey
from tests.processes import Server

HEADLINE = 'Calm & ready <for> your exam'
OTHERS = ('offer', 'start-page', 'order', 'terms', 'privacy', 'refunds')


@pytest.fixture
def shop(start_shop: journey.StartShop) -> Server:
    """Start a shop with an admin."""
    shop = start_shop(admin.SETTINGS)
    journey.wait_for_price(shop)
    return shop


def test_texts_are_edited_previewed_published_and_taken_back(
    page: Page, shop: Server, another_browser: journey.AnotherBrowser, subtests: pytest.Subtests
) -> None:
    """Typing, Enter, Preview, Publish: customers read it; "Use again" takes it back. Axe finds nothing."""
    customer = another_browser(viewport=axe.PHONE)
    admin.sign_in(page, shop)
    errors = journey.console_errors(page)
    before = edit_headline(page)
    add_question(page, shop)
    edit_colour(page, shop)

    look_at_preview(page)
    customer.goto(shop.url)
    expect(customer.get_by_role('heading', level=1)).to_have_text(before)

    publish(page)
    customer.goto(shop.url)
    expect(customer.get_by_role('heading', level=1)).to_have_text(HEADLINE)
    journey.connected_button(customer)

    take_back(page)
    customer.goto(shop.url)
    expect(customer.get_by_role('heading', level=1)).to_have_text(before)
    for section in OTHERS:
        with subtests.test(section):
            page.goto(f'{shop.url}/admin/texts/{section}')
            axe.check(page)
    assert [error for error in errors if '422' not in error] == []  # the form that was refused


def edit_headline(page: Page) -> str:
    """Type another headline and press Enter; returns the one before."""
    page.get_by_role('link', name='Texts').click()
    page.get_by_role('link', name='Start page').click()
    headline = page.get_by_label('Headline', exact=True)
    before = headline.input_value()
    headline.fill(HEADLINE)
    page.keyboard.press('Enter')
    expect(page.get_by_text('Saved in the draft.')).to_be_visible()
    return before


def add_question(page: Page, shop: Server) -> None:
    """Change a list by keyboard; a wrong value is said beside its field."""
    page.goto(f'{shop.url}/admin/texts/questions')
    page.get_by_role('button', name='Add a question').press('Enter')
    added = page.get_by_role('group', name='Question 8')
    expect(added).to_be_in_viewport()
    added.get_by_label('Question', exact=True).fill('Is it far?')
    page.keyboard.press('Enter')
    expect(added.get_by_label('Answer')).to_have_attribute('aria-invalid', 'true')
    expect(added.get_by_label('Question', exact=True)).to_have_value('Is it far?')
    expect(added.get_by_text('Answer must not be empty.')).to_be_visible()
    axe.check(page)
    added.get_by_label('Answer').fill('No.')
    page.get_by_role('button', name='Move question 8 up').press('Enter')
    page.get_by_role('button', name='Save in the draft').last.press('Enter')
    moved = page.get_by_role('group', name='Question 7')
    expect(moved.get_by_label('Question', exact=True)).to_have_value('Is it far?')


def edit_colour(page: Page, shop: Server) -> None:
    """Type another colour; the page says how well it can be read."""
    page.goto(f'{shop.url}/admin/texts/colour')
    page.get_by_label('Accent', exact=True).fill('#7a1fa2')
    page.get_by_role('button', name='Save in the draft').last.click()
    expect(page.get_by_text('Contrast with the background')).to_be_visible()
    axe.check(page)


def look_at_preview(page: Page) -> None:
    """Read the draft as customers will; its pay button leads nowhere."""
    page.get_by_role('link', name='Preview').click()
    expect(page.get_by_role('heading', level=1)).to_have_text(HEADLINE)
    expect(page.get_by_text('Is it far?')).to_be_visible()
    axe.check(page)
    journey.pay_button(page).click()
    expect(page.get_by_text('Preview of the draft')).to_be_visible()
    page.get_by_role('navigation', name='Preview').get_by_role('link', name='Terms').click()
    axe.check(page)


def publish(page: Page) -> None:
    """Go back from the preview and publish the draft."""
    page.get_by_role('link', name='Back to the texts').click()
    axe.check(page)
    page.get_by_role('button', name='Publish').press('Enter')
    expect(page.get_by_text('Published.')).to_be_visible()


def take_back(page: Page) -> None:
    """Publish the texts of the file again."""
    page.locator('summary').first.click()
    axe.check(page)
    page.get_by_role('button', name='Use again: The file site.toml').press('Enter')
    expect(page.get_by_text('Published again.')).to_be_visible()
