"""HTTP clients of the sandbox."""

from collections.abc import Iterator

import httpx
import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox_client import SandboxClient


@pytest.fixture
def http(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    """An HTTP client with Stripe's secret key."""
    headers = {'Authorization': f'Bearer {sandbox.settings["STRIPE_SECRET_KEY"]}'}
    with httpx.Client(base_url=sandbox.base, headers=headers, trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def api(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    """A client of Calendly's API with the token."""
    headers = {'Authorization': f'Bearer {sandbox.settings["CALENDLY_TOKEN"]}'}
    with httpx.Client(base_url=f'{sandbox.base}/calendly/', headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def page_client(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    """An HTTP client without a token that follows redirects."""
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        yield client


@pytest.fixture
def receiver(sandbox: SandboxClient) -> Iterator[Receiver]:
    """A receiver for the webhooks of both services."""
    server = Receiver()
    sandbox.act('webhooks', stripe=server.url, calendly=server.url)
    yield server
    server.gate.set()
    sandbox.reset()
    server.server.shutdown()
    server.server.server_close()
