"""Stripe's own script: on the landing page alone, late, allowed by its policy, said in the privacy text."""

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
    """The same shop, as its pages see it when there is no double of Stripe."""
    return replace(shop, settings=replace(shop.settings, stripe_api_base=''))


class TestAtStripe:
    """The shop sells with a publishable key and no double."""

    @pytest.fixture
    def shop(self, at_stripe: Shop) -> Shop:
        """Put the shop without a double in place of the other one."""
        return at_stripe

    async def test_the_landing_page_loads_it(self, customer: Customer) -> None:
        """The script does not block, and the policy allows what Stripe says it needs, and nothing wider."""
        answer = await customer.http.get('/')
        assert SCRIPT in answer.text
        said = policy(answer)
        assert said['script-src'][2:] == ['https://js.stripe.com', 'https://*.js.stripe.com']
        assert said['frame-src'] == [*said['script-src'][2:], 'https://hooks.stripe.com']
        assert said['connect-src'] == ["'self'", 'https://api.stripe.com']

    async def test_no_other_page_loads_it(self, customer: Customer, way: Way) -> None:
        """Neither the order's page nor a plain document has it or may have it."""
        for path in (await way.back(await way.pay()), '/terms', '/no/such/page'):
            answer = await customer.http.get(path)
            assert STRIPE not in answer.text
            assert STRIPE not in answer.headers['content-security-policy']

    async def test_the_privacy_page_says_so(self, customer: Customer, shop: Shop) -> None:
        """Who reads the privacy page learns of the script."""
        assert shop.site.privacy.stripe_js.text in words((await customer.http.get('/privacy')).text)


async def test_with_a_double_there_is_none(customer: Customer, shop: Shop) -> None:
    """A shop in front of a double, such as the demo, has nothing to load and nothing to say."""
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
    """It takes the publishable key and Stripe itself, and the operator may leave it out."""
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
    """The page that is about to be needed is Stripe's, the operator's own name for it, or the double's."""
    assert parse_settings(KEYS | changes).payment_page == origin


async def test_what_comes_next_is_near(customer: Customer, shop: Shop, way: Way) -> None:
    """The landing page opens a line to the payment page, a paid order's to the calendar; others to nobody."""
    link = '<link rel="preconnect" href="{}">'.format
    assert link(shop.settings.payment_page) in (await customer.http.get('/')).text
    paid = await customer.http.get(await way.back(await way.pay()))
    assert link(shop.settings.calendar_page) in paid.text
    assert 'preconnect' not in (await customer.http.get('/terms')).text
