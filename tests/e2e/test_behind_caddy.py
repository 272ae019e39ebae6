"""The shop behind the reverse proxy of compose.yaml, with https: a sale, a restart, what is not believed."""

import re
import sqlite3
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from pytest_playwright import CreateContextCallback

from tests import caddy
from tests.e2e import journey
from tests.e2e.admin import PASSWORD, SETTINGS
from tests.e2e.conftest import shop_server
from tests.processes import Server, free_port, wait_until
from tests.sandbox_client import SandboxClient

pytestmark = pytest.mark.skipif(caddy.find() is None, reason='Caddy is not installed')


@pytest.fixture(scope='module')
def started(
    running_sandbox: tuple[SandboxClient, int],
    servers: list[Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[caddy.Proxy, Server]]:
    """Start a shop, and Caddy in front of it, for the tests of this file."""
    port, https, folder = free_port(), free_port(), tmp_path_factory.mktemp('behind-caddy')
    own = {'DOMAIN': f'https://localhost:{https}', 'PORT': str(port), 'TRUSTED_PROXIES': '127.0.0.1'}
    shop = shop_server('behind-caddy', running_sandbox[0], port, folder, own | SETTINGS)
    servers.append(shop)
    shop.start()
    journey.wait_for_price(shop)
    with caddy.running(folder, [port], proxy_to='one-shop.caddy', port=https) as proxy:
        yield proxy, shop
    shop.kill()


@pytest.fixture
def behind(started: tuple[caddy.Proxy, Server], sandbox: SandboxClient) -> tuple[caddy.Proxy, Server]:
    """Return the proxy and the shop, which gets the webhooks of this test."""
    sandbox.send_webhooks_to(started[1].url)
    return started


@pytest.fixture
def secure_page(new_context: CreateContextCallback) -> Page:
    """Open a page in a browser that accepts the proxy's own certificate."""
    context: BrowserContext = new_context(ignore_https_errors=True)
    context.set_default_timeout(journey.STEP_TIMEOUT)
    return context.new_page()


def test_a_sale_through_https_with_a_restart_in_its_middle(
    secure_page: Page, behind: tuple[caddy.Proxy, Server]
) -> None:
    """The pages are connected by websocket; a restart makes no request fail, and the log holds no token."""
    proxy, shop = behind
    sockets: list[str] = []
    secure_page.on('websocket', lambda socket: sockets.append(socket.url))
    messages = journey.console_errors(secure_page)
    secure_page.goto(proxy.url)
    journey.connected_button(secure_page).click()
    journey.at_stripe(secure_page)
    journey.pay_by_card(secure_page)
    order = journey.on_order_page(secure_page)
    field = journey.type_a_name(secure_page)
    assert order.startswith(f'{proxy.url}/order/')
    assert sockets
    assert {socket.partition(':')[0] for socket in sockets} == {'wss'}
    assert messages == []

    shop.kill()
    shop.start()
    expect(secure_page.locator('#popup')).to_have_attribute('aria-hidden', 'true', timeout=30_000)
    expect(field).to_have_value(journey.TYPED)
    journey.calendar(secure_page).get_by_role('button', name='Schedule Event').click()
    expect(secure_page.get_by_role('link', name='Choose another time')).to_be_visible(timeout=30_000)
    token = order.rpartition('/')[2]
    assert token not in proxy.log()
    assert '"status":5' not in proxy.log()


def test_what_a_client_says_of_itself_is_not_believed(behind: tuple[caddy.Proxy, Server]) -> None:
    """Neither an IP address, nor a scheme, nor a prefix of URLs; a large body and /metrics are refused."""
    proxy, _ = behind
    forged = {
        'X-Forwarded-For': '203.0.113.9',
        'X-Forwarded-Proto': 'http',
        'X-Forwarded-Prefix': '/forged',
        'Forwarded': 'for=203.0.113.9',
        'X-Real-IP': '203.0.113.9',
    }
    with httpx.Client(base_url=proxy.url, verify=proxy.trust(), trust_env=False, timeout=20) as http:
        landing = http.get('/', headers=forged)
        assert landing.status_code == 200  # if "http" were believed, it would be a redirect
        assert '/forged' not in landing.text
        assert landing.headers['strict-transport-security']
        typed = http.post('/admin/login', data={'password': PASSWORD}, headers=forged | {'Origin': proxy.url})
        assert typed.status_code == 303
        with closing(sqlite3.connect(proxy.log_file.parent / 'shop.db')) as connection:
            assert connection.execute('SELECT client_ip FROM sign_ins').fetchall() == [('127.0.0.1',)]
        assert http.post('/webhooks/stripe', content=b'x' * 1_000_000).status_code == 413
        assert http.get('/metrics', headers=forged).status_code == 404


def test_a_shop_that_does_not_answer_has_words(tmp_path: Path) -> None:
    """After a while a page says that a payment is safe, and loads itself again; the log holds no address."""
    with (
        caddy.running(tmp_path, [free_port()], proxy_to='one-shop.caddy', wait='500ms') as proxy,
        httpx.Client(base_url=proxy.url, verify=proxy.trust(), trust_env=False, timeout=20) as http,
    ):
        answer = http.get('/order/a-secret-address')
        assert (answer.status_code, answer.headers['refresh']) == (503, '5')
        assert 'your payment is safe' in answer.text
        assert 'a-secret-address' not in proxy.log()


@pytest.mark.skipif(
    sys.platform != 'linux', reason='only Linux has all of 127.0.0.0/8 on its loopback interface'
)
def test_one_of_two_shops_is_killed(sandbox: SandboxClient, servers: list[Server], tmp_path: Path) -> None:
    """Customers of both shops read and buy meanwhile, one has just pressed the button: no request fails.

    The other shop gets the request of that one again, and continues the order: there is one session for each.
    """
    ports, https = [free_port(), free_port()], free_port()
    own = {'DOMAIN': f'https://localhost:{https}', 'DATABASE_URL': f'sqlite:///{tmp_path}/both.db'}
    shops = [
        shop_server(f'of-two-{port}', sandbox, port, tmp_path, own | {'PORT': str(port)}) for port in ports
    ]
    with ExitStack() as stack:
        for shop in shops:
            servers.append(shop)
            stack.callback(servers.remove, shop)
            stack.callback(shop.kill)
            shop.start()
        for shop in shops:
            journey.wait_for_price(shop)
        proxy = stack.enter_context(caddy.running(tmp_path, ports, proxy_to='two-shops.caddy', port=https))
        customers = [
            stack.enter_context(_from(proxy, number)) for number in range(16)
        ]  # fewer than start load shedding
        assert _statuses(customers, '/') == {200}
        built = [_pages_built(shop) for shop in shops]
        assert min(built) > 0  # each has some of the customers
        assert _statuses(customers, '/') == {200}
        assert [_pages_built(shop) for shop in shops] == [2 * count for count in built]  # who stay with it

        sandbox.fault('POST /v1/checkout/sessions', 'lose')  # opened, and the shop does not know it
        sandbox.fault('POST /v1/checkout/sessions', 'hang', seconds=30)  # the shop dies while it tries again
        buyer = next(customer for customer in customers if _is_at(shops[0], customer))
        with ThreadPoolExecutor() as pool:
            pressed = pool.submit(buyer.post, '/checkout', data={'shown': ''})
            wait_until(lambda: _tries(sandbox) == 2, seconds=20, why='the shop tries again')
            shops[0].kill()
            answers = [pressed.result()]
        assert _statuses(customers, '/') == {200}
        others = [customer for customer in customers if customer is not buyer]
        answers += [customer.post('/checkout', data={'shown': ''}) for customer in others]
        assert {answer.status_code for answer in answers} == {303}
        assert all('/stripe/pay/' in answer.headers['location'] for answer in answers)
        assert len(sandbox.state()['sessions']) == len(customers)


def _from(proxy: caddy.Proxy, number: int) -> httpx.Client:
    """Return a customer with an IP address of its own, in a network of its own."""
    transport = httpx.HTTPTransport(verify=proxy.trust(), local_address=f'127.{20 + number}.0.1')
    return httpx.Client(base_url=proxy.url, transport=transport, timeout=30)


def _statuses(customers: list[httpx.Client], path: str) -> set[int]:
    return {customer.get(path).status_code for customer in customers}


def _is_at(shop: Server, customer: httpx.Client) -> bool:
    """Whether a customer's pages come from a process."""
    before = _pages_built(shop)
    customer.get('/')
    return _pages_built(shop) > before


def _tries(sandbox: SandboxClient) -> int:
    """Return how often a session was wanted so far."""
    return len(sandbox.requests('POST /v1/checkout/sessions'))


def _pages_built(shop: Server) -> int:
    """Return how many pages a process has built."""
    text = httpx.get(f'{shop.url}/metrics', trust_env=False).text
    found = re.findall(r'^paidslot_page\w*_count(?:\{[^}]*\})? ([\d.]+)', text, re.MULTILINE)
    return int(sum(map(float, found)))
