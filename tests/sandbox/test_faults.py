"""The sandbox's faults over plain HTTP and the SDK: failed, slow, lost and incomplete responses."""

import asyncio

import httpx
import pytest
import stripe

from tests.sandbox.checkout_sessions import SESSIONS, create_session, session_form
from tests.sandbox_client import SandboxClient

ACCOUNT = '/stripe/v1/account'


@pytest.mark.parametrize(
    ('status', 'error'),
    [
        (400, stripe.InvalidRequestError), (401, stripe.AuthenticationError), (402, stripe.CardError),
        (403, stripe.PermissionError), (404, stripe.InvalidRequestError), (409, stripe.APIError),
        (429, stripe.RateLimitError), (500, stripe.APIError), (503, stripe.APIError),
    ],
)  # fmt: skip
def test_each_status_raises_the_error_of_the_sdk(
    sandbox: SandboxClient, status: int, error: type[Exception]
) -> None:
    """The SDK raises its exception for the status of a fault, and only once."""
    sandbox.fault('GET /v1/account', 'fail', status=status)
    client = stripe.StripeClient(
        sandbox.settings['STRIPE_SECRET_KEY'], base_addresses={'api': f'{sandbox.base}/stripe'}
    )
    with pytest.raises(error):
        client.v1.accounts.retrieve_current()
    assert client.v1.accounts.retrieve_current().id


def test_a_rate_limit_has_retry_after(sandbox: SandboxClient, http: httpx.Client) -> None:
    """429 carries `Retry-After` and Stripe's code."""
    sandbox.fault('GET /v1/*', 'fail', status=429, retry_after=7)
    response = http.get(ACCOUNT)
    assert (response.status_code, response.headers['Retry-After']) == (429, '7')
    assert response.json()['error']['code'] == 'rate_limit'


def test_a_rule_applies_as_often_as_configured(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Twice, or until the faults are cleared; other paths are not affected."""
    sandbox.fault('GET /v1/account', 'fail', times=2)
    assert [http.get(ACCOUNT).status_code for _ in range(3)] == [500, 500, 200]
    sandbox.fault('GET /v1/account', 'fail', times=None)
    assert [http.get(ACCOUNT).status_code for _ in range(3)] == [500, 500, 500]
    assert http.get(SESSIONS).status_code == 200
    sandbox.clear_faults()
    assert http.get(ACCOUNT).status_code == 200


def test_an_unknown_rule_is_rejected(sandbox: SandboxClient, http: httpx.Client) -> None:
    """An unknown fault, or a fault of another kind, is an error."""
    for rule in ({'match': 'GET /*', 'do': 'explode'}, {'match': 'webhook *', 'do': 'fail'}, {'do': 'fail'}):
        assert http.post('/faults', json={'next': [rule]}).status_code == 400
    assert http.post('/actions/explode', json={}).status_code == 404
    assert http.get('/faults').json() == {'next': []}


def test_a_reset_connection_has_no_response_and_no_effect(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The connection ends before any byte, and no session was created."""
    sandbox.fault('POST /v1/checkout/sessions', 'reset')
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        http.post(SESSIONS, data=session_form(sandbox))
    assert http.get(SESSIONS).json()['data'] == []


def test_a_lost_response_has_its_effect(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The session exists without a response, and the same idempotency key returns it."""
    sandbox.fault('POST /v1/checkout/sessions', 'lose')
    headers = {'Idempotency-Key': 'order-1'}
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        http.post(SESSIONS, data=session_form(sandbox), headers=headers)
    made = http.get(SESSIONS).json()['data']
    again = http.post(SESSIONS, data=session_form(sandbox), headers=headers)
    assert [item['id'] for item in made] == [again.json()['id']]
    assert again.headers['Idempotent-Replayed'] == 'true'


def test_a_response_is_cut_off(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The headers and half of the body arrive, then the connection ends."""
    sandbox.fault('GET /v1/account', 'cut')
    received = bytearray()

    def read() -> None:
        with http.stream('GET', ACCOUNT) as response:
            assert response.status_code == 200
            for chunk in response.iter_raw():
                received.extend(chunk)

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        read()
    assert received.startswith(b'{')


def test_json_is_truncated(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The response is complete, but its JSON is not."""
    sandbox.fault('GET /v1/account', 'truncate')
    response = http.get(ACCOUNT)
    assert response.status_code == 200
    with pytest.raises(ValueError, match=r'Expecting|Unterminated'):
        response.json()


def test_html_is_sent_instead_of_json(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The response is a gateway's error page with the requested status."""
    sandbox.fault('GET /v1/account', 'html', status=502)
    response = http.get(ACCOUNT)
    assert (response.status_code, response.headers['content-type']) == (502, 'text/html; charset=utf-8')


def test_a_body_is_sent_as_it_is(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The response has the status and the body of the rule, and nothing was done."""
    sandbox.fault('POST /v1/webhook_endpoints', 'body', status=200, message='{"id": "we_1"')
    response = http.post('/stripe/v1/webhook_endpoints', data={'url': 'https://coach.test'})
    assert (response.status_code, response.text) == (200, '{"id": "we_1"')
    assert sandbox.state()['webhook_endpoints'] == []


def test_a_hanging_request_has_no_effect(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The client times out, and no session was created."""
    sandbox.fault('POST /v1/checkout/sessions', 'hang', seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        http.post(SESSIONS, data=session_form(sandbox), timeout=0.2)
    assert http.get(SESSIONS).json()['data'] == []


async def test_a_key_in_use_is_rejected(sandbox: SandboxClient) -> None:
    """While a slow request uses an idempotency key, a second one gets 409 and creates nothing."""
    sandbox.fault('POST /v1/checkout/sessions', 'delay', seconds=0.5)
    headers = {
        'Idempotency-Key': 'order-1',
        'Authorization': f'Bearer {sandbox.settings["STRIPE_SECRET_KEY"]}',
    }
    async with httpx.AsyncClient(base_url=sandbox.base, trust_env=False, headers=headers) as client:
        both = await asyncio.gather(*(client.post(SESSIONS, data=session_form(sandbox)) for _ in range(2)))
        assert sorted(response.status_code for response in both) == [200, 409]
        rejected = next(response for response in both if response.status_code == 409)
        assert rejected.json()['error']['code'] == 'idempotency_key_in_use'
        assert len((await client.get(SESSIONS)).json()['data']) == 1


def test_a_page_fails(sandbox: SandboxClient, http: httpx.Client) -> None:
    """`fail` applies to the payment page too."""
    session = create_session(sandbox)
    sandbox.fault('GET /pay/*', 'fail', status=503)
    assert [http.get(f'/stripe/pay/{session}').status_code for _ in range(2)] == [503, 200]


def test_calendly_has_its_own_error_format(sandbox: SandboxClient, http: httpx.Client) -> None:
    """A fault of Calendly has the error JSON of Calendly."""
    sandbox.fault('GET /users/me', 'fail', status=429, retry_after=3)
    headers = {'Authorization': f'Bearer {sandbox.settings["CALENDLY_TOKEN"]}'}
    response = http.get('/calendly/users/me', headers=headers)
    assert (response.status_code, response.headers['Retry-After']) == (429, '3')
    assert set(response.json()) == {'title', 'message'}


def test_requests_are_logged(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Each request is logged with parameters and idempotency key, but without authorization."""
    http.post(SESSIONS, data=session_form(sandbox), headers={'Idempotency-Key': 'k-1'})
    logged = sandbox.requests()
    assert [(item['vendor'], item['method'], item['idempotency_key']) for item in logged] == [
        ('stripe', 'POST', 'k-1')
    ]
    assert ['mode', 'payment'] in logged[0]['params']
    assert sandbox.settings['STRIPE_SECRET_KEY'] not in str(logged)
    http.delete('/requests')
    assert sandbox.requests() == []
