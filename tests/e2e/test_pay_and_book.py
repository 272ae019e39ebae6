"""A purchase without problems: pay, book a time, and return to the page."""

from datetime import datetime

from icalendar import Calendar
from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.e2e.journey import AnotherBrowser
from tests.factories import CREATE
from tests.processes import Server
from tests.sandbox_client import SandboxClient


def test_a_customer_pays_and_books(
    page: Page, another_browser: AnotherBrowser, shop_process: Server, sandbox: SandboxClient
) -> None:
    """From the button to a booked time, which every browser with the order's URL shows."""
    errors = journey.console_errors(page)
    button = journey.open_landing(page, shop_process)
    expect(button).to_have_text(journey.BUTTON)
    button.click()
    journey.at_stripe(page)
    journey.pay_by_card(page)
    order = journey.on_order_page(page)
    start = journey.book_first_time(page)
    _shows_the_meeting(page, start)

    page.reload()
    _shows_the_meeting(page, start)
    elsewhere = another_browser()
    elsewhere.goto(order)
    _shows_the_meeting(elsewhere, start)
    _offers_the_calendar_file(page, start)
    assert [invitee['email'] for invitee in sandbox.state()['invitees']] == [journey.EMAIL]
    assert errors == []


def test_the_button_shows_that_it_is_processing(
    page: Page, shop_process: Server, sandbox: SandboxClient
) -> None:
    """While Stripe is slow every button is disabled, and the pressed one says "Processing..."."""
    sandbox.fault(CREATE, 'delay', seconds=1.5)
    button = journey.open_landing(page, shop_process)
    button.click()

    expect(button).to_have_text('Processing...')
    expect(button).to_be_disabled()
    expect(page.locator('form').last.get_by_role('button')).to_be_disabled()
    journey.at_stripe(page)


def test_the_order_page_is_complete(page: Page, shop_process: Server, sandbox: SandboxClient) -> None:
    """A paid order shows what was paid; its calendar has name and e-mail, and a link to open it in a tab."""
    journey.buy(page, shop_process)

    expect(page.get_by_text('You paid $150 for your C&P coaching session')).to_be_visible()
    expect(page.get_by_text(journey.EMAIL).first).to_be_visible()
    frame = journey.calendar(page)
    frame.locator('.times').get_by_role('link').first.click()
    expect(frame.get_by_label('Name')).to_have_value(journey.NAME)
    expect(frame.get_by_label('Email')).to_have_value(journey.EMAIL)
    link = page.get_by_role('link', name='Open the calendar in a new tab')
    assert link.get_attribute('href') == page.get_by_title(journey.CALENDAR).get_attribute('src')


def test_the_session_id_is_not_in_the_history(
    page: Page, shop_process: Server, sandbox: SandboxClient
) -> None:
    """After the return neither the address bar nor the history of our pages contains the session id."""
    session_id = journey.session_at(journey.go_to_stripe(page, shop_process))
    journey.pay_by_card(page)
    journey.on_order_page(page)

    ours = [url for url in journey.history(page) if url.startswith(shop_process.url)]
    assert len(ours) == 2
    assert not [url for url in ours if session_id in url]


def _shows_the_meeting(page: Page, start: datetime) -> None:
    expect(page.get_by_role('heading', name='Your session')).to_be_visible()
    expect(page.get_by_text(journey.shown_day(start))).to_be_visible()
    expect(page.get_by_text(journey.shown_time(start))).to_be_visible()
    expect(page.get_by_title(journey.CALENDAR)).to_have_count(0)


def _offers_the_calendar_file(page: Page, start: datetime) -> None:
    with page.expect_download() as caught:
        page.get_by_role('link', name='Add to my calendar').click()
    file = Calendar.from_ical(caught.value.path().read_bytes())
    assert isinstance(file, Calendar)
    assert [event.start for event in file.events] == [start]
