"""The ledger: orders move by version, deliveries are handled once, canceled bookings stay canceled."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import inspect

from services.database import schema
from services.ledger import Delivery, Ledger, Source, connect
from services.orders import BookingState, Cause, Facts, State
from tests.factories import NOON, PAID, a_booking, an_order
from tests.services.conftest import NewDatabase, on_both_databases

pytestmark = on_both_databases
ACTIVE, CANCELED = BookingState.ACTIVE, BookingState.CANCELED
DELIVERY = Delivery(Source.STRIPE, 'evt_1', 'checkout.session.completed')


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """Open a ledger on an empty database."""
    ledger = Ledger(connect(database_url), lambda: NOON)
    await ledger.open()
    yield ledger
    await ledger.close()


async def test_an_order_is_read_as_it_was_written(ledger: Ledger) -> None:
    """Every field is read back, with times in UTC, by every key."""
    order = an_order(facts=replace(PAID, name='Zoë', email='z+1@example.com'), claim='c', browser_hash='v')
    assert await ledger.orders.add(order, because=Cause.BUTTON)
    for key in ({'id': 'o1'}, {'token': 'token'}, {'reference': 'ABCD-2345'}, {'booking_key': 'key'}):
        assert await ledger.orders.find(**key) == order
    assert [line.line for line in await ledger.journal.lines('o1')] == ['order ABCD-2345 written down']


async def test_an_unknown_order_is_not_found(ledger: Ledger) -> None:
    """There is no order, and there are no bookings."""
    assert await ledger.orders.find(token='no such token') is None
    assert await ledger.bookings.of('o1') == ()


async def test_one_browser_has_one_open_order(ledger: Ledger) -> None:
    """A second order with the same claim is refused until the first one has no claim."""
    first = an_order(claim='browser:session')
    second = an_order(id='o2', reference='B', token='t2', booking_key='k2', claim='browser:session')
    assert await ledger.orders.add(first, because=Cause.BUTTON)
    assert not await ledger.orders.add(second, because=Cause.BUTTON)
    assert await ledger.orders.find(id='o2') is None
    await ledger.orders.move(first, because=Cause.BUTTON, line='claim removed', claim=None)
    assert await ledger.orders.add(second, because=Cause.BUTTON)


async def test_of_concurrent_moves_of_one_version_one_succeeds(ledger: Ledger) -> None:
    """Of thirty moves one is applied, with one journal line."""
    order = an_order()
    await ledger.orders.add(order, because=Cause.BUTTON)
    moves = [
        ledger.orders.move(
            order, because=Cause.WEBHOOK, line=f'move {number}', facts=replace(PAID, name=str(number))
        )
        for number in range(30)
    ]
    applied = [moved for moved in await asyncio.gather(*moves) if moved]
    assert len(applied) == 1
    assert applied[0].version == 2
    assert await ledger.orders.find(id='o1') == applied[0]
    lines = await ledger.journal.lines('o1')
    assert [line.line for line in lines[1:]] == [f'move {applied[0].facts.name}']


async def test_a_move_returns_the_changed_order(ledger: Ledger) -> None:
    """A later move of the old version is refused."""
    order = an_order()
    await ledger.orders.add(order, because=Cause.BUTTON)
    moved = await ledger.orders.move(order, because=Cause.WEBHOOK, line='paid', facts=PAID, completed_at=NOON)
    assert moved is not None
    assert (moved.state, moved.completed_at) == (State.PAID, NOON)
    assert await ledger.orders.move(order, because=Cause.RETURN, line='late', facts=Facts()) is None


async def test_a_recent_completed_order_of_a_browser_is_found(ledger: Ledger) -> None:
    """An order that was completed earlier, or by another browser, is not found."""
    await ledger.orders.add(an_order(browser_hash='v', completed_at=NOON), because=Cause.BUTTON)
    assert len(await ledger.orders.completed_by('v', since=NOON - timedelta(hours=24))) == 1
    assert await ledger.orders.completed_by('v', since=NOON + timedelta(seconds=1)) == ()
    assert await ledger.orders.completed_by('w', since=NOON - timedelta(hours=24)) == ()


async def test_a_delivery_is_to_be_processed_until_it_is_handled(ledger: Ledger) -> None:
    """Recording a delivery again says that it was handled only after it was marked handled."""
    assert not await ledger.deliveries.record(DELIVERY)
    await ledger.deliveries.keep_error(DELIVERY, 'payment_busy')
    assert not await ledger.deliveries.record(DELIVERY)
    await ledger.deliveries.mark_handled(DELIVERY)
    assert await ledger.deliveries.record(DELIVERY)


async def test_a_move_marks_its_delivery_handled_in_the_same_transaction(ledger: Ledger) -> None:
    """A move that succeeds marks the delivery handled; one that is refused does not."""
    order = an_order()
    await ledger.orders.add(order, because=Cause.BUTTON)
    await ledger.deliveries.record(DELIVERY)
    stale = replace(order, version=7)
    assert (
        await ledger.orders.move(stale, because=Cause.WEBHOOK, line='x', handles=DELIVERY, facts=PAID) is None
    )
    assert not await ledger.deliveries.record(DELIVERY)
    assert await ledger.orders.move(order, because=Cause.WEBHOOK, line='paid', handles=DELIVERY, facts=PAID)
    assert await ledger.deliveries.record(DELIVERY)


async def test_one_delivery_can_be_recorded_concurrently(ledger: Ledger) -> None:
    """Recording one delivery twenty times at once neither fails nor marks it handled."""
    assert await asyncio.gather(*(ledger.deliveries.record(DELIVERY) for _ in range(20))) == [False] * 20


async def test_a_canceled_booking_stays_canceled(ledger: Ledger) -> None:
    """A delayed or repeated delivery of its creation changes nothing and writes no journal line."""
    order = an_order()
    await ledger.orders.add(order, because=Cause.BUTTON)
    for state in (CANCELED, ACTIVE, CANCELED, ACTIVE):
        await ledger.bookings.put(order, a_booking(state=state), because=Cause.WEBHOOK)
    assert [booking.state for booking in await ledger.bookings.of('o1')] == [CANCELED]
    assert len(await ledger.journal.lines('o1')) == 2


async def test_when_the_last_booking_is_canceled_the_used_link_is_forgotten(ledger: Ledger) -> None:
    """A rescheduled booking keeps the link, and a repeated delivery does not delete a link made later."""
    await ledger.orders.add(an_order(), because=Cause.BUTTON)
    order = await ledger.orders.move(
        an_order(), because=Cause.PAGE, line='calendar link made', calendar_url='https://one'
    )
    assert order
    for invitee_id in ('1', '2'):
        await ledger.bookings.put(order, a_booking(invitee_id=invitee_id), because=Cause.WEBHOOK)
    cancellations = (
        ('1', False, 'https://one'),
        ('2', True, 'https://one'),
        ('3', False, None),
        ('3', False, None),
    )
    for invitee_id, moved, link in cancellations:
        canceled = a_booking(invitee_id=invitee_id, state=CANCELED)
        await ledger.bookings.put(order, canceled, because=Cause.WEBHOOK, moved=moved)
        found = await ledger.orders.find(id='o1')
        assert found
        assert found.calendar_url == link
    assert found
    lines = await ledger.journal.lines('o1')
    assert (lines[-1].line, lines[-1].version) == ('another time may be picked', found.version)
    again = await ledger.orders.move(
        found, because=Cause.PAGE, line='calendar link made', calendar_url='https://two'
    )
    await ledger.bookings.put(order, canceled, because=Cause.WEBHOOK)
    assert await ledger.orders.find(id='o1') == again


@pytest.mark.parametrize('first', ['old', 'new'])
async def test_a_rescheduled_booking_replaces_the_old_one_in_any_order(ledger: Ledger, first: str) -> None:
    """Whichever delivery comes first, the old booking is canceled and the new one active."""
    order = an_order()
    await ledger.orders.add(order, because=Cause.BUTTON)
    await ledger.bookings.put(order, a_booking(), because=Cause.WEBHOOK)
    old = a_booking(state=CANCELED)
    new = a_booking(invitee_id='invitee-2', start=NOON + timedelta(days=1), replaces='invitee-1')
    for booking in (old, new) if first == 'old' else (new, old):
        await ledger.bookings.put(order, booking, because=Cause.WEBHOOK)
    states = [(booking.invitee_id, booking.state) for booking in await ledger.bookings.of('o1')]
    assert states == [('invitee-1', CANCELED), ('invitee-2', ACTIVE)]


async def test_a_time_without_zone_is_refused(ledger: Ledger) -> None:
    """A naive time, which might not be UTC, is not written."""
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(Exception, match='without a zone'):
        await ledger.orders.add(an_order(created_at=naive), because=Cause.BUTTON)
    assert await ledger.orders.find(id='o1') is None


async def test_a_time_in_another_zone_is_read_in_utc(ledger: Ledger) -> None:
    """It is the same point in time."""
    created_at = datetime(2026, 11, 23, 7, tzinfo=timezone(timedelta(hours=-5)))
    await ledger.orders.add(an_order(created_at=created_at), because=Cause.BUTTON)
    found = await ledger.orders.find(id='o1')
    assert found is not None
    assert found.created_at == NOON
    assert found.created_at.tzinfo is UTC


async def test_opening_twice_changes_nothing(ledger: Ledger) -> None:
    """Migrations that were applied are not applied again, and the orders stay."""
    await ledger.orders.add(an_order(), because=Cause.BUTTON)
    await ledger.open()
    assert await ledger.orders.find(id='o1') is not None


async def test_several_ledgers_can_open_one_new_database_at_once(new_database: NewDatabase) -> None:
    """The migrations are applied once."""
    database_url = new_database()
    ledgers = [Ledger(connect(database_url), lambda: NOON) for _ in range(4)]
    await asyncio.gather(*(ledger.open() for ledger in ledgers))
    assert await ledgers[0].orders.add(an_order(), because=Cause.BUTTON)
    assert await ledgers[3].orders.find(id='o1') == an_order()
    await asyncio.gather(*(ledger.close() for ledger in ledgers))


INDEXES = {
    'sqlite': "SELECT replace(sql, '\"', '') FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    'postgresql': "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
}
"""Reads the statement of every index, with its expressions and its condition."""


@pytest.mark.filterwarnings('ignore:Skipped unsupported reflection of expression-based index')
async def test_the_migrations_create_the_tables_of_the_schema(
    ledger: Ledger, new_database: NewDatabase
) -> None:
    """Every column, index and constraint of the schema is in a migrated database, and no other."""
    declared = connect(new_database()).engine
    schema.metadata.create_all(declared)
    seen, wanted = inspect(ledger.store.engine), inspect(declared)
    assert set(seen.get_table_names()) - {'alembic_version'} == set(wanted.get_table_names())
    for table in wanted.get_table_names():
        for part in ('get_unique_constraints', 'get_foreign_keys'):
            found, expected = getattr(seen, part)(table), getattr(wanted, part)(table)
            assert sorted(map(str, found)) == sorted(map(str, expected))
        columns = [
            sorted((c['name'], repr(c['type']), c['nullable']) for c in i.get_columns(table))
            for i in (seen, wanted)
        ]
        assert columns[0] == columns[1]
    indexes = []
    for engine in (ledger.store.engine, declared):
        with engine.connect() as connection:
            found = connection.exec_driver_sql(INDEXES[engine.dialect.name]).scalars()
            indexes.append(sorted(index for index in found if 'alembic_version' not in index))
    assert indexes[0] == indexes[1]
    declared.dispose()
