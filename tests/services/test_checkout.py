"""Starting a payment: the order first, one open session per browser, and no price that nobody saw."""

import asyncio

import pytest

from services import errors
from services.money import Money
from services.orders import Cause, Order, Return, State
from services.shop import Shop
from tests.factories import CREATE
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer, created, on_both_databases

pytestmark = on_both_databases


async def test_a_session_is_opened_for_an_order_that_is_already_written_down(customer: Customer) -> None:
    """The order has the session, the price read from Stripe, and a journal that tells it."""
    session_id = await customer.start()
    order = await customer.order_of(session_id)
    assert (order.state, order.purchase.price) == (State.OPEN, Money(15000, 'usd'))
    lines = [line.line for line in await customer.shop.ledger.journal.lines(order.id)]
    assert lines == [f'order {order.reference} written down', 'payment session opened']


async def test_stripe_is_told_enough_to_rebuild_the_order(customer: Customer) -> None:
    """Metadata, reference and the way back are in the request, adaptive pricing is off."""
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
    assert len(created(customer.sandbox)) == 1


async def test_many_clicks_at_once_meet_in_one_session(customer: Customer) -> None:
    """Five tabs pressed in the same moment lead to one order and one session."""
    sessions = await asyncio.gather(*(customer.start() for _ in range(5)))
    assert len(set(sessions)) == 1
    assert len(created(customer.sandbox)) == 1


async def test_two_browsers_have_two_sessions(customer: Customer, another: Customer) -> None:
    """What one customer starts is nothing to another."""
    assert await customer.start() != await another.start()


async def test_a_machine_without_a_browser_has_a_new_session_each_time(
    shop: Shop, sandbox: SandboxClient
) -> None:
    """Where there is nothing to recognise, nothing is joined."""
    first = await shop.checkout.start(browser_id='', because=Cause.API)
    second = await shop.checkout.start(browser_id='', because=Cause.API)
    assert first.id != second.id


async def test_a_payment_that_is_found_in_the_middle_of_a_press_asks_first(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lets go of the browser's order just before that is looked for; no second session is made unasked."""
    order = await customer.buy()
    ledger, find = customer.shop.ledger, customer.shop.ledger.orders.find

    async def find_late(**key: str) -> Order | None:
        if 'claim' in key:
            monkeypatch.undo()
            await customer.shop.fulfilment.fulfil(order.session_id or '', because=Cause.RECONCILER)
        return await find(**key)

    monkeypatch.setattr(ledger.orders, 'find', find_late)
    with pytest.raises(errors.AlreadyPaid):
        await customer.start()
    assert created(customer.sandbox) == [order.session_id]


async def test_an_expired_session_makes_way_for_a_new_one(customer: Customer) -> None:
    """The browser is not stuck with a session that can no longer be paid."""
    first = await customer.start()
    customer.sandbox.act('expire', session=first)
    second = await customer.start()
    assert second != first
    assert (await customer.order_of(first)).state is State.EXPIRED


async def test_pressing_again_after_paying_asks_first(customer: Customer) -> None:
    """Even when the webhook was lost, a paid session is noticed and nobody pays twice unasked."""
    order = await customer.buy()
    with pytest.raises(errors.AlreadyPaid):
        await customer.start()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID
    with pytest.raises(errors.AlreadyPaid):
        await customer.start()
    assert await customer.start(again=True) != order.session_id


async def test_a_price_that_changed_is_not_charged_unseen(customer: Customer) -> None:
    """What the page says is what is charged, or nothing is."""
    with pytest.raises(errors.PriceChanged):
        await customer.start(shown=Money(12500, 'usd'))
    assert created(customer.sandbox) == []
    await customer.start(shown=Money(15000, 'usd'))


async def test_a_session_that_would_charge_another_price_is_called_off(customer: Customer) -> None:
    """When the amount behind the price changed since it was read, nobody is sent to pay the other one."""
    await customer.shop.catalog.price()
    customer.sandbox.act('price', amount=17500)
    with pytest.raises(errors.PriceChanged):
        await customer.start(shown=Money(15000, 'usd'))
    assert [session['status'] for session in customer.sandbox.state()['sessions']] == ['expired']
    order = await customer.order_of(await customer.start(shown=Money(17500, 'usd')))
    assert order.purchase.price == Money(17500, 'usd')


async def test_a_replaced_session_can_no_longer_be_paid(customer: Customer) -> None:
    """When a new price makes way for a new session, the old one is closed: nobody pays twice."""
    first = await customer.start()
    customer.sandbox.act('price', amount=17500)
    customer.shop.catalog.forget_price()
    second = await customer.start()
    assert second != first
    states = {session['id']: session['status'] for session in customer.sandbox.state()['sessions']}
    assert states == {first: 'expired', second: 'open'}
    assert (await customer.order_of(first)).state is State.EXPIRED


async def test_a_session_that_was_paid_is_not_replaced(customer: Customer) -> None:
    """When the old session turns out to be paid, there is no new one without asking."""
    order = await customer.buy()
    customer.sandbox.act('price', amount=17500)
    customer.shop.catalog.forget_price()
    with pytest.raises(errors.AlreadyPaid):
        await customer.start()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_coming_back_says_only_what_is_so(customer: Customer) -> None:
    """The session is read first: open means no charge, paid means paid, silence means unknown."""
    assert await customer.shop.checkout.came_back(customer.browser_id) is Return.NOTHING
    session_id = await customer.start()
    assert await customer.shop.checkout.came_back(customer.browser_id) is Return.NOT_CHARGED
    customer.sandbox.fault('GET /v1/checkout/sessions/*', 'fail', status=500, times=None)
    assert await customer.shop.checkout.came_back(customer.browser_id) is Return.UNKNOWN
    customer.sandbox.clear_faults()
    customer.sandbox.pay(session_id)
    assert await customer.shop.checkout.came_back(customer.browser_id) is Return.PAID
    assert await customer.shop.checkout.came_back(customer.browser_id) is Return.PAID
