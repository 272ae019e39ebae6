"""The reconciler finds what nobody told us of, works it once, and is silent when there is nothing to do."""

from datetime import timedelta

import pytest

from services.orders import SESSION_LIFETIME, State
from services.settings import parse_settings
from services.shop import build
from tests.services.conftest import Clock, Customer, NewDatabase, on_both_databases

pytestmark = on_both_databases

CREATE = 'POST /v1/checkout/sessions'
RESTRICTED = 'rk_test_sandboxNoMoneyMoves00000002'
READ = 'GET /v1/checkout/sessions/cs_'


async def test_a_payment_nobody_told_of_is_found(customer: Customer) -> None:
    """Without any delivery or return one round finds the payment, and the next one is silent."""
    order = await customer.buy()
    await customer.shop.reconciler.round()
    found = await customer.order_of(order.session_id or '')
    assert found.state is State.PAID
    assert await customer.who_moved(order.id) == ['button', 'button', 'reconciler']
    before = len(customer.sandbox.requests())
    assert not await customer.shop.reconciler.round()
    assert await customer.order_of(order.session_id or '') == found
    asked = [request['path'] for request in customer.sandbox.requests()[before:]]
    assert asked == ['/v1/events', '/v1/checkout/sessions']


async def test_a_payment_the_ledger_does_not_know_is_adopted(
    customer: Customer, settings_env: dict[str, str], new_database: NewDatabase
) -> None:
    """An empty ledger gets every paid order back from Stripe: same id, token, reference and booking key."""
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


async def test_a_missing_right_is_told_once_and_stops_nothing_else(
    customer: Customer, settings_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """A restricted key that may not read events finds the payment all the same, and the log says it once."""
    order = await customer.buy()
    customer.sandbox.act('key', missing_rights=['event_read'])
    shop = build(parse_settings(settings_env | {'STRIPE_SECRET_KEY': RESTRICTED}))
    for _ in range(2):
        await shop.reconciler.round()
    assert len([line for line in caplog.messages if line.startswith('reconciling events failed')]) == 1
    assert (await customer.order_of(order.session_id or '')).state is State.PAID
    await shop.close()


@pytest.mark.parametrize(
    ('verb', 'how', 'state'),
    [
        ('refund', {}, State.REFUNDED),
        ('refund', {'amount': 5000}, State.PARTLY_REFUNDED),
        ('dispute', {'status': 'open'}, State.DISPUTED),
        ('dispute', {'status': 'lost'}, State.LOST),
    ],
)
async def test_what_happens_to_a_payment_later_is_found(
    customer: Customer, verb: str, how: dict[str, object], state: State
) -> None:
    """Refunds and disputes are in Stripe's list of events, whatever became of their delivery."""
    order = await customer.buy()
    await customer.shop.reconciler.round()
    if how.get('status') == 'lost':
        customer.sandbox.act('dispute', session=order.session_id, status='open')
    customer.sandbox.act(verb, session=order.session_id, **how)
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is state


async def test_a_slow_payment_is_followed_to_its_end(customer: Customer) -> None:
    """A bank debit is processing, then paid; another one fails and says so."""
    order = await customer.buy(method='bank')
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.PROCESSING
    customer.sandbox.act('settle', session=order.session_id, success=False)
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.FAILED


async def test_an_abandoned_session_is_noticed_when_it_expires(customer: Customer, clock: Clock) -> None:
    """An order whose session Stripe has closed is expired, and never looked at again."""
    session_id = await customer.start()
    customer.sandbox.act('expire', session=session_id)
    clock.ahead = SESSION_LIFETIME
    await customer.shop.reconciler.round()
    assert (await customer.order_of(session_id)).state is State.EXPIRED
    clock.ahead = timedelta(days=20)
    before = len(customer.sandbox.requests(READ))
    await customer.shop.reconciler.round()
    assert len(customer.sandbox.requests(READ)) == before


async def test_an_order_without_a_session_is_given_up_after_its_deadline(
    customer: Customer, clock: Clock
) -> None:
    """Nobody ever saw an address to pay it at, so it is void, and frees its browser; not before."""
    await customer.shop.catalog.price()
    customer.sandbox.fault(CREATE, 'fail', status=500, times=None)
    with pytest.raises(Exception, match='500'):
        await customer.start()
    (key,) = {request['idempotency_key'].split('-')[0] for request in customer.sandbox.requests(CREATE)}
    await customer.shop.reconciler.round()
    waiting = await customer.shop.ledger.orders.find(id=key)
    assert waiting is not None
    assert waiting.state is State.OPEN
    clock.ahead = timedelta(minutes=6)
    await customer.shop.reconciler.round()
    given_up = await customer.shop.ledger.orders.find(id=key)
    assert given_up is not None
    assert (given_up.state, given_up.claim) == (State.EXPIRED, None)
