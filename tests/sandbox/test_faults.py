"""The sandbox's faults: answers that fail, hang, break off or get lost, seen through plain HTTP and the SDK."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
import stripe

from tests.sandbox_client import SandboxClient

ACCOUNT = '/stripe/v1/account'
SESSIONS = '/stripe/v1/checkout/sessions'


@pytest.fixture
def http(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    """A client of both APIs."""
    with httpx.Client(base_url=sandbox.base, trust_env=False, timeout=10) as client:
        client.headers['Authorization'] = f'Bearer {sandbox.settings["STRIPE_SECRET_KEY"]}'
        yield client


def form(sandbox: SandboxClient) -> dict[str, str]:
    """The least a session needs."""
    return {
        'mode': 'payment', 'line_items[0][price]': sandbox.settings['STRIPE_PRICE_ID'],
        'line_items[0][quantity]': '1', 'success_url': 'https://shop.test/',
    }  # fmt: skip


@pytest.mark.parametrize(
    ('status', 'error'),
    [
        (400, stripe.InvalidRequestError), (401, stripe.AuthenticationError), (402, stripe.CardError),
        (403, stripe.PermissionError), (404, stripe.InvalidRequestError), (409, stripe.APIError),
        (429, stripe.RateLimitError), (500, stripe.APIError), (503, stripe.APIError),
    ],
)  # fmt: skip
def test_each_failure_is_the_sdks_own_error(
    sandbox: SandboxClient, status: int, error: type[Exception]
) -> None:
    """A fault's status reaches the SDK as the exception it has for it."""
    sandbox.fault('GET /v1/account', 'fail', status=status)
    client = stripe.StripeClient(
        sandbox.settings['STRIPE_SECRET_KEY'], base_addresses={'api': f'{sandbox.base}/stripe'}
    )
    with pytest.raises(error):
        client.v1.accounts.retrieve_current()
    assert client.v1.accounts.retrieve_current().id


def test_a_rate_limit_says_when_to_come_back(sandbox: SandboxClient, http: httpx.Client) -> None:
    """429 carries `Retry-After` and Stripe's code."""
    sandbox.fault('GET /v1/*', 'fail', status=429, retry_after=7)
    answer = http.get(ACCOUNT)
    assert (answer.status_code, answer.headers['Retry-After']) == (429, '7')
    assert answer.json()['error']['code'] == 'rate_limit'


def test_a_rule_is_used_as_often_as_it_says(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Twice means twice; for ever lasts until the faults are released; other addresses are not met."""
    sandbox.fault('GET /v1/account', 'fail', times=2)
    assert [http.get(ACCOUNT).status_code for _ in range(3)] == [500, 500, 200]
    sandbox.fault('GET /v1/account', 'fail', times=None)
    assert [http.get(ACCOUNT).status_code for _ in range(3)] == [500, 500, 500]
    assert http.get(SESSIONS).status_code == 200
    sandbox.clear_faults()
    assert http.get(ACCOUNT).status_code == 200


def test_a_misspelt_rule_is_refused(sandbox: SandboxClient, http: httpx.Client) -> None:
    """A fault that does not exist, or not there, is an error and not silence."""
    for rule in ({'match': 'GET /*', 'do': 'explode'}, {'match': 'webhook *', 'do': 'fail'}, {'do': 'fail'}):
        assert http.post('/faults', json={'next': [rule]}).status_code == 400
    assert http.post('/actions/explode', json={}).status_code == 404
    assert http.get('/faults').json() == {'next': []}


def test_a_reset_connection_gives_no_answer_and_does_nothing(
    sandbox: SandboxClient, http: httpx.Client
) -> None:
    """The client sees the connection end before any byte, and no session was made."""
    sandbox.fault('POST /v1/checkout/sessions', 'reset')
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        http.post(SESSIONS, data=form(sandbox))
    assert http.get(SESSIONS).json()['data'] == []


def test_a_lost_answer_has_done_its_work(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The session exists although nobody was told, and the same idempotency key finds it."""
    sandbox.fault('POST /v1/checkout/sessions', 'lose')
    headers = {'Idempotency-Key': 'order-1'}
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        http.post(SESSIONS, data=form(sandbox), headers=headers)
    made = http.get(SESSIONS).json()['data']
    again = http.post(SESSIONS, data=form(sandbox), headers=headers)
    assert [item['id'] for item in made] == [again.json()['id']]
    assert again.headers['Idempotent-Replayed'] == 'true'


def test_an_answer_breaks_off(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The head and half of the body arrive, then the connection ends."""
    sandbox.fault('GET /v1/account', 'cut')
    received = bytearray()

    def read() -> None:
        with http.stream('GET', ACCOUNT) as answer:
            assert answer.status_code == 200
            for chunk in answer.iter_raw():
                received.extend(chunk)

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        read()
    assert received.startswith(b'{')


def test_json_is_truncated(sandbox: SandboxClient, http: httpx.Client) -> None:
    """A complete answer whose JSON is half."""
    sandbox.fault('GET /v1/account', 'truncate')
    answer = http.get(ACCOUNT)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r'Expecting|Unterminated'):
        answer.json()


def test_html_comes_instead_of_json(sandbox: SandboxClient, http: httpx.Client) -> None:
    """A gateway's error page with the wanted status."""
    sandbox.fault('GET /v1/account', 'html', status=502)
    answer = http.get(ACCOUNT)
    assert (answer.status_code, answer.headers['content-type']) == (502, 'text/html; charset=utf-8')


def test_a_hanging_request_does_nothing(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The client's time-out ends it, and no session was made."""
    sandbox.fault('POST /v1/checkout/sessions', 'hang', seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        http.post(SESSIONS, data=form(sandbox), timeout=0.2)
    assert http.get(SESSIONS).json()['data'] == []


async def test_a_key_in_use_is_refused(sandbox: SandboxClient) -> None:
    """While a slow request holds an idempotency key, a second one is told 409 and makes nothing."""
    sandbox.fault('POST /v1/checkout/sessions', 'delay', seconds=0.5)
    headers = {
        'Idempotency-Key': 'order-1',
        'Authorization': f'Bearer {sandbox.settings["STRIPE_SECRET_KEY"]}',
    }
    async with httpx.AsyncClient(base_url=sandbox.base, trust_env=False, headers=headers) as client:
        both = await asyncio.gather(*(client.post(SESSIONS, data=form(sandbox)) for _ in range(2)))
        assert sorted(answer.status_code for answer in both) == [200, 409]
        refused = next(answer for answer in both if answer.status_code == 409)
        assert refused.json()['error']['code'] == 'idempotency_key_in_use'
        assert len((await client.get(SESSIONS)).json()['data']) == 1


def test_a_page_fails_too(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The hosted page heeds `fail` as the API does."""
    session = http.post(SESSIONS, data=form(sandbox)).json()['id']
    sandbox.fault('GET /pay/*', 'fail', status=503)
    assert [http.get(f'/stripe/pay/{session}').status_code for _ in range(2)] == [503, 200]


def test_calendly_fails_in_its_own_words(sandbox: SandboxClient, http: httpx.Client) -> None:
    """The other sandbox answers with its own error shape."""
    sandbox.fault('GET /users/me', 'fail', status=429, retry_after=3)
    headers = {'Authorization': f'Bearer {sandbox.settings["CALENDLY_TOKEN"]}'}
    answer = http.get('/calendly/users/me', headers=headers)
    assert (answer.status_code, answer.headers['Retry-After']) == (429, '3')
    assert set(answer.json()) == {'title', 'message'}


def test_the_log_counts_requests(sandbox: SandboxClient, http: httpx.Client) -> None:
    """Each request is noted with its parameters and key, without the authorization."""
    http.post(SESSIONS, data=form(sandbox), headers={'Idempotency-Key': 'k-1'})
    noted = sandbox.requests()
    assert [(item['vendor'], item['method'], item['idempotency_key']) for item in noted] == [
        ('stripe', 'POST', 'k-1')
    ]
    assert ['mode', 'payment'] in noted[0]['params']
    assert sandbox.settings['STRIPE_SECRET_KEY'] not in str(noted)
    http.delete('/requests')
    assert sandbox.requests() == []
