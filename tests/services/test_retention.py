"""What is deleted after the retention, and what is kept for ever."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from services.database import schema
from services.ledger import Delivery, Ledger, Source, UnmatchedReason
from services.orders import RETENTION, BookingState, Cause, Facts, Order, State
from services.reconciler import retention
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import PAID, a_booking, an_order
from tests.processes import ROOT
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases

pytestmark = on_both_databases
LATER = RETENTION + timedelta(hours=1)
EXPIRED = Facts('expired', 'unpaid')


async def count(ledger: Ledger, table: str) -> int:
    """How many rows a table has."""
    (row,) = await ledger.store.read(select(func.count()).select_from(schema.metadata.tables[table]))
    return int(row[0])


async def _expired(customer: Customer) -> Order:
    session_id = await customer.start()
    customer.sandbox.act('expire', session=session_id)
    return await fulfilled(customer, await customer.order_of(session_id))


async def _voided(customer: Customer) -> Order:
    shop = customer.shop
    order = an_order(environment=shop.payments.environment)
    await shop.ledger.orders.add(order, because=Cause.BUTTON)
    moved = await shop.ledger.orders.move(
        order, because=Cause.RECONCILER, line='given up', voided_at=order.created_at
    )
    assert moved
    return moved


async def _failed(customer: Customer) -> Order:
    order = await customer.buy(method='bank')
    await fulfilled(customer, order)
    customer.sandbox.act('settle', session=order.session_id, success=False)
    return await fulfilled(customer, order)


@pytest.mark.parametrize(
    ('make', 'state'), [(_expired, State.EXPIRED), (_voided, State.EXPIRED), (_failed, State.FAILED)]
)
async def test_an_unpaid_order_that_ended_is_deleted(
    customer: Customer, clock: Clock, make: Callable[[Customer], Awaitable[Order]], state: State
) -> None:
    """After thirty days, with its journal, and not before."""
    order = await make(customer)
    assert order.state is state
    ledger = customer.shop.ledger
    clock.ahead = RETENTION - timedelta(hours=1)
    await customer.shop.reconciler.round()
    assert await ledger.orders.find(id=order.id)
    clock.ahead = LATER
    await customer.shop.reconciler.round()
    assert await ledger.orders.find(id=order.id) is None
    assert await ledger.journal.lines(order.id) == ()


@pytest.mark.parametrize(
    'facts',
    [
        PAID,
        replace(PAID, amount_refunded=15_000),
        replace(PAID, dispute_status='lost', amount_disputed=15_000),
        replace(PAID, mismatch='currency'),
        replace(EXPIRED, mismatch='currency'),
        Facts('complete', 'no_payment_required', 15_000, 0),
        Facts('complete', 'unpaid'),
        Facts('open', 'unpaid'),
    ],
)
async def test_what_had_money_or_may_get_it_is_kept(shop: Shop, clock: Clock, facts: Facts) -> None:
    """Money, money that went back, a mismatch, a slow payment, an open session."""
    order = an_order(facts=facts, session_id='cs_test_1', completed_at=clock())
    await shop.ledger.orders.add(order, because=Cause.BUTTON)
    clock.ahead = LATER
    assert await shop.ledger.retention.delete_orders(limit=10) == 0
    assert await shop.ledger.orders.find(id=order.id)


def _site_with(folder: Path, line: str) -> Path:
    """Write the texts of a site that keeps abandoned orders for another time."""
    text = (ROOT / 'site.toml').read_text(encoding='utf-8')
    (folder / 'site.toml').write_text(text.replace('abandoned_days = 30', line), encoding='utf-8')
    return folder / 'site.toml'


@pytest.mark.parametrize('days', [1, 90])
async def test_the_retention_is_set_in_the_site(
    settings_env: dict[str, str], clock: Clock, days: int, tmp_path: Path
) -> None:
    """Orders that end from then on are kept as long as ``abandoned_days`` says."""
    site = _site_with(tmp_path, f'abandoned_days = {days}')
    shop = build(parse_settings(settings_env | {'SITE_FILE': str(site)}), clock=clock)
    await shop.open()
    try:
        await shop.ledger.orders.add(an_order(facts=EXPIRED), because=Cause.BUTTON)
        clock.ahead = timedelta(days=days, hours=-1)
        assert await shop.ledger.retention.delete_orders(limit=10) == 0
        clock.ahead = timedelta(days=days, hours=1)
        assert await shop.ledger.retention.delete_orders(limit=10) == 1
    finally:
        await shop.close()


async def test_an_order_with_a_booking_is_kept(shop: Shop, clock: Clock) -> None:
    """Also if nobody paid for it; it is not looked at again."""
    ledger, order = shop.ledger, an_order(facts=EXPIRED)
    await ledger.orders.add(order, because=Cause.BUTTON)
    await ledger.bookings.put(order, a_booking(), because=Cause.WEBHOOK)
    clock.ahead = LATER
    assert [await ledger.retention.delete_orders(limit=10) for _ in range(2)] == [1, 0]
    assert await ledger.orders.find(id=order.id)


async def test_handled_deliveries_are_deleted(shop: Shop, clock: Clock) -> None:
    """Those that never succeeded stay, with their error."""
    deliveries = shop.ledger.deliveries
    for name in ('handled', 'failed'):
        await deliveries.record(Delivery(Source.STRIPE, name, 'charge.refunded', 'pi_1'))
    await deliveries.mark_handled(Delivery(Source.STRIPE, 'handled', 'charge.refunded'))
    await deliveries.keep_error(Delivery(Source.STRIPE, 'failed', 'charge.refunded'), 'internal')
    clock.ahead = LATER
    assert await shop.ledger.retention.delete_deliveries(limit=10) == 1
    (row,) = await shop.ledger.store.read(select(schema.deliveries.c.event_id))
    assert row.event_id == 'failed'


async def test_meetings_of_no_order_are_deleted(shop: Shop, clock: Clock) -> None:
    """Thirty days after their end; a later one stays, and so does one of an order."""
    ledger, order = shop.ledger, an_order(facts=EXPIRED)
    await ledger.orders.add(order, because=Cause.BUTTON)
    ends = {
        'old': clock() - LATER,
        'canceled': clock() - LATER,
        'new': clock() - RETENTION + timedelta(hours=1),
    }
    for name, end in ends.items():
        state = BookingState.CANCELED if name == 'canceled' else BookingState.ACTIVE
        booking = a_booking(invitee_id=name, start=end - timedelta(hours=1), end=end, state=state)
        await ledger.unmatched.record_unmatched(booking, UnmatchedReason.NO_KEY, event_type='', handles=None)
    long_ago = clock() - LATER
    of_order = a_booking(invitee_id='of an order', start=long_ago - timedelta(hours=1), end=long_ago)
    await ledger.bookings.put(order, of_order, because=Cause.WEBHOOK)
    assert [await ledger.retention.delete_unmatched(limit=1) for _ in range(3)] == [1, 1, 0]
    assert {row.invitee_id for row in await ledger.unmatched.list_open()} == {'new', 'of an order'}
    clock.ahead = timedelta(hours=2)
    await shop.reconciler.round()
    assert {row.invitee_id for row in await ledger.unmatched.list_open()} == {'of an order'}


async def test_a_round_deletes_a_bounded_number(
    shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left is deleted by the next round; the backlog asks for no round of its own."""
    monkeypatch.setattr(retention, 'ROWS', 2)
    monkeypatch.setattr(retention, 'STEPS', 2)
    for number in range(7):
        name = f'{number}'
        order = an_order(id=name, reference=name, token=name, booking_key=name, facts=EXPIRED)
        await shop.ledger.orders.add(order, because=Cause.BUTTON)
    clock.ahead = LATER
    task, left = retention.DeleteOld(shop.ledger), []
    for _ in range(3):
        assert not await task.run()
        left.append(await count(shop.ledger, 'orders'))
    assert left == [3, 0, 0]
    assert await count(shop.ledger, 'journal') == 0


@pytest.mark.parametrize('kind', ['checkout.session.expired', 'charge.refunded'])
async def test_a_late_delivery_of_a_deleted_order_changes_nothing(
    customer: Customer, clock: Clock, kind: str
) -> None:
    """The session is still known at Stripe, and its order is not written down again."""
    order = await _expired(customer)
    clock.ahead = LATER
    await customer.shop.reconciler.round()
    payload = order.session_id if kind == 'checkout.session.expired' else 'pi_unknown'
    delivery = Delivery(Source.STRIPE, 'evt_late', kind, str(payload))
    await customer.shop.inbox.receive(delivery, because=Cause.WEBHOOK)
    assert await customer.shop.ledger.orders.find(id=order.id) is None
    assert await customer.shop.ledger.deliveries.record(delivery)
    assert await customer.shop.fulfilment.arrive(order.session_id or '') is None


async def test_a_payment_without_its_order_is_still_adopted(customer: Customer, clock: Clock) -> None:
    """However old it is: money is never without an order."""
    order = await customer.buy()
    await customer.shop.ledger.store.write(
        lambda connection: [
            connection.execute(schema.metadata.tables[name].delete()) for name in ('journal', 'orders')
        ]
    )
    clock.ahead = LATER
    adopted = await fulfilled(customer, order)
    assert (adopted.id, adopted.state) == (order.id, State.PAID)
