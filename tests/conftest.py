"""Fixtures for tests of several levels: the sandbox in this process, and settings that point at it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import postgres
from tests.processes import ROOT
from tests.sandbox_client import SandboxClient
from tests.sandbox_server import running

settings.register_profile('no deadline', deadline=None)  # a busy machine is no failure
settings.load_profile('no deadline')


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
def postgres_server() -> Iterator[postgres.Cluster]:
    """Run a PostgreSQL server for the whole session; skip the test if PostgreSQL is not installed."""
    try:
        with postgres.running() as cluster:
            yield cluster
    except postgres.Unavailable as error:
        pytest.skip(f'no PostgreSQL: {error}')
