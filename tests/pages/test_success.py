"""The return from Stripe: /success leads to the page of the order."""

import pytest

from tests.pages.conftest import Way
from tests.pages.customer import Customer, words
from tests.sandbox_client import SandboxClient


async def test_the_return_redirects_to_the_orders_page(customer: Customer, way: Way) -> None:
    """/success redirects with 303, so that the session id leaves the address bar."""
    session_id = await way.pay()
    path = await way.back(session_id)
    assert path.startswith('/order/')
    assert session_id not in path


@pytest.mark.parametrize('session_id', ['', 'cs_', 'cs_test_<b>', 'pi_123', 'cs_' + 'x' * 300, 'cs_a b'])
async def test_a_malformed_session_is_refused(
    customer: Customer, sandbox: SandboxClient, session_id: str
) -> None:
    """A malformed session id is answered with a 400 page, and Stripe is not called."""
    answer = await customer.http.get('/success', params={'session_id': session_id})
    assert answer.status_code == 400
    assert 'If you have paid, your payment is safe.' in words(answer.text)
    assert sandbox.requests('GET /v1/checkout/sessions') == []


async def test_a_session_of_another_shop_is_not_found(customer: Customer) -> None:
    """A well-formed id that is not ours is answered with a 404 page with a phone number."""
    answer = await customer.http.get('/success', params={'session_id': 'cs_test_foreign'})
    assert answer.status_code == 404
    assert '(202) 555-0143' in words(answer.text)


async def test_stripe_fails_on_the_return(customer: Customer, sandbox: SandboxClient) -> None:
    """An unknown session while Stripe fails: 503, true words, and the page reloads by itself."""
    sandbox.fault('GET /v1/checkout/sessions/*', 'fail', status=500, times=None)
    answer = await customer.http.get('/success', params={'session_id': 'cs_test_unknown'})
    assert (answer.status_code, answer.headers['retry-after'], answer.headers['refresh']) == (503, '5', '5')
    assert 'If you paid, your payment is safe. Do not pay again; this page keeps checking.' in words(
        answer.text
    )


async def test_the_return_survives_what_is_added_to_it(customer: Customer, way: Way) -> None:
    """The address with the session's id is passed on as well."""
    session_id = await way.pay()
    answer = await customer.http.get(f'/success?session_id={session_id}%3E.&utm_source=x')
    assert answer.status_code == 303
