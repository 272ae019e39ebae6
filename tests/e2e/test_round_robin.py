"""Two processes on one database, behind a proxy that gives each connection to the other one."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.e2e import journey
from tests.e2e.conftest import shop_server
from tests.e2e.proxy import run_proxy
from tests.processes import Launcher, Server, free_port, wait_until
from tests.sandbox_client import SandboxClient

PROXY, FIRST, SECOND = 0, 1, 2
SOCKET_TIMEOUT = 21_000  # milliseconds: socket.io gives up after 20 s


@pytest.fixture
def processes(
    sandbox: SandboxClient, servers: list[Server], launcher: Launcher | None, tmp_path: Path
) -> Iterator[list[Server]]:
    """Start two processes; the third is the proxy, as a server that is reached but not started here."""
    proxy, *ports = (free_port() for _ in range(3))
    started: list[Server] = []
    shared = {'DOMAIN': f'http://127.0.0.1:{proxy}', 'DATABASE_URL': f'sqlite:///{tmp_path}/shop.db'}
    with ExitStack() as stack:
        for port in ports:
            settings = {**shared, 'PORT': str(port)}
            shop = shop_server(f'shop-{port}', sandbox, port, tmp_path, settings, launcher=launcher)
            servers.append(shop)
            stack.callback(shop.kill)
            shop.start()
            journey.wait_for_price(shop)
            started.append(shop)
        stack.enter_context(run_proxy(None, port=proxy, upstreams=tuple(ports)))
        front = Server('proxy', [], port=proxy, health='/', folder=tmp_path)
        sandbox.send_webhooks_to(front.url)
        yield [front, *started]
    for shop in started:
        servers.remove(shop)


def test_pay_and_book_behind_round_robin(page: Page, processes: list[Server], sandbox: SandboxClient) -> None:
    """The page is loaded by one process and connected by the other: it is not reloaded, sells and books."""
    loads, messages = journey.loads(page), journey.console_errors(page)
    button = journey.open_landing(page, processes[PROXY])
    assert loads == [f'{processes[PROXY].url}/']
    button.click()
    journey.at_stripe(page)
    journey.pay_by_card(page)
    order = journey.on_order_page(page)
    field = journey.type_a_name(page)
    expect(field).to_have_value(journey.TYPED)
    assert messages == []

    for killed in (FIRST, SECOND):  # the browser is connected to one of them
        processes[killed].kill()
        processes[killed].start()
    expect(page.locator('#popup')).to_have_attribute('aria-hidden', 'true', timeout=30_000)
    expect(field).to_have_value(journey.TYPED)
    journey.calendar(page).get_by_role('button', name='Schedule Event').click()
    expect(page.get_by_role('link', name='Choose another time')).to_be_visible()
    assert loads.count(order) == 1


def test_a_websocket_that_is_never_answered(page: Page, processes: list[Server]) -> None:
    """The browser polls instead, which cannot work here; then it tries a websocket again and is connected."""
    sockets: list[str] = []

    def answer_from_the_second_on(socket: WebSocketRoute) -> None:
        sockets.append(socket.url)
        if len(sockets) > 1:
            socket.connect_to_server()

    page.route_web_socket(journey.SOCKET, answer_from_the_second_on)
    page.clock.install()
    page.goto(processes[PROXY].url)
    wait_until(lambda: page.title() != '' and bool(sockets), seconds=15, why='the browser connects')
    page.clock.fast_forward(SOCKET_TIMEOUT)
    expect(journey.connected_button(page)).to_be_visible()
    assert len(sockets) > 1
