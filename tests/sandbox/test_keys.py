"""The sandbox's keys: wrong, revoked, publishable and restricted; and unknown URLs."""

import json

import httpx
import pytest
import stripe

from tests.sandbox_client import SandboxClient


@pytest.fixture
def client(sandbox: SandboxClient) -> stripe.StripeClient:
    """The SDK with a valid key."""
    return sdk(sandbox, sandbox.settings['STRIPE_SECRET_KEY'])


def sdk(sandbox: SandboxClient, key: str) -> stripe.StripeClient:
    """Return an SDK client for the sandbox."""
    return stripe.StripeClient(key, base_addresses={'api': f'{sandbox.base}/stripe'})


def test_a_wrong_key_is_masked(sandbox: SandboxClient) -> None:
    """The error repeats only the last four characters of the key."""
    with pytest.raises(stripe.AuthenticationError) as caught:
        sdk(sandbox, 'sk_test_abcdefgh1234').v1.accounts.retrieve_current()
    assert 'sk_test_********1234' in str(caught.value)


def code_of(error: stripe.StripeError) -> object:
    """Return the code in an error's body; not every exception of the SDK repeats it."""
    return json.loads(str(error.http_body))['error']['code']


def test_a_revoked_key_has_expired(sandbox: SandboxClient, client: stripe.StripeClient) -> None:
    """A revoked key is rejected with its own code."""
    sandbox.act('key', revoked=True)
    with pytest.raises(stripe.AuthenticationError) as caught:
        client.v1.accounts.retrieve_current()
    assert code_of(caught.value) == 'api_key_expired'


def test_a_publishable_key_is_rejected(sandbox: SandboxClient) -> None:
    """The API rejects the key that is meant for browsers."""
    with pytest.raises(stripe.PermissionError) as caught:
        sdk(sandbox, sandbox.settings['STRIPE_PUBLISHABLE_KEY']).v1.accounts.retrieve_current()
    assert code_of(caught.value) == 'secret_key_required'


def test_a_restricted_key_lacks_a_permission(sandbox: SandboxClient) -> None:
    """The error names the missing permission; other endpoints work."""
    sandbox.act('key', missing_rights=['plan_read'])
    restricted = sdk(sandbox, 'rk_test_sandboxNoMoneyMoves00000002')
    assert restricted.v1.checkout.sessions.list().data == []
    with pytest.raises(stripe.PermissionError, match=r"Prices Read.*\('plan_read'\)"):
        restricted.v1.prices.retrieve(sandbox.settings['STRIPE_PRICE_ID'])


def test_an_unknown_url_is_not_found(sandbox: SandboxClient) -> None:
    """A URL that Stripe does not have is a 404 in Stripe's format, with a request id."""
    with httpx.Client(base_url=f'{sandbox.base}/stripe', trust_env=False) as plain:
        plain.headers['Authorization'] = f'Bearer {sandbox.settings["STRIPE_SECRET_KEY"]}'
        response = plain.get('/v1/baskets')
    assert response.status_code == 404
    assert response.json()['error']['message'].startswith('Unrecognized request URL (GET: /v1/baskets)')
    assert response.headers['Request-Id'].startswith('req_')
