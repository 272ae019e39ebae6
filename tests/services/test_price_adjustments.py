"""Discounts and taxes: a payment is right if it follows from what the order allowed when it was opened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.errors import PriceChanged
from services.orders import Cause, State
from services.payments.session_params import session_params
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import CREATE
from tests.services.conftest import Customer, fulfilled


async def test_tax_that_is_the_accounts_default_is_switched_off(customer: Customer) -> None:
    """The session says explicitly that no tax is added, so the customer pays what the button says."""
    customer.sandbox.act('tax', by_default=True)
    order = await fulfilled(customer, await customer.buy())
    assert (order.state, str(order.paid)) == (State.PAID, '$150')
    (request,) = customer.sandbox.requests(CREATE)
    sent = dict(request['params'])
    assert (sent['automatic_tax[enabled]'], sent['allow_promotion_codes']) == ('false', 'false')


@pytest.mark.parametrize(('closed_already', 'status'), [(False, 'expired'), (True, 'open')])
async def test_a_session_that_would_add_tax_is_never_shown(
    customer: Customer, monkeypatch: pytest.MonkeyPatch, closed_already: bool, status: str
) -> None:
    """If Stripe adds tax although the session says no, nobody is sent there, and the session is expired.

    Of two clicks at once the second is told that the session is closed already, and says the same words.
    The parameter is dropped from the request here, since no vendor ignores it on request.
    """
    customer.sandbox.act('tax', by_default=True)
    if closed_already:
        customer.sandbox.fault('POST /v1/checkout/sessions/*/expire', 'fail', status=400, times=None)

    def without_tax(*args: object, **more: object) -> dict[str, object]:
        params = session_params(*args, **more)  # type: ignore[arg-type]
        return {name: value for name, value in params.items() if name != 'automatic_tax'}

    monkeypatch.setattr('services.payments.client.session_params', without_tax)
    with pytest.raises(PriceChanged):
        await customer.start()
    assert [session['status'] for session in customer.sandbox.state()['sessions']] == [status]


@asynccontextmanager
async def open_shop(settings_env: dict[str, str]) -> AsyncIterator[Shop]:
    """A shop that is open for a while."""
    shop = build(parse_settings(settings_env))
    await shop.open()
    yield shop
    await shop.close()


@pytest.mark.parametrize('code', [None, 'HALF50'])
@pytest.mark.parametrize(
    ('behavior', 'amount', 'half'),
    [('exclusive', '$165', '$82.50'), ('inclusive', '$150', '$75'), ('mixed', '$157.50', '$78.75')],
)
async def test_tax_may_be_on_top_inside_or_both(
    customer: Customer, settings_env: dict[str, str], behavior: str, amount: str, half: str, code: str | None
) -> None:
    """The total follows from the price, the discount and the tax, wherever the tax is."""
    customer.sandbox.act('tax', behavior=behavior, percent=10)
    async with open_shop(settings_env | {'AUTOMATIC_TAX': '1', 'PROMOTION_CODES': '1'}) as shop:
        session = await shop.checkout.start(browser_id='b', because=Cause.BUTTON)
        customer.sandbox.pay(session.id, **({'code': code} if code else {}))
        order = await shop.fulfilment.fulfil(session.id, because=Cause.WEBHOOK)
    assert order is not None
    assert (order.facts.mismatch, order.state, str(order.paid)) == ('', State.PAID, half if code else amount)
    assert order.facts.amount_tax > 0


async def test_what_was_allowed_survives_a_lost_ledger(
    customer: Customer, settings_env: dict[str, str]
) -> None:
    """An order that is rebuilt from Stripe is checked against what its metadata say was allowed."""
    async with open_shop(settings_env | {'PROMOTION_CODES': '1'}) as shop:
        session = await shop.checkout.start(browser_id='b', because=Cause.BUTTON)
        customer.sandbox.pay(session.id, code='HALF50')
        with shop.ledger.store.engine.begin() as connection:
            connection.exec_driver_sql('DELETE FROM journal')
            connection.exec_driver_sql('DELETE FROM orders')
    order = await customer.shop.fulfilment.fulfil(session.id, because=Cause.RECONCILER)
    assert order is not None
    assert (order.allowed.discounts, order.state, str(order.paid)) == (True, State.PAID, '$75')
