"""The reconciler's rounds: bounded, stopped by nothing, shared by processes, silent about what is settled."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services.ledger import Delivery, Source
from services.orders import Cause, State
from services.reconciler import stripe_lists
from services.settings import parse_settings
from services.shop import build
from tests.services.conftest import Clock, Customer, on_both_databases

pytestmark = on_both_databases

RESTRICTED = 'rk_test_sandboxNoMoneyMoves00000002'
READ = 'GET /v1/checkout/sessions/cs_'


async def test_a_delivery_nothing_came_of_is_worked_again(customer: Customer, clock: Clock) -> None:
    """A delivery that was noted, and failed or was cut off, is settled by a later round."""
    order = await customer.buy()
    delivery = Delivery(Source.STRIPE, 'evt_cut', 'checkout.session.completed', order.session_id or '')
    assert not await customer.shop.ledger.deliveries.record(delivery)
    clock.ahead = timedelta(minutes=6)
    await customer.shop.reconciler.round()
    assert await customer.shop.ledger.deliveries.record(delivery)


async def test_a_delivery_that_died_with_its_process_waits_for_nobody(customer: Customer) -> None:
    """Noted and no more: the next round takes it up at once, although it might be at work elsewhere."""
    session_id = await customer.start()
    customer.sandbox.pay(session_id, method='bank')
    await customer.shop.reconciler.round()
    customer.sandbox.act('settle', session=session_id)
    told = customer.sandbox.state()['events'][-1]
    assert told['type'] == 'checkout.session.async_payment_succeeded'
    assert not await customer.shop.ledger.deliveries.record(
        Delivery(Source.STRIPE, told['id'], told['type'], session_id)
    )
    await customer.shop.reconciler.round()
    assert (await customer.order_of(session_id)).state is State.PAID


async def test_while_stripe_is_silent_nothing_is_lost_and_it_is_said_once(
    customer: Customer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Rounds without an answer change nothing; the first one with an answer catches up."""
    order = await customer.buy()
    customer.sandbox.fault('GET *', 'fail', status=500, times=None)
    for _ in range(2):
        await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.OPEN
    assert len([line for line in caplog.messages if 'reconciling events failed' in line]) == 1
    customer.sandbox.clear_faults()
    clock.ahead = timedelta(minutes=11)
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_what_belongs_to_others_is_left_alone(customer: Customer, settings_env: dict[str, str]) -> None:
    """Another shop on the same account sells too: its orders do not get into this ledger."""
    other = build(parse_settings(settings_env | {'DOMAIN': 'http://localhost:4000'}))
    foreign = await other.checkout.start(browser_id='v', because=Cause.BUTTON, client_ip='')
    await customer.shop.ledger.store.write(
        lambda connection: [
            connection.exec_driver_sql(f'DELETE FROM {table}') for table in ('journal', 'orders')
        ]
    )
    customer.sandbox.pay(foreign.id)
    await customer.shop.reconciler.round()
    assert await customer.shop.ledger.orders.find(session_id=foreign.id) is None
    await other.close()


async def test_a_long_list_is_read_in_bounded_rounds(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than fits into a round is gone on with in the next, until nothing is left."""
    monkeypatch.setattr(stripe_lists, 'PAGES', 1)
    order = await customer.buy()
    for _ in range(60):  # 120 events and more
        customer.sandbox.act('refund', session=order.session_id, amount=1)
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
        customer.browser_id = f'browser {number}'
        orders.append(await customer.buy(email=f'p{number}@example.com'))
    shops = [build(parse_settings(settings_env)) for _ in range(3)]
    await asyncio.gather(*(shop.reconciler.round() for shop in shops))
    for order in orders:
        assert (await customer.order_of(order.session_id or '')).state is State.PAID
        assert (await customer.who_moved(order.id)).count('reconciler') == 1
    for shop in shops:
        await shop.close()


async def test_it_runs_by_itself_and_stops_at_once(customer: Customer) -> None:
    """Started, it does its first round without being asked; stopped, it is gone."""
    order = await customer.buy()
    moved = asyncio.Event()
    customer.shop.ledger.subscribe(order, moved.set)
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
    customer: Customer, endpoints: httpx.AsyncClient
) -> None:
    """Round and page at the same order at once: one of them writes, nobody fails."""
    order = await customer.buy()
    seen, _ = await asyncio.gather(
        customer.shop.fulfilment.fulfil(order.session_id or '', because=Cause.RETURN),
        customer.shop.reconciler.round(),
    )
    assert seen is not None
    assert seen.state is State.PAID
    assert len(await customer.who_moved(order.id)) == 3


async def test_one_entry_that_cannot_be_read_stops_no_other(customer: Customer, another: Customer) -> None:
    """A session that always fails at Stripe is put off; what came after it is found by the next round."""
    broken, later = await customer.buy(), await another.buy(email='later@example.com')
    customer.sandbox.fault(f'GET /v1/checkout/sessions/{broken.session_id}', 'fail', status=500, times=None)
    for _ in range(2):
        await customer.shop.reconciler.round()
    assert (await customer.order_of(broken.session_id or '')).state is State.OPEN
    assert (await customer.order_of(later.session_id or '')).state is State.PAID


async def test_what_has_not_changed_is_not_read_again(customer: Customer, clock: Clock) -> None:
    """A round reads what is new; the overlap is read again after some minutes only."""
    order = await customer.buy()
    await customer.shop.reconciler.round()
    lists = ('/v1/events', '/v1/checkout/sessions')

    async def spans() -> list[timedelta]:
        before = len(customer.sandbox.requests())
        await customer.shop.reconciler.round()
        made = [item for item in customer.sandbox.requests()[before:] if item['path'] in lists]
        created = [{name: int(value) for name, value in item['params'] if 'created' in name} for item in made]
        return [timedelta(seconds=each['created[lte]'] - each['created[gte]']) for each in created]

    assert max(await spans()) < timedelta(minutes=3)
    clock.ahead += stripe_lists.FULL_EVERY
    events, sessions = await spans()
    assert events >= stripe_lists.LATE
    assert sessions >= stripe_lists.STILL_OPEN
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_an_entry_that_is_listed_late_is_found(customer: Customer, clock: Clock) -> None:
    """Made eight minutes before the last round but listed after it: the next full reading has it."""
    order = await customer.buy()
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID
    customer.sandbox.act('refund', session=order.session_id)
    # For the shop the refund is eight minutes old, as if Stripe had listed it only now.
    clock.ahead = timedelta(minutes=8)
    for task in customer.shop.reconciler._tasks[:2]:
        assert isinstance(task, stripe_lists.ReadStripeList)
        assert task._last is not None
        task._last = stripe_lists.LastReading(clock(), clock())
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID
    clock.ahead += stripe_lists.FULL_EVERY
    await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.REFUNDED


async def test_a_list_whose_place_is_gone_is_begun_again(customer: Customer) -> None:
    """After a long pause Stripe does not know the entry to go on from; the next round starts afresh."""
    order = await customer.buy()
    cursors, now = customer.shop.ledger.cursors, datetime.now(UTC)
    cursor = await cursors.get('events test', since=now - timedelta(days=1))
    await cursors.advance(cursor, replace(cursor, until=now, after='evt_gone'))
    for _ in range(2):
        await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID
    assert (await cursors.get('events test', since=now)).after == ''
