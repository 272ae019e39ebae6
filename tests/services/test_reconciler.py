"""The reconciler finds what nobody told us of, works it once, and is silent when there is nothing to do."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services import reconciler
from services.ledger import Delivery
from services.orders import SESSION_LIFETIME, Order, State
from services.settings import judge
from services.shop import Shop, build
from tests.services.conftest import Customer, NewDatabase, on_both_databases

pytestmark = on_both_databases

CREATE = 'POST /v1/checkout/sessions'
RESTRICTED = 'rk_test_sandboxNoMoneyMoves00000002'
READ = 'GET /v1/checkout/sessions/cs_'


class Clock:
    """The present time, which a test can put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    """A clock that goes right until it is put forward."""
    return Clock()


@pytest.fixture
async def shop(settings_env: dict[str, str], clock: Clock) -> AsyncIterator[Shop]:
    """A shop whose clock can be put forward."""
    shop = build(judge(settings_env), clock=clock)
    await shop.open()
    yield shop
    await shop.close()


async def who_moved(customer: Customer, order_id: str) -> list[str]:
    """Who caused the moves of an order, oldest first."""
    return [line.because for line in await customer.shop.ledger.journal(order_id)]


async def test_a_payment_nobody_told_of_is_found(customer: Customer) -> None:
    """Without any delivery or return one round finds the payment, and the next one is silent."""
    order = await customer.buy()
    await customer.shop.reconciler.round()
    found = await customer.order_of(order.session_id or '')
    assert found.state is State.PAID
    assert await who_moved(customer, order.id) == ['button', 'button', 'reconciler']
    before = len(customer.twin.requests())
    assert not await customer.shop.reconciler.round()
    assert await customer.order_of(order.session_id or '') == found
    asked = [request['path'] for request in customer.twin.requests()[before:]]
    assert asked == ['/v1/events', '/v1/checkout/sessions']


async def test_a_payment_the_ledger_does_not_know_is_adopted(
    customer: Customer, settings_env: dict[str, str], new_database: NewDatabase
) -> None:
    """An empty ledger gets every paid order back from Stripe: same id, token, reference and booking key."""
    orders = [await customer.buy()]
    customer.visitor = 'another browser'
    orders.append(await customer.buy(email='other@example.com'))
    empty = build(judge(settings_env | {'DATABASE_URL': new_database()}))
    await empty.open()
    await empty.reconciler.round()
    for order in orders:
        adopted = await empty.ledger.find(id=order.id)
        assert adopted is not None
        assert (adopted.state, adopted.token) == (State.PAID, order.token)
        assert (adopted.reference, adopted.booking_key) == (order.reference, order.booking_key)
    await empty.close()


async def test_a_missing_right_is_told_once_and_stops_nothing_else(
    customer: Customer, settings_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """A restricted key that may not read events finds the payment all the same, and the log says it once."""
    order = await customer.buy()
    customer.twin.act('key', missing_rights=['event_read'])
    shop = build(judge(settings_env | {'STRIPE_SECRET_KEY': RESTRICTED}))
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
        customer.twin.act('dispute', session=order.session_id, status='open')
    customer.twin.act(verb, session=order.session_id, **how)
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is state


async def test_a_slow_payment_is_followed_to_its_end(customer: Customer) -> None:
    """A bank debit is processing, then paid; another one fails and says so."""
    order = await customer.buy(method='bank')
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.PROCESSING
    customer.twin.act('settle', session=order.session_id, success=False)
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.FAILED


async def test_an_abandoned_session_is_noticed_when_it_expires(customer: Customer, clock: Clock) -> None:
    """An order whose session Stripe has closed is expired, and never looked at again."""
    session_id = await customer.start()
    customer.twin.act('expire', session=session_id)
    clock.ahead = SESSION_LIFETIME
    await customer.shop.reconciler.round()
    assert (await customer.order_of(session_id)).state is State.EXPIRED
    clock.ahead = timedelta(days=20)
    before = len(customer.twin.requests(READ))
    await customer.shop.reconciler.round()
    assert len(customer.twin.requests(READ)) == before


async def test_an_order_without_a_session_is_given_up_after_its_deadline(
    customer: Customer, clock: Clock
) -> None:
    """Nobody ever saw an address to pay it at, so it is void, and frees its browser; not before."""
    await customer.shop.catalog.price()
    customer.twin.lever(CREATE, 'fail', status=500, times=None)
    with pytest.raises(Exception, match='500'):
        await customer.start()
    (key,) = {request['idempotency_key'].split('-')[0] for request in customer.twin.requests(CREATE)}
    await customer.shop.reconciler.round()
    waiting = await customer.shop.ledger.find(id=key)
    assert waiting is not None
    assert waiting.state is State.OPEN
    clock.ahead = timedelta(minutes=6)
    await customer.shop.reconciler.round()
    given_up = await customer.shop.ledger.find(id=key)
    assert given_up is not None
    assert (given_up.state, given_up.claim) == (State.EXPIRED, None)


async def test_a_delivery_nothing_came_of_is_worked_again(customer: Customer, clock: Clock) -> None:
    """A delivery that was noted, and failed or was cut off, is settled by a later round."""
    order = await customer.buy()
    delivery = Delivery('stripe', 'evt_cut', 'checkout.session.completed', order.session_id or '')
    assert not await customer.shop.ledger.note(delivery)
    clock.ahead = timedelta(minutes=6)
    await customer.shop.reconciler.round()
    assert await customer.shop.ledger.note(delivery)


@pytest.mark.parametrize('first', ['earlier', 'later'])
async def test_two_payments_written_down_at_once_are_seen_all_the_same(
    customer: Customer, another: Customer, clock: Clock, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When neither could see the other before it was written, the one that paid later is marked, once."""

    find, written = customer.shop.ledger.find_paid_beside, customer.shop.ledger.find

    async def blind(order: Order, *, within: timedelta) -> tuple[Order, ...]:
        known = await written(id=order.id)
        return await find(order, within=within) if known and known.completed_at else ()

    monkeypatch.setattr(customer.shop.ledger, 'find_paid_beside', blind)
    orders = {'earlier': await customer.buy(), 'later': await another.buy()}
    for which in sorted(orders, reverse=first == 'later'):
        clock.ahead = timedelta(minutes=which == 'later')
        await customer.shop.fulfilment.fulfil(orders[which].session_id or '', because='webhook')
    earlier, later = [await customer.order_of(order.session_id or '') for order in orders.values()]
    assert (earlier.paid_twice, later.paid_twice) == ('', earlier.reference)
    told = [line.line for line in await customer.shop.ledger.journal(later.id)]
    assert told[-1] == f'seems paid twice: see {earlier.reference}'


async def test_a_delivery_that_died_with_its_process_waits_for_nobody(customer: Customer) -> None:
    """Noted and no more: the next round takes it up at once, although it might be at work elsewhere."""
    session_id = await customer.start()
    customer.twin.pay(session_id, method='bank')
    await customer.shop.reconciler.round()
    customer.twin.act('settle', session=session_id)
    told = customer.twin.state()['events'][-1]
    assert told['type'] == 'checkout.session.async_payment_succeeded'
    assert not await customer.shop.ledger.note(Delivery('stripe', told['id'], told['type'], session_id))
    await customer.shop.reconciler.round()
    assert (await customer.order_of(session_id)).state is State.PAID


async def test_while_stripe_is_silent_nothing_is_lost_and_it_is_said_once(
    customer: Customer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Rounds without an answer change nothing; the first one with an answer catches up."""
    order = await customer.buy()
    customer.twin.lever('GET *', 'fail', status=500, times=None)
    for _ in range(2):
        await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.OPEN
    assert len([line for line in caplog.messages if 'reconciling events failed' in line]) == 1
    customer.twin.release_levers()
    clock.ahead = timedelta(minutes=11)
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_what_belongs_to_others_is_left_alone(customer: Customer, settings_env: dict[str, str]) -> None:
    """Another shop on the same account sells too: its orders do not get into this ledger."""
    other = build(judge(settings_env | {'DOMAIN': 'http://localhost:4000'}))
    foreign = await other.checkout.start(visitor='v', because='button', client='')
    await customer.shop.ledger.store.write(
        lambda connection: [
            connection.exec_driver_sql(f'DELETE FROM {table}') for table in ('journal', 'orders')
        ]
    )
    customer.twin.pay(foreign.id)
    await customer.shop.reconciler.round()
    assert await customer.shop.ledger.find(session_id=foreign.id) is None
    await other.close()


async def test_a_long_list_is_read_in_bounded_rounds(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than fits into a round is gone on with in the next, until nothing is left."""
    monkeypatch.setattr(reconciler, 'PAGES', 1)
    order = await customer.buy()
    for _ in range(60):  # 120 events and more
        customer.twin.act('refund', session=order.session_id, amount=1)
    rounds = 1
    while await customer.shop.reconciler.round():
        rounds += 1
    assert rounds > 1
    seen = await customer.order_of(order.session_id or '')
    assert (seen.state, seen.facts.amount_refunded) == (State.PARTLY_REFUNDED, 60)


async def test_several_processes_reconcile_at_once(customer: Customer, settings_env: dict[str, str]) -> None:
    """Three replicas on one ledger, at the same moment: each payment is written down once."""
    orders = []
    for number in range(6):
        customer.visitor = f'browser {number}'
        orders.append(await customer.buy(email=f'p{number}@example.com'))
    shops = [build(judge(settings_env)) for _ in range(3)]
    await asyncio.gather(*(shop.reconciler.round() for shop in shops))
    for order in orders:
        assert (await customer.order_of(order.session_id or '')).state is State.PAID
        assert (await who_moved(customer, order.id)).count('reconciler') == 1
    for shop in shops:
        await shop.close()


async def test_it_runs_by_itself_and_stops_at_once(customer: Customer) -> None:
    """Started, it does its first round without being asked; stopped, it is gone."""
    order = await customer.buy()
    moved = asyncio.Event()
    customer.shop.ledger.follow(order, moved.set)
    customer.shop.reconciler.start()
    await asyncio.wait_for(moved.wait(), 10)
    await customer.shop.reconciler.stop()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_a_round_says_in_the_metrics_that_it_was_done(customer: Customer) -> None:
    """Repairs and rounds are counted."""
    await customer.buy()
    await customer.shop.reconciler.round()
    text = customer.shop.metrics.text().decode()
    assert 'paidslot_repairs_total{kind="order"} 1.0' in text
    assert 'paidslot_reconciler_seconds_count 1.0' in text


async def test_deliveries_reach_the_ledger_while_a_round_is_under_way(
    customer: Customer, doors: httpx.AsyncClient
) -> None:
    """Round and page at the same order at once: one of them writes, nobody fails."""
    order = await customer.buy()
    seen, _ = await asyncio.gather(
        customer.shop.fulfilment.fulfil(order.session_id or '', because='return'),
        customer.shop.reconciler.round(),
    )
    assert seen is not None
    assert seen.state is State.PAID
    assert len(await who_moved(customer, order.id)) == 3


async def test_one_entry_that_cannot_be_read_stops_no_other(customer: Customer, another: Customer) -> None:
    """A session that always fails at Stripe is put off; what came after it is found by the next round."""
    broken, later = await customer.buy(), await another.buy(email='later@example.com')
    customer.twin.lever(f'GET /v1/checkout/sessions/{broken.session_id}', 'fail', status=500, times=None)
    for _ in range(2):
        await customer.shop.reconciler.round()
    assert (await customer.order_of(broken.session_id or '')).state is State.OPEN
    assert (await customer.order_of(later.session_id or '')).state is State.PAID


async def test_a_list_whose_place_is_gone_is_begun_again(customer: Customer) -> None:
    """After a long pause Stripe does not know the entry to go on from; the next round starts afresh."""
    order = await customer.buy()
    backlog, now = customer.shop.reconciler._backlog, datetime.now(UTC)
    sweep = await backlog.sweep('events test', since=now - timedelta(days=1))
    await backlog.put_sweep(sweep, replace(sweep, until=now, after='evt_gone'))
    for _ in range(2):
        await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID
    assert (await backlog.sweep('events test', since=now)).after == ''
