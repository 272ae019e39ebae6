"""A customer gets to a slot although a link expires, Calendly is down, or it delivers nothing."""

import re
from datetime import UTC, datetime, timedelta

import httpx
from playwright.sync_api import Page, expect
from sqlalchemy import update

from services.database.engine import engine_for
from services.database.schema import orders
from tests.e2e import journey
from tests.e2e.conftest import SharedShop
from tests.e2e.orders import OrderMaker
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient

READ = 30_000  # milliseconds until a booking that was read must be shown
FETCHING = 'Your payment is safe. We are fetching the calendar; this page keeps trying.'
LINK = 'Open the calendar in a new tab'
EVERYTHING = '* /calendly/*'


def link_of(page: Page) -> str:
    """Return the address of the calendar that the page shows."""
    return page.get_by_title(journey.CALENDAR).get_attribute('src') or ''


def paid_order(shop: SharedShop, sandbox: SandboxClient, page: Page) -> dict[str, str]:
    """Open the page of a paid order, with its calendar; returns its customer."""
    order = OrderMaker(shop.server, sandbox)
    page.goto(order.make('paid'))
    expect(journey.calendar(page).locator('.times').get_by_role('link').first).to_be_visible()
    return {'name': order.name, 'email': order.email}


def let_a_day_pass_since_links_were_made(shop: SharedShop) -> None:
    """Change the ledger: the status of a link that is new is not read."""
    engine = engine_for(shop.database_url, connections=1)
    with engine.begin() as connection:
        connection.execute(update(orders).values(calendar_url_at=datetime.now(UTC) - timedelta(days=1)))
    engine.dispose()


def test_an_expired_link_is_replaced(
    page: Page, shop_without_key: SharedShop, sandbox: SandboxClient
) -> None:
    """Who comes back gets a new link that can be booked, and so does a page that was left open."""
    who = paid_order(shop_without_key, sandbox, page)
    old = link_of(page)
    sandbox.act('expire-link', url=old)
    let_a_day_pass_since_links_were_made(shop_without_key)
    tab = page.context.new_page()
    tab.goto(old)
    expect(tab.get_by_text('This link is no longer valid')).to_be_visible()

    tab.goto(page.url)
    expect(journey.calendar(tab).locator('.times').get_by_role('link').first).to_be_visible()
    new = link_of(tab)
    assert new != old
    expect(page.get_by_title(journey.CALENDAR)).to_have_attribute('src', new)
    assert len(sandbox.state()['shares']) == 2
    start = journey.book_first_time(tab, **who)
    for each in (tab, page):
        journey.shows_meeting(each, start, within=READ)


def test_calendly_is_down_while_somebody_pays(
    page: Page, shop_without_key: SharedShop, sandbox: SandboxClient
) -> None:
    """The page says that the payment is safe, with a link; the calendar appears by itself and is booked."""
    who = journey.another_customer()
    journey.go_to_stripe(page, shop_without_key.server)
    sandbox.fault(EVERYTHING, 'fail', status=503, times=None)
    journey.pay_by_card(page, **who)
    journey.on_order_page(page)
    expect(page.get_by_text(FETCHING)).to_be_visible()
    public = re.compile(re.escape(sandbox.calendly_link))
    expect(page.get_by_role('link', name=LINK)).to_have_attribute('href', public)
    expect(page.get_by_title(journey.CALENDAR)).to_have_count(0)
    loads = journey.loads(page)

    sandbox.clear_faults()
    expect(journey.calendar(page).locator('.times').get_by_role('link').first).to_be_visible()
    expect(page.get_by_text(FETCHING)).to_have_count(0)
    assert '/d/' in link_of(page)
    start = journey.book_first_time(page, **who)
    journey.shows_meeting(page, start, within=READ)
    assert loads == []


def test_an_event_type_of_a_team_is_booked(
    page: Page, shop_without_key: SharedShop, sandbox: SandboxClient
) -> None:
    """Only the organization lists it, and it has no shares: the order gets a link of the other kind."""
    sandbox.act('calendar', pooling_type='round_robin', team=True)
    who = paid_order(shop_without_key, sandbox, page)
    assert '/d/' in link_of(page)
    assert [request['status'] for request in sandbox.requests('POST /scheduling_links')][-1] == 201
    assert sandbox.state()['shares'] == []
    start = journey.book_first_time(page, **who)
    journey.shows_meeting(page, start, within=READ)


def test_a_subscription_is_disabled_while_somebody_books(
    page: Page, shop_with_key: SharedShop, sandbox: SandboxClient
) -> None:
    """The booking is read instead, the page changes by itself, and the operator is told why."""
    who = paid_order(shop_with_key, sandbox, page)
    assert 'is disabled' not in _said_of_bookings(shop_with_key)
    sandbox.act('subscriptions', disabled=True)
    start = journey.book_first_time(page, **who)
    journey.shows_meeting(page, start, within=READ)

    words = f'the webhook subscription for {shop_with_key.server.url}/webhooks/calendly is disabled'
    wait_until(lambda: words in _said_of_bookings(shop_with_key), seconds=15, why='it is said in /readyz')
    assert words in shop_with_key.server.log()
    deliveries = [each for each in sandbox.state()['deliveries'] if each['vendor'] == 'calendly']
    assert deliveries == []


def _said_of_bookings(shop: SharedShop) -> str:
    """Return what /readyz says of bookings."""
    answer = httpx.get(f'{shop.server.url}/readyz', trust_env=False)
    return str(answer.json()['parts']['bookings'])
