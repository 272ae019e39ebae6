"""What tests of several levels share: the sandbox in this process, and settings that point at them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.processes import ROOT
from tests.sandbox_client import SandboxClient
from tests.sandbox_server import running


@pytest.fixture(scope='session')
def running_sandbox() -> Iterator[SandboxClient]:
    """Run the sandbox in a thread, on a free port, for the whole session."""
    with running() as config:
        sandbox = SandboxClient(config.base, config.settings())
        yield sandbox
        sandbox.close()


@pytest.fixture
def sandbox(running_sandbox: SandboxClient) -> SandboxClient:
    """Hand out the sandbox as new; they send webhooks nowhere until ``act('webhooks', stripe=url)``."""
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def settings_env(sandbox: SandboxClient, tmp_path: Path) -> dict[str, str]:
    """Name the environment of a shop that talks to the sandbox and keeps its own database."""
    return sandbox.settings | {
        'DOMAIN': 'http://localhost:3000',
        'DATABASE_URL': f'sqlite:///{tmp_path}/shop.db',
        'SITE_FILE': str(ROOT / 'site.toml'),
    }


@pytest.fixture(scope='session')
def postgres_server() -> Iterator[postgres.Cluster]:
    """Run a PostgreSQL server of our own for the whole session; where there is none, say so and skip."""
    try:
        with postgres.running() as cluster:
            yield cluster
    except postgres.NoServer as why:
        pytest.skip(f'no PostgreSQL: {why}')
