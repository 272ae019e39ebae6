"""The reconciler: finds payments, refunds and expired sessions of which no delivery has arrived."""

from datetime import timedelta

import pytest

from services.errors import PaymentBusy
from services.orders import SESSION_LIFETIME, Cause, State
from services.settings import parse_settings
from services.shop import build
from tests.factories import CREATE
from tests.services.conftest import Clock, Customer, NewDatabase, on_both_databases

pytestmark = on_both_databases

RESTRICTED_KEY = 'rk_test_sandboxNoMoneyMoves00000002'
READ_SESSION = 'GET /v1/checkout/sessions/cs_'


async def test_a_payment_without_a_delivery_is_found(customer: Customer) -> None:
    """One round finds the payment; the next one only reads the two lists."""
    order = await customer.buy()
    await customer.shop.reconciler.round()
    found = await customer.order_of(order.session_id or '')
    assert found.state is State.PAID
    assert await customer.causes(order.id) == [Cause.BUTTON, Cause.BUTTON, Cause.RECONCILER]
    before = len(customer.sandbox.requests())
    assert not await customer.shop.reconciler.round()
    assert await customer.order_of(order.session_id or '') == found
    paths = [request['path'] for request in customer.sandbox.requests()[before:]]
    assert paths == ['/v1/events', '/v1/checkout/sessions']


async def test_payments_that_are_not_in_the_ledger_are_adopted(
    customer: Customer, settings_env: dict[str, str], new_database: NewDatabase
) -> None:
    """An empty ledger gets every paid order from Stripe, with its id, token, reference and booking key."""
    orders = [await customer.buy()]
    customer.browser_id = 'another browser'
    orders.append(await customer.buy(email='other@example.com'))
    empty = build(parse_settings(settings_env | {'DATABASE_URL': new_database()}))
    await empty.open()
    await empty.reconciler.round()
    for order in orders:
        adopted = await empty.ledger.orders.find(id=order.id)
        assert adopted is not None
        assert (adopted.state, adopted.token) == (State.PAID, order.token)
        assert (adopted.reference, adopted.booking_key) == (order.reference, order.booking_key)
    await empty.close()


async def test_a_missing_permission_is_logged_once_and_stops_no_other_task(
    customer: Customer, settings_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """With a restricted key that may not read events, the payment is found in the list of sessions."""
    order = await customer.buy()
    customer.sandbox.act('key', missing_permissions=['event_read'])
    shop = build(parse_settings(settings_env | {'STRIPE_SECRET_KEY': RESTRICTED_KEY}))
    for _ in range(2):
        await shop.reconciler.round()
    assert len([line for line in caplog.messages if line.startswith('reconciling events failed')]) == 1
    assert (await customer.order_of(order.session_id or '')).state is State.PAID
    await shop.close()


@pytest.mark.parametrize(
    ('action', 'params', 'state'),
    [
        ('refund', {}, State.REFUNDED),
        ('refund', {'amount': 5000}, State.PARTLY_REFUNDED),
        ('dispute', {'status': 'open'}, State.DISPUTED),
        ('dispute', {'status': 'lost'}, State.LOST),
    ],
)
async def test_refunds_and_disputes_are_found(
    customer: Customer, action: str, params: dict[str, object], state: State
) -> None:
    """They are in Stripe's list of events, even if their deliveries were lost."""
    order = await customer.buy()
    await customer.shop.reconciler.round()
    if params.get('status') == 'lost':
        customer.sandbox.act('dispute', session=order.session_id, status='open')
    customer.sandbox.act(action, session=order.session_id, **params)
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is state


async def test_a_bank_payment_is_followed_until_it_fails(customer: Customer) -> None:
    """The order is processing after one round, and failed after the round that follows the failure."""
    order = await customer.buy(method='bank')
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.PROCESSING
    customer.sandbox.act('settle', session=order.session_id, success=False)
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.FAILED


async def test_an_abandoned_session_expires_its_order(customer: Customer, clock: Clock) -> None:
    """An order whose session has expired at Stripe is expired, and is never checked again."""
    session_id = await customer.start()
    customer.sandbox.act('expire', session=session_id)
    clock.ahead = SESSION_LIFETIME
    await customer.shop.reconciler.round()
    assert (await customer.order_of(session_id)).state is State.EXPIRED
    clock.ahead = timedelta(days=20)
    before = len(customer.sandbox.requests(READ_SESSION))
    await customer.shop.reconciler.round()
    assert len(customer.sandbox.requests(READ_SESSION)) == before


async def test_an_order_without_a_session_is_voided_after_its_deadline(
    customer: Customer, clock: Clock
) -> None:
    """Nobody has seen a URL to pay it at, so it is voided and its claim removed, but not earlier."""
    await customer.shop.catalog.price()
    customer.sandbox.fault(CREATE, 'fail', status=500, times=None)
    with pytest.raises(PaymentBusy, match='500'):
        await customer.start()
    (order_id,) = {request['idempotency_key'].split('-')[0] for request in customer.sandbox.requests(CREATE)}
    await customer.shop.reconciler.round()
    waiting = await customer.shop.ledger.orders.find(id=order_id)
    assert waiting is not None
    assert waiting.state is State.OPEN
    clock.ahead = timedelta(minutes=6)
    await customer.shop.reconciler.round()
    voided = await customer.shop.ledger.orders.find(id=order_id)
    assert voided is not None
    assert (voided.state, voided.claim) == (State.EXPIRED, None)
