"""The sandbox's webhook endpoints, products and prices at Stripe, and event types made at Calendly."""

import json
from datetime import datetime, timedelta

import httpx
import stripe

from tests.sandbox.checkout_sessions import create_session
from tests.sandbox.receiver import Receiver
from tests.sandbox_client import SandboxClient

ENDPOINTS = '/stripe/v1/webhook_endpoints'


def make(http: httpx.Client, url: str, *events: str) -> httpx.Response:
    """Make an endpoint."""
    return http.post(
        ENDPOINTS, data={'url': url, **{f'enabled_events[{i}]': e for i, e in enumerate(events)}}
    )


def test_an_event_destination_receives_snapshots_or_thin_events(
    sandbox: SandboxClient, http: httpx.Client, receiver: Receiver
) -> None:
    """Its URL is in the list where `include` names it; a disabled one receives nothing."""
    sandbox.act('webhooks', stripe=None)
    kinds = ['checkout.session.expired']
    sandbox.act('event-destination', url='https://shop.test/off', events=kinds, enabled=False)
    sandbox.act('event-destination', url=receiver.url, events=kinds, payload='thin')
    path, include = '/stripe/v2/core/event_destinations', {'include[0]': 'webhook_endpoint.url'}
    assert [each['webhook_endpoint'] for each in http.get(path).json()['data']] == [{}, {}]
    off, on = http.get(path, params=include).json()['data']
    assert (off['status'], off['webhook_endpoint']['url']) == ('disabled', 'https://shop.test/off')
    assert (on['enabled_events'], on['event_payload']) == (['v1.checkout.session.expired'], 'thin')
    session = create_session(sandbox)
    sandbox.act('expire', session=session)
    assert json.loads(receiver.next()[0])['related_object']['id'] == session


def test_what_is_missing_in_the_dashboard_refuses_a_session(sandbox: SandboxClient) -> None:
    """Consent needs the URL of the terms, automatic tax the address of the head office."""
    for setting, param, value in (
        ('terms_url', 'consent_collection[terms_of_service]', 'required'),
        ('tax_office', 'automatic_tax[enabled]', 'true'),
    ):
        sandbox.act('dashboard', **{setting: False})
        form = {'mode': 'payment', 'success_url': 'https://shop.test/', param: value}
        form |= {'line_items[0][price]': sandbox.settings['STRIPE_PRICE_ID'], 'line_items[0][quantity]': '1'}
        auth = (sandbox.settings['STRIPE_SECRET_KEY'], '')
        answer = httpx.post(f'{sandbox.base}/stripe/v1/checkout/sessions', data=form, auth=auth)
        assert (answer.status_code, answer.json()['error']['param']) == (400, param)


def test_an_endpoint_receives_its_events_with_its_own_secret(
    sandbox: SandboxClient, http: httpx.Client, receiver: Receiver
) -> None:
    """The secret is in the first answer only; a changed, disabled or deleted endpoint receives no more."""
    sandbox.act('webhooks', stripe=None)
    made = make(http, receiver.url, 'checkout.session.expired').json()
    path = f'{ENDPOINTS}/{made["id"]}'
    assert (made['secret'].startswith('whsec_'), 'secret' in http.get(path).json()) == (True, False)
    assert [each['id'] for each in http.get(ENDPOINTS).json()['data']] == [made['id']]
    paid, expired = create_session(sandbox), create_session(sandbox)
    sandbox.pay(paid)
    sandbox.act('expire', session=expired)
    body, signature = receiver.next()
    assert stripe.Webhook.construct_event(body, signature, made['secret']).data.object['id'] == expired
    assert http.post(path, data={'disabled': 'true'}).json()['status'] == 'disabled'
    sandbox.act('expire', session=create_session(sandbox))
    changed = http.post(path, data={'disabled': 'false', 'enabled_events[0]': '*'}).json()
    assert (changed['status'], changed['enabled_events']) == ('enabled', ['*'])
    last = create_session(sandbox)
    sandbox.act('expire', session=last)
    assert json.loads(receiver.next()[0])['data']['object']['id'] == last
    assert http.delete(path).json() == {'id': made['id'], 'object': 'webhook_endpoint', 'deleted': True}
    assert http.get(path).status_code == 404
    assert http.get(ENDPOINTS).json()['data'] == []


def test_an_endpoint_that_stripe_would_refuse_is_refused(http: httpx.Client) -> None:
    """A bad URL, no events, an unknown form of an event, and the seventeenth endpoint."""
    assert make(http, 'no url', '*').json()['error']['code'] == 'url_invalid'
    assert make(http, 'https://shop.test/').json()['error']['param'] == 'enabled_events'
    assert make(http, 'https://shop.test/', 'everything').json()['error']['param'] == 'enabled_events[0]'
    answers = [make(http, 'https://shop.test/', '*') for _ in range(17)]
    assert [answer.status_code for answer in answers] == [200] * 16 + [400]


def test_the_configured_endpoint_is_listed(sandbox: SandboxClient, http: httpx.Client) -> None:
    """It is one of the account's endpoints."""
    sandbox.send_webhooks_to('https://shop.test')
    (found,) = http.get(ENDPOINTS).json()['data']
    assert (found['url'], found['status']) == ('https://shop.test/webhooks/stripe', 'enabled')


def test_a_price_can_be_made_with_its_product(sandbox: SandboxClient, http: httpx.Client) -> None:
    """In one request or in two; it is listed first, and can be bought."""
    form = {'currency': 'eur', 'unit_amount': '12500', 'product_data[name]': 'An hour'}
    made = http.post('/stripe/v1/prices', data=form).json()
    listed = http.get('/stripe/v1/prices', params={'type': 'one_time', 'expand[]': 'data.product'}).json()
    assert (listed['data'][0]['id'], listed['data'][0]['product']['name']) == (made['id'], 'An hour')
    product = http.post('/stripe/v1/products', data={'name': 'Two hours'}).json()['id']
    assert http.get('/stripe/v1/products').json()['data'][0]['id'] == product
    form = {'currency': 'usd', 'unit_amount': '20000', 'product': product}
    second = http.post('/stripe/v1/prices', data=form).json()
    session = create_session(sandbox, **{'line_items[0][price]': second['id']})
    assert sandbox.pay(session)['outcome'] == 'paid'
    for wrong in ({'product': 'prod_none'}, {'product': product, 'product_data[name]': 'x'}, {}):
        assert http.post('/stripe/v1/prices', data={'currency': 'usd', 'unit_amount': '1'} | wrong).is_error
    assert http.post('/stripe/v1/prices', data={'currency': 'usd', 'product': product}).is_error


def test_an_event_type_can_be_made(sandbox: SandboxClient, api: httpx.Client) -> None:
    """It is listed, and booked by its page and its links; a wrong owner, name or length is refused."""
    owner = api.get('users/me').json()['resource']['uri']
    body = {'owner': owner, 'name': 'An Hour', 'duration': 45, 'active': True}
    made = api.post('event_types', json=body).json()['resource']
    assert (made['kind'], made['duration'], made['secret']) == ('solo', 45, False)
    assert made['scheduling_url'].endswith('/an-hour')
    assert api.get(made['uri']).json()['resource'] == made
    listed = api.get('event_types', params={'user': owner, 'active': 'true'}).json()['collection']
    assert [each['uri'] for each in listed][1:] == [made['uri']]
    for wrong in ({'owner': 'https://api.calendly.com/users/1'}, {'name': ' '}, {'duration': 721}):
        assert api.post('event_types', json=body | wrong).status_code == 400
    single = {'max_event_count': 1, 'owner': made['uri'], 'owner_type': 'EventType'}
    link = api.post('scheduling_links', json=single).json()['resource']
    share = api.post('shares', json={'event_type': made['uri']}).json()['resource']
    (shared,) = share['scheduling_links']
    assert (link['owner'], shared['owner'], share['share_override']['duration']) == (made['uri'],) * 2 + (45,)
    query = {'user': owner, 'event_type': made['uri']}
    assert [each['uri'] for each in api.get('shares', params=query).json()['collection']] == [share['uri']]
    for url in (made['scheduling_url'], link['booking_url'], shared['booking_url']):
        booked = sandbox.book(url, name='Pat', email='pat@example.com')
        event = api.get(booked['event']).json()['resource']
        start, end = (datetime.fromisoformat(event[name]) for name in ('start_time', 'end_time'))
        assert (event['event_type'], event['name'], end - start) == (
            made['uri'],
            'An Hour',
            timedelta(minutes=45),
        )
