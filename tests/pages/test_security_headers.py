"""The security headers of responses, and which request headers are trusted."""

import re

import pytest
from nicegui import app

from services.settings import parse_settings
from services.shop import Shop
from tests.pages.conftest import Way
from tests.pages.customer import Customer, policy

ELSEWHERE = 'evil.example'
HTTPS = {'DOMAIN': 'https://coach.example', 'CHECKOUT_HOST': 'pay.coach.example', 'ALLOW_TEST_SALES': '1'}
BY_HTTP = {'x-forwarded-proto': 'http'}
NONCE = r"'nonce-([\w-]{22})'"


@pytest.fixture
def settings_env(settings_env: dict[str, str], request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of the shop, with the changes of a test."""
    return settings_env | getattr(request, 'param', {})


with_https = pytest.mark.parametrize('settings_env', [HTTPS], indirect=True, ids=['https'])


async def test_the_landing_page(customer: Customer, shop: Shop) -> None:
    """Only scripts with the nonce run, nothing may be framed, and only Stripe may receive the form."""
    found_policy = policy(await customer.http.get('/'))
    nonce = found_policy.pop('script-src')
    assert nonce[0] == "'self'"
    assert re.fullmatch(NONCE, nonce[1])
    assert found_policy == {
        'default-src': ["'none'"],
        'base-uri': ["'none'"],
        'frame-ancestors': ["'none'"],
        'style-src': ["'self'", "'unsafe-inline'"],
        'connect-src': ["'self'"],
        'img-src': ["'self'", 'data:'],
        'font-src': ["'self'", 'data:'],
        'frame-src': ["'none'"],
        'form-action': ["'self'", *shop.settings.payment_origins],
    }


async def test_scripts_carry_the_nonce(customer: Customer) -> None:
    """Each script of the page has the nonce, which is new each time; JSON-LD has none."""
    numbers = []
    for answer in (await customer.http.get('/'), await customer.http.get('/')):
        scripts = re.findall(r'<script\b[^>]*', answer.text)
        [*marked] = [tag for tag in scripts if 'application/ld+json' not in tag]
        found = re.fullmatch(NONCE, policy(answer)['script-src'][1])
        assert found
        assert len(marked) > 5
        assert all(f'nonce="{found[1]}"' in tag for tag in marked)
        numbers.append(found[1])
    assert numbers[0] != numbers[1]


async def test_the_order_page(customer: Customer, way: Way, shop: Shop) -> None:
    """The calendar may be framed, forms stay here, and the URL is in no referrer."""
    path = await way.back(await way.pay())
    answer = await customer.http.get(path)
    assert policy(answer)['frame-src'] == list(shop.settings.frame_sources)
    assert policy(answer)['form-action'] == ["'self'"]
    assert answer.headers['referrer-policy'] == 'no-referrer'


@pytest.mark.parametrize('path', ['/terms', '/no/such/page', '/order/unknown', '/success'])
async def test_a_plain_document(customer: Customer, path: str) -> None:
    """The policy of a page without script allows none."""
    assert policy(await customer.http.get(path)) == {
        'default-src': ["'none'"],
        'base-uri': ["'none'"],
        'frame-ancestors': ["'none'"],
        'style-src': ["'unsafe-inline'"],
        'img-src': ["'self'", 'data:'],
        'form-action': ["'self'"],
    }


@pytest.mark.parametrize('path', ['/healthz', '/favicon.svg', '/robots.txt', '/webhooks/stripe', '/checkout'])
async def test_what_is_no_page(customer: Customer, path: str) -> None:
    """The policy of a response that is not a page allows nothing."""
    answer = await customer.http.get(path)
    assert policy(answer) == {'default-src': ["'none'"], 'frame-ancestors': ["'none'"]}


async def test_a_page_that_breaks(customer: Customer) -> None:
    """The response to an uncaught exception has a policy."""

    @app.get('/broken')
    def broken() -> None:
        raise RuntimeError('a bug')

    answer = await customer.http.get('/broken')
    assert answer.status_code == 500
    assert policy(answer)['default-src'] == ["'none'"]


@pytest.mark.parametrize('path', ['/', '/terms', '/healthz', '/no/such/page'])
async def test_every_answer(customer: Customer, path: str) -> None:
    """Every response forbids type guessing, framing and access to our window; referrers hold the origin."""
    headers = (await customer.http.get(path)).headers
    assert headers['x-content-type-options'] == 'nosniff'
    assert headers['x-frame-options'] == 'DENY'
    assert headers['cross-origin-opener-policy'] == 'same-origin-allow-popups'
    assert headers['cross-origin-resource-policy'] == 'same-origin'
    assert headers['referrer-policy'] == 'strict-origin'
    assert 'camera=()' in headers['permissions-policy']
    assert 'strict-transport-security' not in headers


@pytest.mark.parametrize('path', ['/', '/terms', '/no/such/page', '/checkout', '/sitemap.xml', '/robots.txt'])
async def test_the_host_header_is_not_trusted(customer: Customer, path: str) -> None:
    """No response repeats the Host header or the prefix header of a proxy."""
    headers = {'host': ELSEWHERE, 'x-forwarded-host': ELSEWHERE, 'x-forwarded-prefix': f'//{ELSEWHERE}'}
    answer = await customer.http.get(path, headers=headers)
    assert ELSEWHERE not in answer.text
    assert ELSEWHERE not in str(answer.headers)


@with_https
async def test_https_is_enforced(customer: Customer) -> None:
    """With https, HSTS is sent, and Stripe's custom domain may receive the form."""
    answer = await customer.http.get('/')
    assert answer.headers['strict-transport-security'] == 'max-age=63072000'
    assert 'https://pay.coach.example' in policy(answer)['form-action']


@with_https
async def test_http_is_redirected_to_https(customer: Customer) -> None:
    """A request that a proxy received over http is redirected to our own https URL, not to its Host."""
    answer = await customer.http.get('/success?session_id=cs_1%2F', headers={**BY_HTTP, 'host': ELSEWHERE})
    assert answer.status_code == 308
    assert answer.headers['location'] == 'https://coach.example/success?session_id=cs_1%2F'
    assert answer.headers['referrer-policy'] == 'no-referrer'


@with_https
async def test_a_form_over_http_is_refused(customer: Customer) -> None:
    """A form is not redirected: the response says to use https, and no order is made."""
    answer = await customer.http.post('/checkout', headers=BY_HTTP)
    assert (answer.status_code, answer.text) == (
        403,
        'This shop is reached by https only: https://coach.example',
    )


@with_https
async def test_health_is_answered_over_http(customer: Customer) -> None:
    """Health checks may use http; a request that did not pass a proxy is not redirected."""
    assert (await customer.http.get('/healthz', headers=BY_HTTP)).status_code == 200
    assert (await customer.http.get('/')).status_code == 200


def test_the_sandbox_receives_forms_under_every_name() -> None:
    """A sandbox on this machine has several names; a real host has one, with a port only if it is given."""
    keys = {'STRIPE_SECRET_KEY': 'sk_test_a', 'STRIPE_PRICE_ID': 'price_1'}
    values = keys | {
        'CALENDLY_LINK': 'https://team.calendly.com/coach/session',
        'CHECKOUT_HOST': 'pay.example',
    }
    real = parse_settings(values)
    assert real.payment_origins == ('https://checkout.stripe.com', 'https://pay.example')
    assert real.frame_sources == ('https://calendly.com', 'https://team.calendly.com')
    sandbox = parse_settings(values | {'STRIPE_API_BASE': 'http://127.0.0.1:9000/stripe'})
    assert set(sandbox.payment_origins) - set(real.payment_origins) == {
        'http://127.0.0.1:9000',
        'http://localhost:9000',
    }
