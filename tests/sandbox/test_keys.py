"""The twin's keys: wrong, revoked, publishable and restricted ones, and addresses that are none."""

import json

import httpx
import pytest
import stripe

from tests.sandbox_client import Twin


@pytest.fixture
def client(twin: Twin) -> stripe.StripeClient:
    """The SDK with a good key."""
    return sdk(twin, twin.settings['STRIPE_SECRET_KEY'])


def sdk(twin: Twin, key: str) -> stripe.StripeClient:
    """The SDK, pointed at the twin."""
    return stripe.StripeClient(key, base_addresses={'api': f'{twin.base}/stripe'})


def test_a_wrong_key_is_masked(twin: Twin) -> None:
    """The refusal repeats the key's last four characters only."""
    with pytest.raises(stripe.AuthenticationError) as caught:
        sdk(twin, 'sk_test_abcdefgh1234').v1.accounts.retrieve_current()
    assert 'sk_test_********1234' in str(caught.value)


def code_of(error: stripe.StripeError) -> object:
    """The code in an error's body; the SDK does not repeat it on each of its exceptions."""
    return json.loads(str(error.http_body))['error']['code']


def test_a_revoked_key_has_expired(twin: Twin, client: stripe.StripeClient) -> None:
    """A rolled key is refused with its own code."""
    twin.act('key', revoked=True)
    with pytest.raises(stripe.AuthenticationError) as caught:
        client.v1.accounts.retrieve_current()
    assert code_of(caught.value) == 'api_key_expired'


def test_a_publishable_key_opens_nothing(twin: Twin) -> None:
    """The key that is for browsers is refused by the API."""
    with pytest.raises(stripe.PermissionError) as caught:
        sdk(twin, twin.settings['STRIPE_PUBLISHABLE_KEY']).v1.accounts.retrieve_current()
    assert code_of(caught.value) == 'secret_key_required'


def test_a_restricted_key_lacks_what_was_taken_from_it(twin: Twin) -> None:
    """A right that is missing is named; the others still work."""
    twin.act('key', missing_rights=['plan_read'])
    restricted = sdk(twin, 'rk_test_sandboxNoMoneyMoves00000002')
    assert restricted.v1.checkout.sessions.list().data == []
    with pytest.raises(stripe.PermissionError, match=r"Prices Read.*\('plan_read'\)"):
        restricted.v1.prices.retrieve(twin.settings['STRIPE_PRICE_ID'])


def test_an_unknown_address_is_told(twin: Twin) -> None:
    """An address Stripe does not have is a 404 in its envelope, with a request id."""
    with httpx.Client(base_url=f'{twin.base}/stripe', trust_env=False) as plain:
        plain.headers['Authorization'] = f'Bearer {twin.settings["STRIPE_SECRET_KEY"]}'
        answer = plain.get('/v1/baskets')
    assert answer.status_code == 404
    assert answer.json()['error']['message'].startswith('Unrecognized request URL (GET: /v1/baskets)')
    assert answer.headers['Request-Id'].startswith('req_')
