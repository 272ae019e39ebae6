"""HTTP clients of the sandbox."""

from collections.abc import Callable, Iterator
from functools import partial

import httpx
import pytest

from tests.contract.calendly import check_http_answer
from tests.sandbox.receiver import Receiver, receiving
from tests.sandbox_client import SandboxClient


@pytest.fixture
def http(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    """An HTTP client with Stripe's secret key."""
    headers = {'Authorization': f'Bearer {sandbox.settings["STRIPE_SECRET_KEY"]}'}
    with httpx.Client(base_url=sandbox.base, headers=headers, trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def api(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    """A client of Calendly's API with the token; every answer must be as Calendly documents it."""
    headers = {'Authorization': f'Bearer {sandbox.settings["CALENDLY_TOKEN"]}'}
    base = f'{sandbox.base}/calendly'
    hooks: dict[str, list[Callable[..., None]]] = {'response': [partial(check_http_answer, base)]}
    with httpx.Client(base_url=f'{base}/', headers=headers, event_hooks=hooks, trust_env=False) as client:
        yield client


@pytest.fixture
def page_client(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    """An HTTP client without a token that follows redirects."""
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        yield client


@pytest.fixture
def receiver(sandbox: SandboxClient) -> Iterator[Receiver]:
    """A receiver for the webhooks of both services."""
    with receiving(sandbox) as server:
        yield server
