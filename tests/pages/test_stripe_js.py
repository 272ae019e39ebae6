"""Stripe.js: on the landing page only, loaded late, allowed by its policy, named in the privacy text."""

from dataclasses import replace

import pytest

from services.settings import parse_settings
from services.shop import Shop
from tests.pages.conftest import Way
from tests.pages.customer import Customer, policy, words

SCRIPT = '<script src="https://js.stripe.com/endive/stripe.js" async fetchpriority="low"></script>'
STRIPE = 'js.stripe.com'
KEYS = {
    'STRIPE_SECRET_KEY': 'sk_test_1',
    'STRIPE_PUBLISHABLE_KEY': 'pk_test_1',
    'STRIPE_PRICE_ID': 'price_1',
    'CALENDLY_LINK': 'https://calendly.com/coach/session',
}


@pytest.fixture
def at_stripe(shop: Shop) -> Shop:
    """The same shop, as its pages see it without a sandbox."""
    return replace(shop, settings=replace(shop.settings, stripe_api_base=''))


class TestAtStripe:
    """The shop has a publishable key and no sandbox."""

    @pytest.fixture
    def shop(self, at_stripe: Shop) -> Shop:
        """Use the shop without a sandbox."""
        return at_stripe

    async def test_the_landing_page_loads_it(self, customer: Customer) -> None:
        """The script does not block, and the policy allows exactly what Stripe documents."""
        answer = await customer.http.get('/')
        assert SCRIPT in answer.text
        found_policy = policy(answer)
        assert found_policy['script-src'][2:] == ['https://js.stripe.com', 'https://*.js.stripe.com']
        assert found_policy['frame-src'] == [*found_policy['script-src'][2:], 'https://hooks.stripe.com']
        assert found_policy['connect-src'] == ["'self'", 'https://api.stripe.com']

    async def test_no_other_page_loads_it(self, customer: Customer, way: Way) -> None:
        """Order pages and plain documents do not load it, and their policies forbid it."""
        for path in (await way.back(await way.pay()), '/terms', '/no/such/page'):
            answer = await customer.http.get(path)
            assert STRIPE not in answer.text
            assert STRIPE not in answer.headers['content-security-policy']

    async def test_the_privacy_page_says_so(self, customer: Customer, shop: Shop) -> None:
        """The privacy page names the script."""
        assert shop.site.privacy.stripe_js.text in words((await customer.http.get('/privacy')).text)


async def test_with_a_sandbox_there_is_none(customer: Customer, shop: Shop) -> None:
    """A shop with a sandbox, such as the demo, does not load it and does not name it."""
    assert shop.settings.stripe_publishable_key
    answer = await customer.http.get('/')
    assert STRIPE not in answer.text
    assert STRIPE not in answer.headers['content-security-policy']
    assert shop.site.privacy.stripe_js.text not in words((await customer.http.get('/privacy')).text)


@pytest.mark.parametrize(
    ('changes', 'loads'),
    [
        ({}, True),
        ({'STRIPE_JS': 'on'}, True),
        ({'STRIPE_JS': 'off'}, False),
        ({'STRIPE_JS': '0'}, False),
        ({'STRIPE_PUBLISHABLE_KEY': ''}, False),
        ({'STRIPE_API_BASE': 'http://127.0.0.1:9000'}, False),
    ],
)
def test_when_it_is_loaded(changes: dict[str, str], loads: bool) -> None:
    """It needs the publishable key and Stripe itself, and the operator may switch it off."""
    assert parse_settings(KEYS | changes).loads_stripe_js is loads


@pytest.mark.parametrize(
    ('changes', 'origin'),
    [
        ({}, 'https://checkout.stripe.com'),
        ({'CHECKOUT_HOST': 'pay.coach.example'}, 'https://pay.coach.example'),
        ({'STRIPE_API_BASE': 'http://[::1]:9000/stripe'}, 'http://[::1]:9000'),
    ],
)
def test_where_customers_pay(changes: dict[str, str], origin: str) -> None:
    """Customers pay at Stripe, at the operator's custom domain, or at the sandbox."""
    assert parse_settings(KEYS | changes).payment_page == origin


async def test_pages_preconnect(customer: Customer, shop: Shop, way: Way) -> None:
    """The landing page preconnects to the payment page, a paid order's page to the calendar."""
    link = '<link rel="preconnect" href="{}">'.format
    assert link(shop.settings.payment_page) in (await customer.http.get('/')).text
    paid = await customer.http.get(await way.back(await way.pay()))
    assert link(shop.settings.calendar_page) in paid.text
    assert 'preconnect' not in (await customer.http.get('/terms')).text
