"""Invoices: made by Stripe where the operator wants them, linked once they are known, needed for nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from services.orders import Cause, Order, State
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import CREATE
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer, fulfilled

READ = 'GET /v1/invoices'
RESTRICTED = 'rk_test_sandboxNoMoneyMoves00000002'


@pytest.fixture
def settings_env(settings_env: dict[str, str]) -> dict[str, str]:
    """Return the settings of a shop that has invoices made."""
    return settings_env | {'INVOICES': '1'}


@asynccontextmanager
async def shop_with(settings: dict[str, str]) -> AsyncIterator[Shop]:
    """Open a shop with these settings."""
    shop = build(parse_settings(settings))
    await shop.open()
    yield shop
    await shop.close()


async def paid(customer: Customer, **options: str) -> Order:
    """Buy, and have the payment written down."""
    return await fulfilled(customer, await customer.buy(**options))


async def test_the_invoice_is_known_with_the_payment(customer: Customer, sandbox: SandboxClient) -> None:
    """Stripe's page asks for a business and its tax id; both are on the invoice, which the order names."""
    order = await paid(customer, business_name='Pat Ltd', tax_id='12-3456789')
    (sent,) = sandbox.requests(CREATE)
    params = dict(sent['params'])
    assert params['invoice_creation[enabled]'] == params['tax_id_collection[enabled]'] == 'true'
    assert params['name_collection[business][enabled]'] == 'true'
    assert params['name_collection[business][optional]'] == 'true'
    assert order.state is State.PAID
    assert order.facts.invoice_url.startswith(sandbox.settings['STRIPE_API_BASE'] + '/invoices/in_')
    lines = len(await customer.causes(order.id))
    await fulfilled(customer, order)
    assert len(await customer.causes(order.id)) == lines


async def test_a_slow_payment_has_its_invoice_when_the_money_arrives(
    customer: Customer, sandbox: SandboxClient, settings_env: dict[str, str]
) -> None:
    """Before that there is none."""
    async with shop_with(settings_env | {'SLOW_METHODS': '1'}) as shop:
        slow = Customer(shop, sandbox, 'browser-one')
        order = await paid(slow, method='bank')
        assert (order.state, order.facts.invoice_url) == (State.PROCESSING, '')
        sandbox.act('settle', session=order.session_id)
        assert (await fulfilled(slow, order)).facts.invoice_url


async def test_without_the_setting_nothing_is_asked_or_made(
    sandbox: SandboxClient, settings_env: dict[str, str]
) -> None:
    """Neither Stripe's page nor the requests know of invoices."""
    async with shop_with(settings_env | {'INVOICES': '0'}) as shop:
        order = await paid(Customer(shop, sandbox, 'browser-one'))
    (sent,) = sandbox.requests(CREATE)
    assert not [name for name, _ in sent['params'] if name.startswith(('invoice', 'tax_id', 'name_coll'))]
    assert order.facts.invoice_url == ''
    assert sandbox.requests(READ) == []


async def test_an_invoice_that_may_not_be_read_fails_nothing(
    sandbox: SandboxClient, settings_env: dict[str, str]
) -> None:
    """The order is paid without a link, the missing permission is named; granted later, the link follows."""
    sandbox.act('key', missing_permissions=['invoice_read'])
    async with shop_with(settings_env | {'STRIPE_SECRET_KEY': RESTRICTED}) as shop:
        customer = Customer(shop, sandbox, 'browser-one')
        order = await paid(customer)
        assert (order.state, order.facts.invoice_url) == (State.PAID, '')
        assert shop.payments.missing.rows() == ['Invoices: Read']
        sandbox.act('key', missing_permissions=[])
        order = await fulfilled(customer, order, Cause.RECONCILER)
        assert order.facts.invoice_url
        sandbox.act('key', missing_permissions=['invoice_read'])
        assert await fulfilled(customer, order) == order


async def test_the_way_to_the_invoice_is_read_anew(customer: Customer, sandbox: SandboxClient) -> None:
    """The stored address may have expired; if Stripe is silent it is better than none."""
    order = await paid(customer)
    url = order.facts.invoice_url
    old = replace(order, facts=replace(order.facts, invoice_url='https://invoice.stripe.com/i/expired'))
    fulfilment = customer.shop.fulfilment
    sandbox.fault('GET /v1/checkout/sessions/*', 'fail', status=500, times=None)
    assert await fulfilment.find_invoice(old) == old.facts.invoice_url
    sandbox.clear_faults()
    assert await fulfilment.find_invoice(old) == url
    number = len(sandbox.requests(READ))
    assert number == 2
    assert await fulfilment.find_invoice(old) == url
    assert len(sandbox.requests(READ)) == number
    without = replace(order, facts=replace(order.facts, invoice_url=''))
    assert await fulfilment.find_invoice(without) == ''
