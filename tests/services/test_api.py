"""The JSON endpoint: it returns a URL to pay at, or an error with words for the customer."""

import httpx
import pytest

from services.shop import Shop
from tests.sandbox_client import SandboxClient

ENDPOINT = '/api/create-checkout-session'


@pytest.mark.parametrize('body', [{}, {'json': {}}, {'json': {'offer': None}}])
async def test_a_session_is_opened(endpoints: httpx.AsyncClient, shop: Shop, body: dict[str, object]) -> None:
    """The body may name the offer, be an empty object, or be missing."""
    if body.get('json'):
        body = {'json': {'offer': shop.catalog.get().slug}}
    answer = await endpoints.post(ENDPOINT, **body)  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert set(answer.json()) == {'id', 'url'}
    assert answer.json()['id'].startswith('cs_test_')
    assert answer.headers['cache-control'] == 'no-store'


@pytest.mark.parametrize(
    ('body', 'kind', 'status', 'code'),
    [
        (b'{', 'application/json', 400, 'bad_request'),
        (b'\xff', 'application/json', 400, 'bad_request'),
        (b'[]', 'application/json', 400, 'bad_request'),
        (b'null', 'application/json', 400, 'bad_request'),
        (b'[' * 4000, 'application/json', 400, 'bad_request'),
        (b'{"offer": 1}', 'application/json', 400, 'bad_request'),
        (b'{"price": 1}', 'application/json', 400, 'bad_request'),
        (b'{"offer": "nothing"}', 'application/json', 404, 'unknown_offer'),
        (b'{"offer": "' + b'x' * 5000 + b'"}', 'application/json', 413, 'body_too_large'),
        (b'offer=session', 'application/x-www-form-urlencoded', 415, 'unsupported_type'),
        (b'{}', 'text/plain', 415, 'unsupported_type'),
        (b'{}', 'application/json; charset=utf-16', 415, 'unsupported_type'),
        ('{}'.encode('utf-16'), 'application/json', 400, 'bad_request'),
    ],
)
async def test_a_wrong_body_is_refused(
    endpoints: httpx.AsyncClient, sandbox: SandboxClient, body: bytes, kind: str, status: int, code: str
) -> None:
    """The error has a status, a code and a message, and no session is opened."""
    answer = await endpoints.post(ENDPOINT, content=body, headers={'Content-Type': kind})
    assert answer.status_code == status
    assert answer.json()['error']['code'] == code
    assert answer.json()['error']['message']
    assert sandbox.state()['sessions'] == []


async def test_a_failure_of_stripe_is_reported(endpoints: httpx.AsyncClient, sandbox: SandboxClient) -> None:
    """The message does not contain Stripe's own message."""
    sandbox.fault(
        'POST /v1/checkout/sessions', 'fail', status=401, message='Invalid key sk_test_x', times=None
    )
    answer = await endpoints.post(ENDPOINT)
    assert answer.status_code == 503
    assert answer.json()['error']['code'] == 'payments_unavailable'
    assert 'sk_test' not in answer.text


async def test_the_shop_reports_its_health(endpoints: httpx.AsyncClient, shop: Shop) -> None:
    """The shop is alive, and ready while the ledger answers; each part shows its problem."""
    assert (await endpoints.get('/healthz')).text == 'ok'
    assert (await endpoints.head('/healthz')).status_code == 200
    before = await endpoints.get('/readyz')
    assert before.json() == {
        'ready': True,
        'parts': {
            'ledger': 'ok',
            'stripe key': 'ok',
            'price': 'the price has not been read from Stripe yet',
            'calendar': 'the calendar has not been checked yet',
            'bookings': 'the bookings have not been read yet',
            'reconciler': 'ok',
            'texts': 'ok',
            'clock': 'ok',
            'sales': 'ok',
            'selling': 'ok',
            'webhooks': 'ok',
        },
    }
    await shop.catalog.price()
    assert (await endpoints.get('/readyz')).json()['parts']['price'] == 'ok'
