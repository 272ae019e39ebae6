"""The sandbox's keys: wrong, revoked, publishable and restricted ones, and addresses that are none."""

import json

import httpx
import pytest
import stripe

from tests.sandbox_client import SandboxClient


@pytest.fixture
def client(sandbox: SandboxClient) -> stripe.StripeClient:
    """The SDK with a good key."""
    return sdk(sandbox, sandbox.settings['STRIPE_SECRET_KEY'])


def sdk(sandbox: SandboxClient, key: str) -> stripe.StripeClient:
    """The SDK, pointed at the sandbox."""
    return stripe.StripeClient(key, base_addresses={'api': f'{sandbox.base}/stripe'})


def test_a_wrong_key_is_masked(sandbox: SandboxClient) -> None:
    """The refusal repeats the key's last four characters only."""
    with pytest.raises(stripe.AuthenticationError) as caught:
        sdk(sandbox, 'sk_test_abcdefgh1234').v1.accounts.retrieve_current()
    assert 'sk_test_********1234' in str(caught.value)


def code_of(error: stripe.StripeError) -> object:
    """The code in an error's body; the SDK does not repeat it on each of its exceptions."""
    return json.loads(str(error.http_body))['error']['code']


def test_a_revoked_key_has_expired(sandbox: SandboxClient, client: stripe.StripeClient) -> None:
    """A rolled key is refused with its own code."""
    sandbox.act('key', revoked=True)
    with pytest.raises(stripe.AuthenticationError) as caught:
        client.v1.accounts.retrieve_current()
    assert code_of(caught.value) == 'api_key_expired'


def test_a_publishable_key_opens_nothing(sandbox: SandboxClient) -> None:
    """The key that is for browsers is refused by the API."""
    with pytest.raises(stripe.PermissionError) as caught:
        sdk(sandbox, sandbox.settings['STRIPE_PUBLISHABLE_KEY']).v1.accounts.retrieve_current()
    assert code_of(caught.value) == 'secret_key_required'


def test_a_restricted_key_lacks_what_was_taken_from_it(sandbox: SandboxClient) -> None:
    """A right that is missing is named; the others still work."""
    sandbox.act('key', missing_rights=['plan_read'])
    restricted = sdk(sandbox, 'rk_test_sandboxNoMoneyMoves00000002')
    assert restricted.v1.checkout.sessions.list().data == []
    with pytest.raises(stripe.PermissionError, match=r"Prices Read.*\('plan_read'\)"):
        restricted.v1.prices.retrieve(sandbox.settings['STRIPE_PRICE_ID'])


def test_an_unknown_address_is_told(sandbox: SandboxClient) -> None:
    """An address Stripe does not have is a 404 in its envelope, with a request id."""
    with httpx.Client(base_url=f'{sandbox.base}/stripe', trust_env=False) as plain:
        plain.headers['Authorization'] = f'Bearer {sandbox.settings["STRIPE_SECRET_KEY"]}'
        answer = plain.get('/v1/baskets')
    assert answer.status_code == 404
    assert answer.json()['error']['message'].startswith('Unrecognized request URL (GET: /v1/baskets)')
    assert answer.headers['Request-Id'].startswith('req_')
