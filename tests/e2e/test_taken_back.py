"""A full refund: the calendar link is dead in every tab, and the booked meeting is canceled at Calendly."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.e2e.conftest import SharedShop
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient


def only_meeting(sandbox: SandboxClient) -> dict[str, Any]:
    """Return the one meeting at Calendly."""
    (meeting,) = sandbox.state()['invitees']
    return dict(meeting)


def refund(sandbox: SandboxClient) -> None:
    """Refund the one payment in Stripe's dashboard."""
    (session,) = sandbox.state()['sessions']
    sandbox.act('refund', session=session['id'])


def test_after_a_refund_the_link_is_dead_in_the_other_tab(
    page: Page, shop_with_key: SharedShop, sandbox: SandboxClient
) -> None:
    """The page takes its calendar away, and the times that another tab still shows cannot be booked."""
    journey.buy(page, shop_with_key.server, **journey.another_customer())
    link = page.get_by_title(journey.CALENDAR).get_attribute('src') or ''
    other_tab = page.context.new_page()
    other_tab.goto(link)
    first_time = other_tab.locator('.times').get_by_role('link').first
    expect(first_time).to_be_visible()

    refund(sandbox)
    expect(page.get_by_title(journey.CALENDAR)).to_have_count(0)
    wait_until(lambda: not sandbox.state()['shares'], seconds=15, why='the link is deleted')
    first_time.click()
    expect(other_tab.get_by_text('This Calendly URL is not valid.')).to_be_visible()
    assert sandbox.state()['invitees'] == []


def test_after_a_refund_the_meeting_is_canceled(
    page: Page, shop_with_key: SharedShop, sandbox: SandboxClient
) -> None:
    """Calendly tells both sides why; it is requested once, and the page agrees."""
    who = journey.another_customer()
    journey.buy(page, shop_with_key.server, **who)
    start = journey.book_first_time(page, **who)
    journey.shows_meeting(page, start)

    refund(sandbox)
    wait_until(lambda: only_meeting(sandbox)['status'] == 'canceled', seconds=15, why='it is canceled')
    assert only_meeting(sandbox)['cancellation']['reason'] == 'The payment for this session was returned.'
    assert len(sandbox.requests('/cancellation')) == 1
    expect(page.get_by_role('heading', name='Your session')).to_have_count(0)
    expect(page.get_by_title(journey.CALENDAR)).to_have_count(0)


def test_a_part_refund_takes_nothing_back(
    page: Page, shop_with_key: SharedShop, sandbox: SandboxClient
) -> None:
    """A part refund changes nothing at Calendly: the customer still books, once."""
    who = journey.another_customer()
    journey.buy(page, shop_with_key.server, **who)
    (session,) = sandbox.state()['sessions']
    sandbox.act('refund', session=session['id'], amount=5000)
    expect(page.get_by_text('$50', exact=False).first).to_be_visible()
    start = journey.book_first_time(page, **who)
    journey.shows_meeting(page, start)
    assert only_meeting(sandbox)['status'] == 'active'
    assert sandbox.requests('DELETE /shares') == []
