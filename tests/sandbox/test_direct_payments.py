"""Payment intents that the API creates and confirms with the name of a test card."""

import httpx
import pytest

from tests.contract.openapi import check_response
from tests.sandbox.checkout_sessions import event_types
from tests.sandbox_client import SandboxClient

PATH = '/stripe/v1/payment_intents'
FORM = {
    'amount': '15000',
    'currency': 'usd',
    'confirm': 'true',
    'payment_method': 'pm_card_visa',
    'automatic_payment_methods[enabled]': 'true',
    'automatic_payment_methods[allow_redirects]': 'never',
    'metadata[for]': 'test',
}


def test_a_confirmed_intent_is_paid_and_can_be_refunded(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Its charge has succeeded, no session has it, and a refund takes all of it back."""
    answer = http.post(PATH, data=FORM)
    assert check_response('/v1/payment_intents/x', answer.status_code, answer.json()) == []
    intent = answer.json()
    assert (intent['status'], intent['amount_received'], intent['metadata']) == (
        'succeeded',
        15000,
        {'for': 'test'},
    )
    of_intent = {'payment_intent': intent['id']}
    assert http.get('/stripe/v1/checkout/sessions', params=of_intent).json()['data'] == []
    refund = http.post('/stripe/v1/refunds', data=of_intent).json()
    assert (refund['status'], refund['amount']) == ('succeeded', 15000)
    charge = http.get(f'/stripe/v1/charges/{intent["latest_charge"]}').json()
    assert charge['refunded'] is True
    assert event_types(http)[:3] == ['payment_intent.created', 'charge.succeeded', 'payment_intent.succeeded']


@pytest.mark.parametrize(
    ('change', 'status', 'words'),
    [
        ({'payment_method': 'pm_card_chargeDeclined'}, 402, 'Your card was declined.'),
        ({'payment_method': 'pm_unknown'}, 400, 'No such PaymentMethod'),
        ({'amount': '49'}, 400, 'Amount must be at least'),
        ({'automatic_payment_methods[allow_redirects]': 'always'}, 400, 'must provide a `return_url`'),
    ],
)
def test_a_refused_intent_says_why(
    sandbox: SandboxClient, http: httpx.Client, change: dict[str, str], status: int, words: str
) -> None:
    """The errors are those that Stripe documents; nothing is paid."""
    answer = http.post(PATH, data=FORM | change)
    assert answer.status_code == status
    assert words in answer.json()['error']['message']
    assert 'charge.succeeded' not in event_types(http)


def test_an_intent_can_wait_for_its_confirmation(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Without ``confirm`` nothing is charged."""
    waiting = http.post(PATH, data=FORM | {'confirm': 'false'}).json()
    assert (waiting['status'], waiting['latest_charge']) == ('requires_confirmation', None)


def test_a_key_without_the_permission_is_refused(sandbox: SandboxClient) -> None:
    """The refusal names the permission."""
    sandbox.act('key', missing_permissions=['payment_intent_write'])
    key = 'rk_test_sandboxNoMoneyMoves00000002'
    answer = httpx.post(sandbox.base + PATH, data=FORM, auth=(key, ''), trust_env=False)
    assert answer.status_code == 403
    assert "('payment_intent_write')" in answer.json()['error']['message']
