"""Payment methods whose money arrives later: left out unless wanted, and explained to the customer."""

from datetime import UTC, datetime, timedelta

import pytest

from services.orders import Cause, State
from services.settings import parse_settings
from services.shop import build
from tests.factories import CREATE
from tests.services.conftest import Customer, fulfilled


@pytest.mark.parametrize(('setting', 'methods'), [('0', ['card']), ('1', ['card', 'us_bank_account'])])
async def test_slow_methods_are_offered_only_where_they_are_wanted(
    customer: Customer, settings_env: dict[str, str], setting: str, methods: list[str]
) -> None:
    """Without the setting "pay, then pick a time" never becomes "pay, then wait four days"."""
    shop = build(parse_settings(settings_env | {'SLOW_METHODS': setting}))
    await shop.open()
    await shop.checkout.start(browser_id='b', because=Cause.BUTTON)
    await shop.close()
    (session,) = customer.sandbox.state()['sessions']
    assert session['payment_method_types'] == methods


async def test_a_payment_that_the_customer_still_has_to_make(customer: Customer) -> None:
    """Stripe's page with the instructions is kept; when the money arrives the order is paid."""
    order = await fulfilled(customer, await customer.buy(method='instructions'))
    assert order.state is State.AWAITING_CUSTOMER
    assert order.facts.voucher_url.startswith(customer.sandbox.base)
    assert not order.opens_calendar
    customer.sandbox.act('settle', session=order.session_id)
    paid = await fulfilled(customer, order)
    assert (paid.state, paid.facts.voucher_url) == (State.PAID, '')


async def test_a_payment_that_the_customer_never_makes_fails(customer: Customer) -> None:
    """Nothing was charged."""
    order = await fulfilled(customer, await customer.buy(method='instructions'))
    customer.sandbox.act('settle', session=order.session_id, success=False)
    assert (await fulfilled(customer, order)).state is State.FAILED


async def test_the_page_at_stripe_says_who_sells_and_on_what_terms(
    customer: Customer, settings_env: dict[str, str]
) -> None:
    """Name, accent, refund rule and consent to the terms are on Stripe's page, and the consent is kept."""
    shop = build(parse_settings(settings_env | {'TERMS_CONSENT': '1'}))
    await shop.open()
    session = await shop.checkout.start(browser_id='b', because=Cause.BUTTON)
    sent = dict(customer.sandbox.requests(CREATE)[-1]['params'])
    assert sent['branding_settings[display_name]'] == shop.site.business.name
    assert sent['branding_settings[button_color]'] == shop.site.theme.accent
    assert sent['custom_text[submit][message]'] == shop.site.offer.refund_rule
    assert (sent['submit_type'], sent['consent_collection[terms_of_service]']) == ('book', 'required')
    customer.sandbox.pay(session.id)
    order = await shop.fulfilment.fulfil(session.id, because=Cause.WEBHOOK)
    await shop.close()
    assert order is not None
    assert order.facts.terms_accepted


def test_instructions_lead_to_stripe_alone() -> None:
    """A page elsewhere is not linked, whatever the session says."""
    from services.payments.translate import session_from

    until = datetime(2026, 12, 1, tzinfo=UTC)
    for url, kept in (
        ('https://payments.stripe.com/x', True),
        ('https://stripe.com.example/x', False),
        ('http://payments.stripe.com/x', False),
        ('javascript:alert(1)', False),
    ):
        action = {'type': 'oxxo_display_details'}
        details = {'hosted_voucher_url': url, 'expires_after': int(until.timestamp())}
        intent = {
            'id': 'pi_1',
            'status': 'requires_action',
            'next_action': action | {action['type']: details},
        }
        facts = session_from({'id': 'cs_1', 'status': 'complete', 'payment_intent': intent}).facts
        assert (facts.awaits_customer, facts.voucher_url == url, facts.voucher_expires_at) == (
            True,
            kept,
            until,
        )
    assert timedelta(0) < until - datetime(2026, 11, 1, tzinfo=UTC)
