"""What the journeys start from: a browser, the sandbox and the shop as processes, their logs on failure."""

import os
import re
import shutil
import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect
from pytest_playwright import CreateContextCallback

from tests.e2e.journey import AnotherBrowser, StartShop, wait_for_price
from tests.processes import ROOT, Server, free_port
from tests.sandbox_client import SandboxClient

# The shell is the same engine without windows, at a third of the work for the machine.
BROWSERS = ('chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome')
FLAGS = [
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
]
PATIENCE = 15_000  # milliseconds a step may take on a busy machine before a journey fails
LOG_SHOWN = 10_000  # characters of each process's log under a failed test
POLICY = 'Content Security Policy'  # in every message that Chromium writes about a violation
SERVERS = pytest.StashKey[list[Server]]()


@pytest.fixture(scope='session')
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use the browser named in ``CHROMIUM``, else the machine's, else Playwright's own."""
    names = filter(None, (os.environ.get('CHROMIUM'), *BROWSERS))
    found = next(filter(None, map(shutil.which, names)), None)
    as_root = sys.platform == 'linux' and os.geteuid() == 0
    flags = [*FLAGS, '--no-sandbox'] if as_root else FLAGS
    return browser_type_launch_args | {'args': flags} | ({'executable_path': found} if found else {})


@pytest.fixture(scope='session')
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Let every browser stand in one place, whatever the machine's settings are."""
    return browser_context_args | {'locale': 'en-US', 'timezone_id': 'America/New_York'}


@pytest.fixture
def violations() -> list[str]:
    """What pages of this test did against the policy they came with; the test fails unless it is empty."""
    return []


@pytest.fixture
def new_context(new_context: CreateContextCallback, violations: list[str]) -> CreateContextCallback:
    """Listen to every page of every browser for what a policy had to stop."""

    def heard(message: ConsoleMessage) -> None:
        if POLICY in message.text:
            violations.append(f'{message.page.url if message.page else ""}: {message.text}')

    def create(**options: Any) -> BrowserContext:
        context = new_context(**options)
        context.on('console', heard)
        return context

    return cast(CreateContextCallback, create)


@pytest.fixture(autouse=True)
def _no_violation(violations: list[str]) -> Iterator[None]:
    """Let no journey pass in which the content security policy had to stop something."""
    yield
    assert violations == []


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    """Give every step of a journey the same patience."""
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    return context


@pytest.fixture
def another_browser(new_context: CreateContextCallback) -> AnotherBrowser:
    """Open pages in further browsers, such as ``another_browser(color_scheme='dark')``."""

    def open_page(**options: Any) -> Page:
        context = new_context(**options)
        context.set_default_timeout(PATIENCE)
        return context.new_page()

    return open_page


@pytest.fixture(scope='session')
def servers(request: pytest.FixtureRequest) -> Iterator[list[Server]]:
    """Keep every process that was started, for the logs under a failed test, and end what is left."""
    kept = request.config.stash.setdefault(SERVERS, [])
    yield kept
    for server in kept:
        server.kill()


@pytest.fixture(scope='session')
def running_sandbox(
    servers: list[Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SandboxClient, int]]:
    """Run the sandbox for the whole session; the number is the port of the shop they send webhooks to."""
    port, shop_port = free_port(), free_port()
    arguments = ['-m', 'services.sandbox', f'--port={port}', f'--shop=http://127.0.0.1:{shop_port}']
    folder = tmp_path_factory.mktemp('sandbox')
    server = Server('sandbox', arguments, port=port, health='/faults', folder=folder)
    servers.append(server)
    server.start()
    sandbox = SandboxClient(server.url, dict(re.findall(r'^([A-Z_]+)=(.*)$', server.log(), re.MULTILINE)))
    yield sandbox, shop_port
    sandbox.close()
    server.stop()


@pytest.fixture
def sandbox(running_sandbox: tuple[SandboxClient, int]) -> SandboxClient:
    """Hand out the sandbox as new: nothing sold, nothing about to go wrong."""
    sandbox, _ = running_sandbox
    sandbox.reset()
    return sandbox


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
    """Hand out the shop, running, whatever the test before did to it."""
    if not running_shop.is_running:
        running_shop.start()
    return running_shop


@pytest.fixture(scope='session')
def running_spare(
    running_sandbox: tuple[SandboxClient, int],
    servers: list[Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Prepare a second shop for the whole session."""
    sandbox, _ = running_sandbox
    server = shop_server('spare', sandbox, free_port(), tmp_path_factory.mktemp('spare'), {})
    servers.append(server)
    yield server
    server.stop()


@pytest.fixture
def spare_shop(running_spare: Server, sandbox: SandboxClient) -> Server:
    """Hand out a second shop, running, that may be stopped and killed; webhooks go there for this test."""
    sandbox.send_webhooks_to(running_spare.url)
    if not running_spare.is_running:
        running_spare.start()
    wait_for_price(running_spare)
    return running_spare


@pytest.fixture
def start_shop(sandbox: SandboxClient, servers: list[Server], tmp_path: Path) -> Iterator[StartShop]:
    """Start further shops with other settings; webhooks go to the newest one until the test ends."""
    own: list[Server] = []

    def start(settings: Mapping[str, str] | None = None) -> Server:
        folder = tmp_path / f'shop-{len(own)}'
        folder.mkdir()
        server = shop_server(folder.name, sandbox, free_port(), folder, settings or {})
        own.append(server)
        servers.append(server)
        sandbox.send_webhooks_to(server.url)
        server.start()
        return server

    yield start
    for server in own:
        server.stop()
        servers.remove(server)


def shop_server(
    name: str, sandbox: SandboxClient, port: int, folder: Path, settings: Mapping[str, str]
) -> Server:
    """Prepare, without starting it, a shop that talks to the sandbox; ``settings`` come on top."""
    ours = {
        'DOMAIN': f'http://127.0.0.1:{port}',
        'HOST': '127.0.0.1',
        'DATABASE_URL': f'sqlite:///{folder}/shop.db',
        'SITE_FILE': str(ROOT / 'site.toml'),
    }
    arguments = [str(ROOT / 'main.py'), 'serve']
    environment = {**sandbox.settings, **ours, **settings}
    return Server(name, arguments, port=port, health='/healthz', folder=folder, environment=environment)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of every process's log under a test that failed."""
    report = yield
    if report.failed:
        for server in item.config.stash.get(SERVERS, []):
            report.sections.append((f'log of {server.name}', server.log()[-LOG_SHOWN:]))
    return report
