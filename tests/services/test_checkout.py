"""Checkout: the order is written first, a browser has one open session, and pays the price it was shown."""

import asyncio

import pytest

from services import errors
from services.money import Money
from services.orders import Cause, Order, Return, State
from services.shop import Shop
from tests.factories import CREATE
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer, on_both_databases, session_ids

pytestmark = on_both_databases


async def test_a_session_is_opened_for_an_order_that_is_already_in_the_ledger(customer: Customer) -> None:
    """The order has the session and the price read from Stripe; its journal shows both steps in order."""
    session_id = await customer.start()
    order = await customer.order_of(session_id)
    assert (order.state, order.purchase.price) == (State.OPEN, Money(15000, 'usd'))
    lines = [line.line for line in await customer.shop.ledger.journal.lines(order.id)]
    assert lines == [f'order {order.reference} written down', 'payment session opened']


async def test_the_request_to_stripe_is_enough_to_rebuild_the_order(customer: Customer) -> None:
    """The request has metadata, reference and success URL, and turns adaptive pricing off."""
    order = await customer.order_of(await customer.start())
    (request,) = customer.sandbox.requests(CREATE)
    sent = dict(request['params'])
    assert sent['client_reference_id'] == sent['metadata[order_id]'] == order.id
    assert sent['payment_intent_data[metadata][order_id]'] == order.id
    assert sent['metadata[token]'] == order.token
    assert sent['success_url'].endswith('/success?session_id={CHECKOUT_SESSION_ID}')
    assert sent['adaptive_pricing[enabled]'] == 'false'
    assert (sent['currency'], sent['billing_address_collection']) == ('usd', 'required')
    assert request['idempotency_key'] == f'{order.id}-1'


async def test_a_second_tab_continues_the_same_session(customer: Customer) -> None:
    """One browser has one open session, however often the button is pressed."""
    assert await customer.start() == await customer.start()
    assert len(session_ids(customer.sandbox)) == 1


async def test_concurrent_clicks_of_one_browser_open_one_session(customer: Customer) -> None:
    """Five concurrent clicks in five tabs lead to one order and one session."""
    sessions = await asyncio.gather(*(customer.start() for _ in range(5)))
    assert len(set(sessions)) == 1
    assert len(session_ids(customer.sandbox)) == 1


async def test_two_browsers_have_two_sessions(customer: Customer, other_customer: Customer) -> None:
    """The session of one browser is not continued in another."""
    assert await customer.start() != await other_customer.start()


async def test_without_a_browser_id_each_request_opens_a_new_session(
    shop: Shop, sandbox: SandboxClient
) -> None:
    """Requests of the API without a browser id have nothing in common."""
    first = await shop.checkout.start(browser_id='', because=Cause.API)
    second = await shop.checkout.start(browser_id='', because=Cause.API)
    assert first.id != second.id


async def test_a_payment_found_during_a_click_is_not_paid_again_unasked(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The payment is fulfilled, and its claim removed, just before checkout looks for the claim.

    The test patches ``find`` to interleave these two steps.
    """
    order = await customer.buy()
    ledger, find = customer.shop.ledger, customer.shop.ledger.orders.find

    async def find_after_fulfilment(**key: str) -> Order | None:
        if 'claim' in key:
            monkeypatch.undo()
            await customer.shop.fulfilment.fulfil(order.session_id or '', because=Cause.RECONCILER)
        return await find(**key)

    monkeypatch.setattr(ledger.orders, 'find', find_after_fulfilment)
    with pytest.raises(errors.AlreadyPaid):
        await customer.start()
    assert session_ids(customer.sandbox) == [order.session_id]


async def test_an_expired_session_is_replaced_by_a_new_one(customer: Customer) -> None:
    """A browser is not sent to a session that can no longer be paid."""
    first = await customer.start()
    customer.sandbox.act('expire', session=first)
    second = await customer.start()
    assert second != first
    assert (await customer.order_of(first)).state is State.EXPIRED


async def test_a_click_after_a_payment_is_refused_unless_a_second_one_is_wanted(customer: Customer) -> None:
    """The paid session is found even when its webhook was lost, so that nobody pays twice by mistake."""
    order = await customer.buy()
    with pytest.raises(errors.AlreadyPaid):
        await customer.start()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID
    with pytest.raises(errors.AlreadyPaid):
        await customer.start()
    assert await customer.start(again=True) != order.session_id


async def test_a_price_that_differs_from_the_one_shown_is_not_charged(customer: Customer) -> None:
    """No session is opened for another price than the page showed."""
    with pytest.raises(errors.PriceChanged):
        await customer.start(shown=Money(12500, 'usd'))
    assert session_ids(customer.sandbox) == []
    await customer.start(shown=Money(15000, 'usd'))


async def test_a_session_that_would_charge_another_price_is_expired(customer: Customer) -> None:
    """When the price changed at Stripe since it was read, nobody is sent to the new session."""
    await customer.shop.catalog.price()
    customer.sandbox.act('price', amount=17500)
    with pytest.raises(errors.PriceChanged):
        await customer.start(shown=Money(15000, 'usd'))
    assert [session['status'] for session in customer.sandbox.state()['sessions']] == ['expired']
    order = await customer.order_of(await customer.start(shown=Money(17500, 'usd')))
    assert order.purchase.price == Money(17500, 'usd')


async def test_a_replaced_session_can_no_longer_be_paid(customer: Customer) -> None:
    """When a changed price leads to a new session, the old one is expired, so that nobody pays twice."""
    first = await customer.start()
    customer.sandbox.act('price', amount=17500)
    customer.shop.catalog.forget_price()
    second = await customer.start()
    assert second != first
    states = {session['id']: session['status'] for session in customer.sandbox.state()['sessions']}
    assert states == {first: 'expired', second: 'open'}
    assert (await customer.order_of(first)).state is State.EXPIRED


async def test_a_session_that_was_paid_is_not_replaced(customer: Customer) -> None:
    """When the old session was paid meanwhile, no new one is opened unasked."""
    order = await customer.buy()
    customer.sandbox.act('price', amount=17500)
    customer.shop.catalog.forget_price()
    with pytest.raises(errors.AlreadyPaid):
        await customer.start()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_a_customer_who_cancels_reads_what_stripe_says(customer: Customer) -> None:
    """The session is read first: open is no charge, paid is paid, and no answer is unknown."""
    assert await customer.shop.checkout.came_back(customer.browser_id) is Return.NOTHING
    session_id = await customer.start()
    assert await customer.shop.checkout.came_back(customer.browser_id) is Return.NOT_CHARGED
    customer.sandbox.fault('GET /v1/checkout/sessions/*', 'fail', status=500, times=None)
    assert await customer.shop.checkout.came_back(customer.browser_id) is Return.UNKNOWN
    customer.sandbox.clear_faults()
    customer.sandbox.pay(session_id)
    assert await customer.shop.checkout.came_back(customer.browser_id) is Return.PAID
    assert await customer.shop.checkout.came_back(customer.browser_id) is Return.PAID
