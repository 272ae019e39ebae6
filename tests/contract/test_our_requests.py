"""Every request that the shop sends to Stripe is one that Stripe describes."""

import pytest

from services.admin import RefundReason, Result
from services.check import Level, check
from services.errors import ShopError
from services.money import Money
from services.orders import Cause
from services.sandbox import SandboxConfig
from services.settings import parse_settings
from services.shop import build
from tests.contract.openapi import check_request
from tests.sandbox_client import SandboxClient

OPTIONS: tuple[dict[str, str], ...] = (
    {},
    {'PROMOTION_CODES': '1', 'AUTOMATIC_TAX': '1'},
    {'INVOICES': '1'},
)
EXPECTED = {
    'GET /v1/account',
    'GET /v1/prices',
    'POST /v1/checkout/sessions',
    'GET /v1/checkout/sessions',
}


@pytest.mark.parametrize('options', OPTIONS)
async def test_a_purchase_sends_only_described_requests(
    sandbox: SandboxClient, settings_env: dict[str, str], options: dict[str, str]
) -> None:
    """From the price to the verified payment, every parameter is known and of the right type."""
    shop = build(parse_settings(settings_env | options))
    await shop.open()
    await shop.warm_up()
    session = await shop.checkout.start(browser_id='v', because=Cause.BUTTON)
    sandbox.pay(session.id)
    order = await shop.fulfilment.fulfil(session.id, because=Cause.WEBHOOK)
    assert order is not None
    assert order.opens_calendar
    await shop.close()
    _check_requests(sandbox, EXPECTED | ({'GET /v1/invoices/in_'} if 'INVOICES' in options else set()))


async def test_failures_send_only_described_requests(
    sandbox: SandboxClient, settings_env: dict[str, str]
) -> None:
    """Expiring a checkout session and reading a failed bank payment send only what Stripe describes."""
    shop = build(parse_settings(settings_env))
    await shop.open()
    slow = await shop.checkout.start(browser_id='slow', because=Cause.BUTTON)
    sandbox.pay(slow.id, method='bank')
    sandbox.act('settle', session=slow.id, success=False)
    await shop.fulfilment.fulfil(slow.id, because=Cause.WEBHOOK)
    sandbox.act('price', amount=17500)
    with pytest.raises(ShopError):
        await shop.checkout.start(browser_id='v', because=Cause.BUTTON)
    await shop.close()
    _check_requests(sandbox, (EXPECTED - {'GET /v1/account'}) | {'POST /v1/checkout/sessions'})


async def test_the_actions_of_the_operator_send_only_described_requests(
    sandbox: SandboxClient, settings_env: dict[str, str]
) -> None:
    """A refund, and a draft of the evidence for a dispute."""
    shop = build(parse_settings(settings_env))
    await shop.open()
    for card in ('4242424242424242', '4000000000000259'):
        session = await shop.checkout.start(browser_id=card, because=Cause.BUTTON)
        sandbox.pay(session.id, card=card, name=card, email=f'{card}@example.com')
        order = await shop.fulfilment.fulfil(session.id, because=Cause.WEBHOOK)
        assert order is not None
        result = await shop.actions.refunds.request(
            order,
            form=card,
            amount=Money(7500, 'usd'),
            left=order.paid,
            reason=RefundReason.DUPLICATE,
            cancel=True,
            actor='a',
        )
        assert result is Result.REFUND_BEGUN
        await shop.actions.evidence.request_draft(order, form=card, actor='a')
    await shop.effects.run()
    await shop.close()
    actions = {'POST /v1/refunds', 'GET /v1/refunds', 'POST /v1/disputes/', 'GET /v1/disputes'}
    _check_requests(sandbox, actions)
    posted = sandbox.requests('POST /v1/refunds') + sandbox.requests('POST /v1/disputes')
    assert [request['status'] for request in posted] == [200, 400, 200]


async def test_the_set_up_sends_only_described_requests(
    sandbox: SandboxClient, settings_env: dict[str, str]
) -> None:
    """Prices and webhook endpoints are listed and made, and an endpoint is deleted."""
    shop = build(parse_settings(settings_env))
    price = await shop.payments.prices.make('An hour', Money(12500, 'eur'), attempt='1')
    listed = await shop.payments.prices.read_all()
    assert listed[0] == price
    await shop.payments.endpoints.try_to_write()
    endpoint, secret = await shop.payments.endpoints.make('https://shop.test/webhooks/stripe', attempt='1')
    assert (secret.startswith('whsec_'), endpoint.missing_events) == (True, frozenset())
    assert await shop.payments.endpoints.read_all() == (endpoint,)
    await shop.payments.endpoints.delete(endpoint.id)
    assert await shop.payments.endpoints.read_all() == ()
    await shop.close()
    _check_requests(
        sandbox, {'POST /v1/prices', 'POST /v1/webhook_endpoints', 'DELETE /v1/webhook_endpoints/'}
    )


async def test_the_check_sends_only_described_requests(
    sandbox: SandboxClient, settings_env: dict[str, str]
) -> None:
    """What it asks for each permission of a restricted key, the trial of a session, and the endpoints."""
    more = {'INVOICES': '1', 'ADMIN_PASSWORD': 'a long password'}
    more |= {'STRIPE_SECRET_KEY': SandboxConfig().restricted_key}
    found = await check({**settings_env, **more})
    assert [each for each in found if each.part == 'stripe key' and each.level is not Level.OK] == []
    reads = {f'GET /v1/{name}/' for name in ('charges', 'disputes', 'events', 'invoices', 'reviews')}
    posts = {'POST /v1/refunds', 'POST /v1/disputes/', 'POST /v1/checkout/sessions/cs_test_'}
    _check_requests(sandbox, reads | posts | {'GET /v1/webhook_endpoints', 'GET /v2/core/event_destinations'})
    proofs = [each for each in sandbox.requests('paidslot_check') if each['vendor'] == 'stripe']
    assert {each['status'] for each in proofs} == {404}


def _check_requests(sandbox: SandboxClient, expected: set[str]) -> None:
    sent = [request for request in sandbox.requests() if request['vendor'] == 'stripe']
    for request in sent:
        assert check_request(request['method'], request['path'], request['params']) == []
    seen = {f'{request["method"]} {request["path"]}' for request in sent}
    assert all(any(each.startswith(wanted) for each in seen) for wanted in expected)
