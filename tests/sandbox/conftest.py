"""HTTP clients of the sandbox."""

from collections.abc import Iterator

import httpx
import pytest

from tests.sandbox_client import SandboxClient


@pytest.fixture
def http(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    """An HTTP client with Stripe's secret key."""
    headers = {'Authorization': f'Bearer {sandbox.settings["STRIPE_SECRET_KEY"]}'}
    with httpx.Client(base_url=sandbox.base, headers=headers, trust_env=False, timeout=10) as client:
        yield client
