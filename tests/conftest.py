"""Fixtures for tests of several levels: the sandbox in this process, and settings that point at it."""

import asyncio
import gc
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings
from limits.aio import strategies
from limits.aio.storage import memory
from structlog.stdlib import ProcessorFormatter

from services.ledger import connect
from tests import postgres
from tests.processes import ROOT
from tests.sandbox_client import SandboxClient
from tests.sandbox_server import running
from tests.shared_statements import share_statements

CreateTables = Callable[[str], None]
LONGEST = {
    'test_model.py',
    'test_crash.py',
    'test_moved_and_canceled.py',
    'test_behind_caddy.py',
    'test_rehearsal.py',
    'test_round_robin.py',
    'test_admin.py',
    'test_mail.py',
}

settings.register_profile('no deadline', deadline=None)  # a busy machine is no failure
settings.load_profile('no deadline')


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest tests first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Make the tests faster: statements are compiled once, and fewer objects are looked at for garbage.

    What exists before the first test stays until the end, so all garbage collections leave it out. A full
    collection would take 0.3 seconds, and each test of a page has two.
    """
    share_statements()
    sys.modules.setdefault('sniffio', None)  # type: ignore[arg-type]  # httpcore looks for it at each request
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Undo what a command in this process has set up: later tests read the log."""
    root = logging.getLogger()
    level, before = root.level, tuple(root.handlers)
    yield
    root.setLevel(level)
    for handler in tuple(root.handlers):
        if handler not in before and isinstance(handler.formatter, ProcessorFormatter):
            root.removeHandler(handler)


@pytest.fixture
def stopped_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the time of the rate limits: on a busy machine some of it passes while a test runs."""
    now = time.time()
    for module in (memory, strategies):
        monkeypatch.setattr(module, 'time', SimpleNamespace(time=lambda: now))


@pytest.fixture(scope='session')
def running_sandbox() -> Iterator[SandboxClient]:
    """Run the sandbox in a thread, on a free port, for the whole session."""
    with running() as config:
        sandbox = SandboxClient(config.base, config.settings(), config.mail_settings())
        yield sandbox
        sandbox.close()


@pytest.fixture
def sandbox(running_sandbox: SandboxClient) -> SandboxClient:
    """Reset the sandbox; it sends no webhooks until ``send_webhooks_to(url)``."""
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def settings_env(sandbox: SandboxClient, tmp_path: Path) -> dict[str, str]:
    """Return the settings of a shop that talks to the sandbox and has a database of its own."""
    return sandbox.settings | {
        'DOMAIN': 'http://localhost:3000',
        'DATABASE_URL': f'sqlite:///{tmp_path}/shop.db',
        'SITE_FILE': str(ROOT / 'site.toml'),
        'ENV_FILE': os.devnull,
    }


@pytest.fixture(scope='session')
def create_tables(tmp_path_factory: pytest.TempPathFactory) -> CreateTables:
    """Return a function that gives a new SQLite database its tables: a copy is faster than the migrations.

    On PostgreSQL it does nothing, and the shop applies the migrations when it opens.
    """
    template = tmp_path_factory.mktemp('template') / 'shop.db'
    store = connect(f'sqlite:///{template}')
    with asyncio.Runner() as runner:
        runner.run(store.open())
        runner.run(store.close())

    def copy(database_url: str) -> None:
        scheme, _, file = database_url.partition(':///')
        if scheme == 'sqlite':
            assert not Path(file).exists()
            shutil.copyfile(template, file)

    return copy


@pytest.fixture(scope='session')
def postgres_server() -> Iterator[postgres.Cluster]:
    """Run a PostgreSQL server for the whole session; skip the test if PostgreSQL is not installed."""
    try:
        with postgres.running() as cluster:
            yield cluster
    except postgres.Unavailable as error:
        pytest.skip(f'no PostgreSQL: {error}')
