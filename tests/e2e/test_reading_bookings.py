"""A shop that Calendly delivers nothing to: it has no signing key, and reads bookings."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import journey
from tests.e2e.journey import StartShop
from tests.postgres import Cluster
from tests.processes import Server
from tests.sandbox_client import SandboxClient

WITHOUT_KEY = {'CALENDLY_WEBHOOK_SIGNING_KEY': ''}
READ = 30_000  # milliseconds until the page must have turned


@pytest.fixture(params=['sqlite', 'postgresql'])
def shop(request: pytest.FixtureRequest, start_shop: StartShop) -> Iterator[Server]:
    """Start a shop without a signing key, on each database."""
    if request.param == 'sqlite':
        yield start_shop(WITHOUT_KEY)
        return
    server: Cluster = request.getfixturevalue('postgres_server')
    with server.database() as url:
        shop = start_shop({**WITHOUT_KEY, 'DATABASE_URL': url})
        yield shop
        shop.stop()


def test_the_page_turns_without_a_delivery(page: Page, shop: Server, sandbox: SandboxClient) -> None:
    """Booked in the frame, the page says so by itself; it is loaded once."""
    journey.wait_for_price(shop)
    journey.buy(page, shop)
    loads = journey.loads(page)
    start = journey.book_first_time(page)
    expect(page.get_by_role('heading', level=1)).to_have_text('✓ You are booked', timeout=READ)
    expect(page.get_by_text(journey.shown_day(start))).to_be_visible()
    expect(page.get_by_title(journey.CALENDAR)).to_have_count(0)
    assert loads == []
    (invitee,) = sandbox.state()['invitees']
    assert invitee['email'] == journey.EMAIL
    deliveries = [each for each in sandbox.state()['deliveries'] if each['vendor'] == 'calendly']
    assert not any(200 in each['statuses'] for each in deliveries)
