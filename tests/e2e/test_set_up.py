"""From an empty database to a paid and booked order: the set-up in the browser, killed in the middle."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e import axe, journey
from tests.postgres import Cluster
from tests.processes import ROOT, START_TIMEOUT, Server, free_port, wait_until
from tests.sandbox_client import SandboxClient

PASSWORD = 'correct horse battery staple'
LINK = re.compile(r'http://\S+/setup\?code=\S+')


StartEmpty = Callable[[str, str], Server]


@pytest.fixture
def start_empty(sandbox: SandboxClient, servers: list[Server], tmp_path: Path) -> Iterator[StartEmpty]:
    """Return what runs `main.py` without keys; it knows where the sandbox is, and nothing else."""
    sandbox.act('webhooks', stripe=None, calendly=None)
    started: list[Server] = []

    def start(name: str, database_url: str) -> Server:
        port = free_port()
        environment = {
            'HOST': '127.0.0.1', 'PORT': str(port), 'DATABASE_URL': database_url,
            'STRIPE_API_BASE': sandbox.settings['STRIPE_API_BASE'],
            'CALENDLY_API_BASE': sandbox.settings['CALENDLY_API_BASE'],
        }  # fmt: skip
        server = Server(
            name,
            [str(ROOT / 'main.py')],
            port=port,
            health='/healthz',
            folder=tmp_path,
            environment=environment,
        )
        servers.append(server)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()
        servers.remove(server)


@pytest.fixture
def empty_shop(start_empty: StartEmpty, tmp_path: Path) -> Server:
    """Run `main.py` without keys on a SQLite file."""
    return start_empty('empty', f'sqlite:///{tmp_path}/shop.db')


def open_set_up(page: Page, shop: Server) -> None:
    """Open the newest link of the log."""
    page.goto(LINK.findall(shop.log())[-1])
    page.wait_for_url('**/setup')


def press(page: Page, label: str, heading: str) -> None:
    """Press a button; the page with this heading follows."""
    page.get_by_role('button', name=label, exact=True).click()
    expect(page.get_by_role('heading', level=1)).to_have_text(heading)


def test_from_an_empty_database_to_a_booked_order(
    page: Page, empty_shop: Server, sandbox: SandboxClient
) -> None:
    """Keys and token are typed, the rest is made; a kill loses no answer; the shop then sells."""
    assert httpx.get(f'{empty_shop.url}/readyz', trust_env=False).status_code == 503
    page.goto(empty_shop.url)
    expect(page.get_by_role('heading', level=1)).to_have_text('This shop is not set up yet')
    open_set_up(page, empty_shop)
    axe.check(page)
    page.get_by_label('Secret key').fill('sk_test_wrong')
    press(page, 'Try the keys', 'Stripe keys')
    expect(page.get_by_role('alert')).to_contain_text('Stripe does not know this key')
    page.get_by_label('Secret key').fill(sandbox.settings['STRIPE_SECRET_KEY'])
    page.get_by_label('Publishable key').fill(sandbox.settings['STRIPE_PUBLISHABLE_KEY'])
    press(page, 'Try the keys', 'Price')
    axe.check(page)
    page.get_by_label('Amount').fill('120')
    press(page, 'Make this price', 'Calendly token')
    page.get_by_label('Personal access token').fill(sandbox.settings['CALENDLY_TOKEN'])
    press(page, 'Try the token', 'Event type')

    old_link = LINK.findall(empty_shop.log())[-1]
    empty_shop.kill()
    empty_shop.start()
    page.goto(old_link)
    expect(page.get_by_text('This link is not valid any more')).to_be_visible()
    open_set_up(page, empty_shop)
    expect(page.get_by_role('heading', level=1)).to_have_text('Event type')
    press(page, 'Make one of 60 minutes', 'Public address')
    expect(page.get_by_label('Address of the shop')).to_have_value(empty_shop.url)
    press(page, 'Use this address', 'Messages from Stripe')
    press(page, 'Make the endpoint at Stripe', 'Messages from Calendly')
    press(page, 'Make the subscription at Calendly', 'Your password')
    page.get_by_label('Password').fill(PASSWORD)
    press(page, 'Use this password', 'Check and start')
    axe.check(page)
    assert not {PASSWORD, sandbox.settings['STRIPE_SECRET_KEY']} & set(page.content().split())
    press(page, 'Write the settings and start the shop', 'Your shop starts')

    with httpx.Client(base_url=empty_shop.url, trust_env=False) as browser:
        wait_until(partial(_is_ready, browser), seconds=START_TIMEOUT, why='it has not become the shop')
    page.get_by_role('link', name='Open the admin').click()
    expect(page.get_by_role('heading', level=1)).to_have_text('Sign in')
    page.get_by_role('link', name='make your first test sale').click()
    button = journey.connected_button(page)
    expect(button).to_contain_text('$120')
    button.click()
    journey.at_stripe(page)
    journey.pay_by_card(page)
    journey.on_order_page(page)
    journey.book_first_time(page)
    expect(page.get_by_text(journey.BOOKED)).to_be_visible()
    deliveries = [each for each in sandbox.state()['deliveries'] if each['url'].startswith(empty_shop.url)]
    assert {each['vendor'] for each in deliveries} == {'stripe', 'calendly'}
    wait_until(
        lambda: all(each['state'] == 'delivered' for each in sandbox.state()['deliveries']),
        seconds=10,
        why='a delivery was refused',
    )
    assert httpx.get(f'{empty_shop.url}/setup', trust_env=False).status_code == 404


def test_two_processes_on_one_database_become_one_shop(
    start_empty: StartEmpty, sandbox: SandboxClient, postgres_server: Cluster
) -> None:
    """One sets up, the other says so; nothing is made twice, and both are the shop afterwards."""
    keys = {
        'stripe_secret_key': sandbox.settings['STRIPE_SECRET_KEY'],
        'stripe_publishable_key': sandbox.settings['STRIPE_PUBLISHABLE_KEY'],
    }
    with postgres_server.database() as url:
        shops = [start_empty(f'set-up-{number}', url) for number in (1, 2)]
        first, second = (
            httpx.Client(base_url=shop.url, headers={'Origin': shop.url}, trust_env=False) for shop in shops
        )
        with first, second:
            for browser, shop in ((first, shops[0]), (second, shops[1])):
                assert browser.get(LINK.findall(shop.log())[-1]).status_code == 200
            steps = {
                'keys': keys,
                'price': {'price': sandbox.settings['STRIPE_PRICE_ID']},
                'calendar': {'calendly_token': sandbox.settings['CALENDLY_TOKEN']},
                'event-type': {'link': sandbox.calendly_link},
                'address': {'domain': shops[0].url},
                'payments-webhook': {},
                'bookings-webhook': {},
                'password': {'password': PASSWORD},
                'write': {},
            }
            for step, form in steps.items():
                answer = first.post(f'/setup/{step}', data=form)
                if step != 'write':
                    assert answer.status_code == 303
                    assert second.post(f'/setup/{step}', data=form).status_code == 409
            assert 'Your shop starts' in answer.text
            for browser in (first, second):
                wait_until(
                    partial(_is_ready, browser),
                    seconds=START_TIMEOUT,
                    why='it has not become the shop',
                )
        state = sandbox.state()
        assert (len(state['webhook_endpoints']), len(state['subscriptions'])) == (1, 1)


def _is_ready(browser: httpx.Client) -> bool:
    """Whether the shop answers where the set-up was; between the two nobody listens."""
    try:
        return browser.get('/readyz').status_code == 200 and browser.get('/setup').status_code == 404
    except httpx.TransportError:
        return False
