"""The reconciler's rounds: each is limited, survives failures, and may run in several processes at once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.errors import PaymentBusy
from services.ledger import Delivery, Source
from services.orders import SESSION_LIFETIME, Cause, State
from services.payments import ListPage
from services.reconciler import stripe_lists
from services.settings import parse_settings
from services.shop import build
from tests.factories import an_order
from tests.services.conftest import Clock, Customer, on_both_databases

pytestmark = on_both_databases


async def test_a_delivery_that_was_not_handled_is_processed_again(customer: Customer, clock: Clock) -> None:
    """A delivery that was recorded but not handled is handled by a round after its lease."""
    order = await customer.buy()
    delivery = Delivery(Source.STRIPE, 'evt_lost', 'checkout.session.completed', order.session_id or '')
    assert not await customer.shop.ledger.deliveries.record(delivery)
    clock.ahead = timedelta(minutes=6)
    await customer.shop.reconciler.round()
    assert await customer.shop.ledger.deliveries.record(delivery)


async def test_an_event_whose_delivery_was_only_recorded_is_processed_at_once(customer: Customer) -> None:
    """The next round finds it in the list of events and does not wait for the lease of its delivery."""
    session_id = await customer.start()
    customer.sandbox.pay(session_id, method='bank')
    await customer.shop.reconciler.round()
    customer.sandbox.act('settle', session=session_id)
    event = customer.sandbox.state()['events'][-1]
    assert event['type'] == 'checkout.session.async_payment_succeeded'
    delivery = Delivery(Source.STRIPE, event['id'], event['type'], session_id)
    assert not await customer.shop.ledger.deliveries.record(delivery)
    await customer.shop.reconciler.round()
    assert (await customer.order_of(session_id)).state is State.PAID


async def test_while_stripe_fails_nothing_is_lost_and_the_failure_is_logged_once(
    customer: Customer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Rounds that fail change nothing; the first one that succeeds finds the payment."""
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


async def test_payments_of_another_shop_are_not_adopted(
    customer: Customer, settings_env: dict[str, str]
) -> None:
    """The orders of another shop on the same account do not get into this ledger."""
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


async def test_a_long_list_is_read_over_several_rounds(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round reads a limited number of pages; the next one continues where it ended."""
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
    """Three processes on one ledger write each payment down once."""
    orders = []
    for number in range(6):
        customer.browser_id = f'browser {number}'
        orders.append(await customer.buy(email=f'p{number}@example.com'))
    shops = [build(parse_settings(settings_env)) for _ in range(3)]
    await asyncio.gather(*(shop.reconciler.round() for shop in shops))
    for order in orders:
        assert (await customer.order_of(order.session_id or '')).state is State.PAID
        assert (await customer.causes(order.id)).count(Cause.RECONCILER) == 1
    for shop in shops:
        await shop.close()


async def test_a_started_reconciler_runs_a_round_and_can_be_stopped(customer: Customer) -> None:
    """The first round runs at once."""
    order = await customer.buy()
    moved = asyncio.Event()
    customer.shop.ledger.subscribe(order, moved.set)
    customer.shop.reconciler.start()
    await asyncio.wait_for(moved.wait(), 10)
    await customer.shop.reconciler.stop()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_rounds_and_repairs_are_counted(customer: Customer) -> None:
    """The metrics show one round and one repaired order."""
    await customer.buy()
    await customer.shop.reconciler.round()
    text = customer.shop.metrics.text().decode()
    assert 'paidslot_repairs_total{kind="order"} 1.0' in text
    assert 'paidslot_reconciler_seconds_count 1.0' in text


async def test_a_round_and_a_return_at_once_make_one_move(customer: Customer) -> None:
    """One of them writes the payment down, and neither fails."""
    order = await customer.buy()
    seen, _ = await asyncio.gather(
        customer.shop.fulfilment.fulfil(order.session_id or '', because=Cause.RETURN),
        customer.shop.reconciler.round(),
    )
    assert seen is not None
    assert seen.state is State.PAID
    assert len(await customer.causes(order.id)) == 3


async def test_a_session_that_cannot_be_read_stops_no_other(
    customer: Customer, other_customer: Customer
) -> None:
    """Its delivery is kept for another try; later payments are found by the next round."""
    broken, later = await customer.buy(), await other_customer.buy(email='later@example.com')
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


async def test_a_list_whose_cursor_names_a_deleted_entry_is_read_again(customer: Customer) -> None:
    """After a long pause Stripe may not know the entry to continue from; the next round starts again."""
    order = await customer.buy()
    cursors, now = customer.shop.ledger.cursors, datetime.now(UTC)
    cursor = await cursors.get('events test', since=now - timedelta(days=1))
    await cursors.advance(cursor, replace(cursor, until=now, after='evt_deleted'))
    for _ in range(2):
        await customer.shop.reconciler.round()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID
    assert (await cursors.get('events test', since=now)).after == ''


async def test_orders_without_a_session_are_voided_in_every_round(customer: Customer, clock: Clock) -> None:
    """Also in the rounds that read only what is new: a lease of ten minutes ends in the same ones again."""
    shop = customer.shop
    ids = [f'{number}' for number in range(5)]
    for number, id_ in enumerate(ids):
        made = clock() + timedelta(minutes=number)
        order = an_order(
            id=id_,
            reference=id_,
            token=id_,
            booking_key=id_,
            environment=shop.payments.environment,
            created_at=made,
            session_expires_at=made + SESSION_LIFETIME,
        )
        await shop.ledger.orders.add(order, because=Cause.BUTTON)
    for minutes in range(11):
        clock.ahead = timedelta(minutes=minutes, seconds=1)
        await shop.reconciler.round()
    orders = [await shop.ledger.orders.find(id=id_) for id_ in ids]
    assert [order.state for order in orders if order] == [State.EXPIRED] * len(ids)


class Pages:
    """A list at Stripe whose pages are empty."""

    def __init__(self, customer: Customer, clock: Clock) -> None:
        self.last = ''
        self.error: Exception | None = None
        self.cursors = customer.shop.ledger.cursors
        self.environment = customer.shop.payments.environment
        self.takes_cursor = False
        shop = customer.shop
        self.task = stripe_lists.ReadStripeList(
            'pages',
            self.read,
            first=timedelta(days=1),
            overlap=timedelta(hours=1),
            ledger=shop.ledger,
            payments=shop.payments,
            inbox=shop.inbox,
            clock=clock,
            domain='',
        )

    def known(self) -> bool:
        """Return whether the list is known."""
        return self.task.was_read

    async def read(self, *, since: datetime, until: datetime, after: str) -> ListPage:
        """Return a page; another process may read the list meanwhile."""
        if self.error:
            raise self.error
        if self.takes_cursor:
            cursor = await self.cursors.get(f'pages {self.environment.mode}', since=since)
            await self.cursors.advance(cursor, replace(cursor, until=until, after='theirs'))
        return ListPage((), self.last and f'{after}{self.last}')


async def test_a_list_is_known_after_a_whole_reading_and_what_is_new(
    customer: Customer, clock: Clock
) -> None:
    """Also after a run that read only what is new; not after one that failed, and not when it is old."""
    pages = Pages(customer, clock)
    assert not pages.known()
    for minutes in range(3):
        clock.ahead = timedelta(minutes=minutes)
        await pages.task.run()
        assert pages.known()
    clock.ahead += stripe_lists.FULL_EVERY
    assert not pages.known()
    await pages.task.run()
    assert pages.known()
    pages.error = PaymentBusy('500')
    with pytest.raises(PaymentBusy):
        await pages.task.run()
    assert not pages.known()


async def test_a_list_is_not_known_while_pages_are_left(customer: Customer, clock: Clock) -> None:
    """An order of a restored ledger may have been paid on one of them."""
    pages = Pages(customer, clock)
    pages.last = 'x'
    assert await pages.task.run()
    assert not pages.known()
    pages.last = ''
    assert not await pages.task.run()
    assert pages.known()


async def test_a_list_that_another_process_reads_is_not_known(customer: Customer, clock: Clock) -> None:
    """It moved the cursor first, and may have pages left."""
    pages = Pages(customer, clock)
    pages.takes_cursor = True
    assert not await pages.task.run()
    assert not pages.known()
