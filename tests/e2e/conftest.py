"""Fixtures for tests in the browser: the sandbox and the shop as processes, with their logs on failure."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect
from pytest_playwright import CreateContextCallback

from tests.e2e.journey import STEP_TIMEOUT, AnotherBrowser, StartShop, wait_for_price
from tests.postgres import Cluster
from tests.processes import ROOT, Launcher, Server, free_port
from tests.sandbox_client import SandboxClient

# The headless shell is the same engine without windows, and needs a third of the processor time.
BROWSERS = ('chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome')
FLAGS = [
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
]
LOG_SHOWN = 10_000  # characters of each process's log in the report of a failed test
VIOLATION = 'Content Security Policy'  # in every message that Chromium writes about a violation
SERVERS = pytest.StashKey[list[Server]]()


@pytest.fixture(scope='session')
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the browser named in ``CHROMIUM``, or an installed one, or Playwright's own."""
    names = filter(None, (os.environ.get('CHROMIUM'), *BROWSERS))
    found = next(filter(None, map(shutil.which, names)), None)
    as_root = sys.platform == 'linux' and os.geteuid() == 0
    flags = [*FLAGS, '--no-sandbox'] if as_root else FLAGS
    return browser_type_launch_args | {'args': flags} | ({'executable_path': found} if found else {})


@pytest.fixture(scope='session')
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Give every browser the same language and time zone, whatever the machine's settings are."""
    return browser_context_args | {'locale': 'en-US', 'timezone_id': 'America/New_York'}


@pytest.fixture
def violations() -> list[str]:
    """Return the list of policy violations of this test; the test fails unless it is empty at the end."""
    return []


@pytest.fixture
def new_context(new_context: CreateContextCallback, violations: list[str]) -> CreateContextCallback:
    """Collect the policy violations on every page of every browser."""

    def on_console(message: ConsoleMessage) -> None:
        if VIOLATION in message.text:
            violations.append(f'{message.page.url if message.page else ""}: {message.text}')

    def create(**options: Any) -> BrowserContext:
        context = new_context(**options)
        context.on('console', on_console)
        return context

    return cast(CreateContextCallback, create)


@pytest.fixture(autouse=True)
def _no_violations(violations: list[str]) -> Iterator[None]:
    """Fail a test in which a page violated its content security policy."""
    yield
    assert violations == []


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    """Give every step the same timeout."""
    context.set_default_timeout(STEP_TIMEOUT)
    expect.set_options(timeout=STEP_TIMEOUT)
    return context


@pytest.fixture
def another_browser(new_context: CreateContextCallback) -> AnotherBrowser:
    """Open pages in further browsers, such as ``another_browser(color_scheme='dark')``."""

    def open_page(**options: Any) -> Page:
        context = new_context(**options)
        context.set_default_timeout(STEP_TIMEOUT)
        return context.new_page()

    return open_page


@pytest.fixture(scope='session')
def servers(request: pytest.FixtureRequest) -> Iterator[list[Server]]:
    """Collect every process that is started, for its log in the report; kill them at the end."""
    started = request.config.stash.setdefault(SERVERS, [])
    yield started
    for server in started:
        server.kill()


@pytest.fixture(scope='session')
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher | None]:
    """Run what forks further shops, where the system can wait for a process that is not ours.

    The first shop of a session is started as operators start it.
    """
    if not hasattr(os, 'pidfd_open'):
        yield None
        return
    with Launcher('tests.launcher', tmp_path_factory.mktemp('launcher')) as launcher:
        yield launcher


@pytest.fixture(scope='session')
def running_sandbox(
    servers: list[Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SandboxClient, int]]:
    """Run the sandbox for the whole session; the number is the port of the shop that gets its webhooks."""
    port, shop_port, smtp_port = free_port(), free_port(), free_port()
    arguments = ['-m', 'services.sandbox', f'--port={port}', f'--smtp-port={smtp_port}']
    arguments.append(f'--shop=http://127.0.0.1:{shop_port}')
    folder = tmp_path_factory.mktemp('sandbox')
    server = Server('sandbox', arguments, port=port, health='/faults', folder=folder)
    servers.append(server)
    server.start()
    sandbox = SandboxClient(server.url, dict(re.findall(r'^([A-Z_]+)=(.*)$', server.log(), re.MULTILINE)))
    yield sandbox, shop_port
    sandbox.close()
    server.stop()


@pytest.fixture
def sandbox(running_sandbox: tuple[SandboxClient, int]) -> Iterator[SandboxClient]:
    """Reset the sandbox: no orders, no faults. Also afterwards: a shop may start before the next test."""
    sandbox, _ = running_sandbox
    sandbox.reset()
    yield sandbox
    sandbox.reset()


@pytest.fixture(scope='session')
def running_shop(
    running_sandbox: tuple[SandboxClient, int],
    servers: list[Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Run ``main.py serve`` for the whole session."""
    sandbox, port = running_sandbox
    server = shop_server('shop', sandbox, port, tmp_path_factory.mktemp('shop'), {})
    servers.append(server)
    server.start()
    wait_for_price(server)
    yield server
    server.stop()


@pytest.fixture
def shop_process(running_shop: Server, sandbox: SandboxClient) -> Server:
    """Return the shop, running, whatever the previous test did to it."""
    if not running_shop.is_running:
        running_shop.start()
    return running_shop


@pytest.fixture(scope='session')
def _restartable_shop(
    running_sandbox: tuple[SandboxClient, int],
    servers: list[Server],
    tmp_path_factory: pytest.TempPathFactory,
    launcher: Launcher | None,
) -> Iterator[Server]:
    """Prepare a second shop for the whole session; its first test starts it."""
    sandbox, _ = running_sandbox
    folder = tmp_path_factory.mktemp('restartable')
    server = shop_server('restartable', sandbox, free_port(), folder, {}, launcher=launcher)
    servers.append(server)
    yield server
    server.stop()


@pytest.fixture
def restartable_shop(_restartable_shop: Server, sandbox: SandboxClient) -> Server:
    """Return a second shop, running, that the test may stop and kill; it gets the webhooks of this test."""
    sandbox.send_webhooks_to(_restartable_shop.url)
    if not _restartable_shop.is_running:
        _restartable_shop.start()
    wait_for_price(_restartable_shop)
    return _restartable_shop


@pytest.fixture
def start_shop(
    sandbox: SandboxClient, servers: list[Server], tmp_path: Path, launcher: Launcher | None
) -> Iterator[StartShop]:
    """Start further shops with other settings; the newest one gets the webhooks until the test ends."""
    own: list[Server] = []

    def start(settings: Mapping[str, str] | None = None) -> Server:
        folder = tmp_path / f'shop-{len(own)}'
        folder.mkdir()
        server = shop_server(folder.name, sandbox, free_port(), folder, settings or {}, launcher=launcher)
        own.append(server)
        servers.append(server)
        sandbox.send_webhooks_to(server.url)
        server.start()
        return server

    yield start
    for server in own:
        server.stop()
        servers.remove(server)


@dataclass(frozen=True)
class SharedShop:
    """A shop that runs for the whole session, and where its orders are."""

    server: Server
    database_url: str


class SharedShops:
    """Shops on one kind of database that further tests use again, with and without a signing key."""

    def __init__(
        self,
        servers: list[Server],
        folders: pytest.TempPathFactory,
        new_database: Callable[[Path], str],
        launcher: Launcher | None,
    ) -> None:
        self._servers, self._folders, self._new_database = servers, folders, new_database
        self._launcher = launcher
        self._shops: dict[bool, SharedShop] = {}

    def get(self, sandbox: SandboxClient, *, delivers: bool) -> SharedShop:
        """Return a running shop; it gets the webhooks of this test.

        Args:
            sandbox: without orders.
            delivers: whether the shop accepts deliveries of Calendly.
        """
        if delivers not in self._shops:
            self._shops[delivers] = self._prepare(sandbox, delivers=delivers)
        shop = self._shops[delivers]
        sandbox.send_webhooks_to(shop.server.url)
        if not shop.server.is_running:
            shop.server.start()
            wait_for_price(shop.server)
        return shop

    def stop(self) -> None:
        """Stop them all."""
        for shop in self._shops.values():
            shop.server.stop()

    def _prepare(self, sandbox: SandboxClient, *, delivers: bool) -> SharedShop:
        name = 'shared-with-key' if delivers else 'shared-without-key'
        folder = self._folders.mktemp(name)
        url = self._new_database(folder)
        settings = {'DATABASE_URL': url} | ({} if delivers else {'CALENDLY_WEBHOOK_SIGNING_KEY': ''})
        server = shop_server(name, sandbox, free_port(), folder, settings, launcher=self._launcher)
        self._servers.append(server)
        return SharedShop(server, url)


@pytest.fixture(scope='session')
def _sqlite_shops(
    servers: list[Server], tmp_path_factory: pytest.TempPathFactory, launcher: Launcher | None
) -> Iterator[SharedShops]:
    shops = SharedShops(servers, tmp_path_factory, lambda folder: f'sqlite:///{folder}/shop.db', launcher)
    yield shops
    shops.stop()


@pytest.fixture(scope='session')
def _postgresql_shops(
    servers: list[Server],
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: Cluster,
    launcher: Launcher | None,
) -> Iterator[SharedShops]:
    with ExitStack() as stack:
        shops = SharedShops(
            servers, tmp_path_factory, lambda _: stack.enter_context(postgres_server.database()), launcher
        )
        yield shops
        shops.stop()


@pytest.fixture(params=['sqlite', 'postgresql'])
def shared_shops(request: pytest.FixtureRequest) -> SharedShops:
    """Return the shops on each database; each starts with its first test."""
    shops: SharedShops = request.getfixturevalue(f'_{request.param}_shops')
    return shops


@pytest.fixture
def shop_with_key(shared_shops: SharedShops, sandbox: SandboxClient) -> SharedShop:
    """Return a shop on each database that Calendly delivers to."""
    return shared_shops.get(sandbox, delivers=True)


@pytest.fixture
def shop_without_key(shared_shops: SharedShops, sandbox: SandboxClient) -> SharedShop:
    """Return a shop on each database that learns of bookings by reading them alone."""
    return shared_shops.get(sandbox, delivers=False)


def shop_server(
    name: str,
    sandbox: SandboxClient,
    port: int,
    folder: Path,
    settings: Mapping[str, str],
    *,
    launcher: Launcher | None = None,
) -> Server:
    """Prepare a shop that talks to the sandbox, without starting it.

    Args:
        name: of its log.
        sandbox: where it sells.
        port: where it will listen.
        folder: for its database and log.
        settings: these override the others.
        launcher: what forks it; that is faster than a start of its own.
    """
    ours = {
        'DOMAIN': f'http://127.0.0.1:{port}',
        'HOST': '127.0.0.1',
        'DATABASE_URL': f'sqlite:///{folder}/shop.db',
        'SITE_FILE': str(ROOT / 'site.toml'),
    }
    arguments = [str(ROOT / 'main.py'), 'serve']
    environment = {**sandbox.settings, **ours, **settings}
    return Server(
        name,
        arguments,
        port=port,
        health='/healthz',
        folder=folder,
        environment=environment,
        launcher=launcher,
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the end of every process's log to the report of a failed test."""
    report = yield
    if report.failed:
        for server in item.config.stash.get(SERVERS, []):
            report.sections.append((f'log of {server.name}', server.log()[-LOG_SHOWN:]))
    return report
