"""Booked, moved and canceled while the page of the order is open: by deliveries, and by reading alone."""

from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.e2e.conftest import SharedShops
from tests.processes import Server, wait_until
from tests.sandbox_client import SandboxClient

KNOWN = 30_000  # milliseconds until the page must have changed


@pytest.fixture(params=['delivered', 'read'])
def delivers(request: pytest.FixtureRequest) -> bool:
    """Say whether Calendly delivers bookings to the shop; otherwise it has no signing key, and reads them."""
    return bool(request.param == 'delivered')


@pytest.fixture
def shop(shared_shops: SharedShops, sandbox: SandboxClient, delivers: bool) -> Server:
    """Return a shop on each database."""
    return shared_shops.get(sandbox, delivers=delivers).server


def move(page: Page) -> datetime:
    """Choose another time on the page of Calendly that the order links to; returns the new start."""
    with page.expect_popup() as opened:
        page.get_by_role('link', name='Choose another time').click()
    tab = opened.value
    other = tab.locator('.times').get_by_role('link').nth(3)
    start = datetime.fromisoformat(other.locator('time').get_attribute('datetime') or '')
    other.click()
    tab.get_by_role('button', name='Update Event').click()
    expect(tab.get_by_role('heading', name='You are scheduled')).to_be_visible()
    tab.close()
    return start


def cancel(page: Page) -> None:
    """Cancel on the page of Calendly that the order links to."""
    with page.expect_popup() as opened:
        page.get_by_role('link', name='Cancel the session').click()
    tab = opened.value
    tab.get_by_role('button', name='Cancel event').click()
    expect(tab.get_by_text('Cancellation confirmed')).to_be_visible()
    tab.close()


def test_the_page_shows_each_change_by_itself(
    page: Page, shop: Server, sandbox: SandboxClient, delivers: bool
) -> None:
    """Booked, then moved: the new time. Canceled: a calendar with a new link. The page is loaded once."""
    who = journey.another_customer()
    journey.buy(page, shop, **who)
    loads = journey.loads(page)
    first_link = page.get_by_title(journey.CALENDAR).get_attribute('src')
    start = journey.book_first_time(page, **who)
    journey.shows_meeting(page, start, within=KNOWN)

    new_start = move(page)
    assert new_start != start
    journey.shows_meeting(page, new_start, '✓ Your session was moved', within=KNOWN)

    cancel(page)
    expect(page.get_by_role('heading', level=1)).to_have_text('Your session was canceled', timeout=KNOWN)
    expect(journey.calendar(page).locator('.times').get_by_role('link').first).to_be_visible()
    assert page.get_by_title(journey.CALENDAR).get_attribute('src') != first_link
    assert loads == []
    assert {invitee['email'] for invitee in sandbox.state()['invitees']} == {who['email']}
    wait_until(lambda: all(_statuses(sandbox)), seconds=15, why='each delivery is answered')
    answered = [200 in statuses for statuses in _statuses(sandbox)]
    assert answered == [delivers] * 4  # booked, moved (two of them), canceled


def _statuses(sandbox: SandboxClient) -> list[list[Any]]:
    """Return the answers to each delivery of Calendly."""
    return [each['statuses'] for each in sandbox.state()['deliveries'] if each['vendor'] == 'calendly']
