"""The sandbox's responses against Stripe's own description, in every state of the objects."""

import os
from collections.abc import Callable

import httpx
import pytest

from tests.contract.openapi import check_response
from tests.sandbox_client import SandboxClient

LISTS = (
    *('checkout/sessions', 'payment_intents', 'charges', 'refunds', 'disputes', 'events', 'prices'),
    *('reviews', 'radar/early_fraud_warnings', 'products', 'webhook_endpoints'),
)
EXPANDED = (
    'expand[]=payment_intent.latest_charge.refunds&expand[]=line_items.data.price.product&expand[]=invoice'
)


def check_get(client: httpx.Client, path: str) -> list[str]:
    """Return what is wrong with the response to a GET."""
    response = client.get(path)
    return check_response(path, response.status_code, response.json())


def test_a_session_is_as_described_in_each_state(api: httpx.Client, session: str) -> None:
    """Plain and with everything expanded, a session has all fields it must have, and no others."""
    assert check_get(api, f'/v1/checkout/sessions/{session}') == []
    assert check_get(api, f'/v1/checkout/sessions/{session}?{EXPANDED}') == []
    assert check_get(api, f'/v1/checkout/sessions/{session}/line_items') == []
    if invoice := api.get(f'/v1/checkout/sessions/{session}').json()['invoice']:
        assert check_get(api, f'/v1/invoices/{invoice}') == []


@pytest.mark.parametrize('name', LISTS)
def test_a_list_is_as_described_in_each_state(api: httpx.Client, session: str, name: str) -> None:
    """The lists, and each object in them read alone, are as described whatever happened to the session."""
    assert check_get(api, f'/v1/{name}') == []
    for item in api.get(f'/v1/{name}').json()['data']:
        assert check_get(api, f'/v1/{name}/{item["id"]}') == []


def test_each_event_carries_an_object_as_described(api: httpx.Client, session: str) -> None:
    """An event's object is what reading that kind of object would give."""
    paths = {'checkout.session': 'checkout/sessions', 'payment_intent': 'payment_intents'}
    paths |= {'radar.early_fraud_warning': 'radar/early_fraud_warnings'}
    for event in api.get('/v1/events', params={'limit': '100'}).json()['data']:
        item = event['data']['object']
        path = paths.get(item['object'], item['object'] + 's')
        assert check_response(f'/v1/{path}/{item["id"]}', 200, item) == [], event['type']


def test_prices_products_and_the_account_are_as_described(sandbox: SandboxClient, api: httpx.Client) -> None:
    """Price, recurring price, product and account are as described."""
    price = sandbox.settings['STRIPE_PRICE_ID']
    product = api.get(f'/v1/prices/{price}').json()['product']
    sandbox.act('price', price='price_monthly', recurring=True)
    paths = (f'/v1/prices/{price}?expand[]=product', '/v1/prices/price_monthly', f'/v1/products/{product}')
    assert [check_get(api, path) for path in (*paths, '/v1/account')] == [[], [], [], []]


def test_responses_to_writes_are_as_described(
    sandbox: SandboxClient, api: httpx.Client, opened: Callable[..., str]
) -> None:
    """The responses to creating and expiring a session, to a refund and to evidence are as described."""
    session, second = opened(), opened()
    sandbox.pay(session)
    intent = api.get(f'/v1/checkout/sessions/{session}').json()['payment_intent']
    expired = api.post(f'/v1/checkout/sessions/{second}/expire')
    refund = api.post('/v1/refunds', data={'payment_intent': intent, 'amount': '100', 'metadata[a]': 'b'})
    assert (expired.status_code, refund.status_code) == (200, 200)
    assert check_response(f'/v1/checkout/sessions/{second}/expire', 200, expired.json(), 'POST') == []
    assert check_response('/v1/refunds', 200, refund.json(), 'POST') == []
    third = opened()
    sandbox.pay(third, card='4000000000000259')
    path = f'/v1/disputes/{api.get("/v1/disputes").json()["data"][0]["id"]}'
    staged = api.post(path, data={'evidence[customer_name]': 'Ann', 'submit': 'false'})
    assert check_response(path, 200, staged.json(), 'POST') == []


def test_responses_to_the_writes_of_the_set_up_are_as_described(api: httpx.Client) -> None:
    """A webhook endpoint is made, changed and deleted; a product and a price are made."""
    form = {'url': 'https://shop.test/', 'enabled_events[]': 'charge.refunded', 'metadata[a]': 'b'}
    made = api.post('/v1/webhook_endpoints', data=form).json()
    assert check_response('/v1/webhook_endpoints', 200, made, 'POST') == []
    path = f'/v1/webhook_endpoints/{made["id"]}'
    assert check_response(path, 200, api.post(path, data={'disabled': 'true'}).json(), 'POST') == []
    assert check_get(api, '/v1/webhook_endpoints') == []
    assert check_response(path, 200, api.delete(path).json(), 'DELETE') == []
    product = api.post('/v1/products', data={'name': 'An hour'}).json()
    assert check_response('/v1/products', 200, product, 'POST') == []
    price = {'currency': 'usd', 'unit_amount': '100', 'product': product['id']}
    assert check_response('/v1/prices', 200, api.post('/v1/prices', data=price).json(), 'POST') == []
    assert [check_get(api, path) for path in ('/v1/products', '/v1/prices')] == [[], []]


def test_event_destinations_are_as_described(sandbox: SandboxClient, api: httpx.Client) -> None:
    """Snapshot and thin, enabled and disabled; the URL is sent where it is wanted."""
    path = '/v2/core/event_destinations'
    sandbox.act('event-destination', url='https://shop.test/a')
    sandbox.act('event-destination', url='https://shop.test/b', payload='thin', enabled=False)
    assert check_get(api, path) == []
    assert check_get(api, f'{path}?include[0]=webhook_endpoint.url') == []


@pytest.mark.parametrize('card', ['4000000000007726', '4000000000005126'])
def test_the_refunds_of_test_cards_are_as_described(
    sandbox: SandboxClient, api: httpx.Client, opened: Callable[..., str], card: str
) -> None:
    """At first and after they have changed."""
    session = opened()
    sandbox.pay(session, card=card)
    intent = api.get(f'/v1/checkout/sessions/{session}').json()['payment_intent']
    made = api.post('/v1/refunds', data={'payment_intent': intent, 'reason': 'fraudulent'})
    assert check_response('/v1/refunds', 200, made.json(), 'POST') == []
    sandbox.act('clock', ahead=61)
    for path in (f'/v1/refunds/{made.json()["id"]}', f'/v1/charges/{made.json()["charge"]}'):
        assert check_get(api, path) == []


@pytest.mark.parametrize('status', [400, 401, 402, 403, 404, 409, 429, 500, 503])
def test_an_error_is_as_described(sandbox: SandboxClient, api: httpx.Client, status: int) -> None:
    """Whatever the status, the error object is as described."""
    sandbox.fault('GET /v1/account', 'fail', status=status)
    response = api.get('/v1/account')
    assert response.status_code == status
    assert check_response('/v1/account', status, response.json()) == []


def test_the_check_finds_missing_unknown_and_mistyped_fields(
    api: httpx.Client, opened: Callable[..., str]
) -> None:
    """The check itself can fail: it reports a field that is missing, added or of another type."""
    session = opened()
    good = api.get(f'/v1/checkout/sessions/{session}').json()
    path = f'/v1/checkout/sessions/{session}'
    without = {key: value for key, value in good.items() if key != 'payment_status'}
    assert check_response(path, 200, without) == ["(top): 'payment_status' is a required property"]
    assert 'invented' in check_response(path, 200, good | {'invented': 1})[0]
    assert check_response(path, 200, good | {'created': 'now'})[0].startswith('created: ')
    assert check_response(path, 200, good | {'automatic_tax': {'enabled': 'no'}}) != []


@pytest.mark.stripe_live
def test_stripe_itself_is_as_described() -> None:
    """With a test key in the environment, Stripe's own responses pass the same check."""
    key, price = os.environ.get('STRIPE_TEST_SECRET_KEY'), os.environ.get('STRIPE_TEST_PRICE_ID')
    if not (key and price):
        pytest.skip('needs STRIPE_TEST_SECRET_KEY and STRIPE_TEST_PRICE_ID')
    assert key.startswith(('sk_test_', 'rk_test_'))
    with httpx.Client(base_url='https://api.stripe.com', auth=(key, ''), timeout=30) as client:
        client.headers['Stripe-Version'] = '2026-10-28.endive'
        form = {'mode': 'payment', 'line_items[0][price]': price, 'line_items[0][quantity]': '1'}
        made = client.post('/v1/checkout/sessions', data=form | {'success_url': 'https://example.com/'})
        assert check_response('/v1/checkout/sessions', made.status_code, made.json(), 'POST') == []
        for path in (f'/v1/prices/{price}', '/v1/events', f'/v1/checkout/sessions/{made.json()["id"]}'):
            assert check_get(client, path) == []
        client.post(f'/v1/checkout/sessions/{made.json()["id"]}/expire').raise_for_status()
