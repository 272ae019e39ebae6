"""POST /checkout: the pay button as a plain form, and malformed bodies."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.pages.conftest import Way
from tests.pages.customer import Customer, words
from tests.sandbox_client import SandboxClient

SESSIONS = 'POST /v1/checkout/sessions'


async def test_the_form_leads_to_stripe(customer: Customer, sandbox: SandboxClient) -> None:
    """Posting the form redirects with 303 to the session that was opened."""
    answer = await customer.http.post('/checkout', data={'shown': '15000-usd', 'again': ''})
    (session,) = sandbox.state()['sessions']
    assert (answer.status_code, answer.headers['location']) == (303, session['url'])


async def test_form_and_button_share_one_session(customer: Customer, sandbox: SandboxClient) -> None:
    """A browser that posts the form and presses the button gets the same session."""
    await customer.open('/')
    answer = await customer.http.post('/checkout', data={'shown': '15000-usd'})
    await customer.pressed()
    assert customer.left_for == [answer.headers['location']]
    assert len(sandbox.state()['sessions']) == 1


async def test_an_outage_leads_back_to_an_alert(customer: Customer, sandbox: SandboxClient) -> None:
    """A failure redirects with 303 to the landing page; the URL carries code and id, no words."""
    sandbox.fault(SESSIONS, 'fail', status=500, times=None)
    answer = await customer.http.post('/checkout', data={'shown': '15000-usd'})
    url = urlsplit(answer.headers['location'])
    query = parse_qs(url.query)
    assert (answer.status_code, url.path, set(query)) == (303, '/', {'alert', 'error'})
    await customer.open(answer.headers['location'])
    assert customer.alerts[0].startswith('We could not reach the payment service.')
    assert customer.alerts[0].endswith(f'Error {query["error"][0]}')


async def test_another_price_is_not_charged(customer: Customer, sandbox: SandboxClient) -> None:
    """A form with another price than the current one is refused, and no session is opened."""
    answer = await customer.http.post('/checkout', data={'shown': '14000-usd'})
    await customer.open(answer.headers['location'])
    assert 'The price has changed since this page was opened.' in customer.alerts[0]
    assert sandbox.state()['sessions'] == []


async def test_a_second_payment_needs_a_second_post(customer: Customer, way: Way) -> None:
    """After a payment the form leads to a warning, and only the form beside it pays again."""
    await way.arrive(await way.pay())
    answer = await customer.http.post('/checkout', data={'shown': '15000-usd', 'again': ''})
    assert parse_qs(urlsplit(answer.headers['location']).query)['alert'] == ['already_paid']
    await customer.open(answer.headers['location'])
    assert customer.field('again') == ['1', '1']
    answer = await customer.http.post('/checkout', data={'shown': '15000-usd', 'again': '1'})
    assert '/pay/' in answer.headers['location']


@pytest.mark.parametrize(
    ('content', 'kind', 'status'),
    [
        (b'{"shown": "15000-usd"}', 'application/json', 415),
        (b'--x\r\nbroken', 'multipart/form-data; boundary=x', 415),
        (b'shown=15000-usd', 'text/plain', 415),
        (b'shown=free', 'application/x-www-form-urlencoded', 400),
        (b'shown=%FF%FE', 'application/x-www-form-urlencoded', 400),
        (b'\xff\xfe\x00', 'application/x-www-form-urlencoded', 400),
        (b'a&b', 'application/x-www-form-urlencoded', 400),
        (b'&'.join(b'a=1' for _ in range(40)), 'application/x-www-form-urlencoded', 400),
        (b'a=' + b'x' * 5000, 'application/x-www-form-urlencoded', 413),
    ],
)
async def test_a_malformed_body_is_refused(
    customer: Customer, sandbox: SandboxClient, content: bytes, kind: str, status: int
) -> None:
    """A body that our page would not send is answered with a 4xx page, and nothing is started."""
    answer = await customer.http.post('/checkout', content=content, headers={'Content-Type': kind})
    assert answer.status_code == status
    assert 'That did not work' in words(answer.text)
    assert sandbox.state()['sessions'] == []


async def test_get_checkout_redirects_to_the_landing_page(customer: Customer) -> None:
    """GET /checkout, as after a reload, redirects to the landing page."""
    answer = await customer.http.get('/checkout')
    assert (answer.status_code, answer.headers['location']) == (303, '/')
