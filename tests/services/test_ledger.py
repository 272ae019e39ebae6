"""The ledger: orders move by version, deliveries are worked once, meetings never come back to life."""

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
DELIVERY = Delivery(Source.STRIPE, 'evt_1', 'checkout.session.completed')


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    """A ledger on an empty database."""
    ledger = Ledger(connect(database_url), lambda: NOON)
    await ledger.open()
    yield ledger
    await ledger.close()


async def test_an_order_comes_back_as_it_was_written(ledger: Ledger) -> None:
    """Every field survives, times in UTC."""
    order = an_order(facts=replace(PAID, name='Zoë', email='z+1@example.com'), claim='c', browser_hash='v')
    assert await ledger.orders.add(order, because=Cause.BUTTON)
    for key in ({'id': 'o1'}, {'token': 'token'}, {'reference': 'ABCD-2345'}, {'booking_key': 'key'}):
        assert await ledger.orders.find(**key) == order
    assert [line.line for line in await ledger.journal.lines('o1')] == ['order ABCD-2345 written down']


async def test_what_is_not_there_is_none(ledger: Ledger) -> None:
    """Looking for nothing finds nothing."""
    assert await ledger.orders.find(token='no such token') is None
    assert await ledger.bookings.of('o1') == ()


async def test_one_browser_has_one_open_order(ledger: Ledger) -> None:
    """A second order with the same claim is refused until the first lets go."""
    first = an_order(claim='browser:session')
    second = an_order(id='o2', reference='B', token='t2', booking_key='k2', claim='browser:session')
    assert await ledger.orders.add(first, because=Cause.BUTTON)
    assert not await ledger.orders.add(second, because=Cause.BUTTON)
    assert await ledger.orders.find(id='o2') is None
    await ledger.orders.move(first, because=Cause.BUTTON, line='let go', claim=None)
    assert await ledger.orders.add(second, because=Cause.BUTTON)


async def test_of_many_moves_at_once_one_wins(ledger: Ledger) -> None:
    """Thirty moves decided on one version leave one move and one line."""
    order = an_order()
    await ledger.orders.add(order, because=Cause.BUTTON)
    moves = [
        ledger.orders.move(
            order, because=Cause.WEBHOOK, line=f'move {number}', facts=replace(PAID, name=str(number))
        )
        for number in range(30)
    ]
    won = [moved for moved in await asyncio.gather(*moves) if moved]
    assert len(won) == 1
    assert won[0].version == 2
    assert await ledger.orders.find(id='o1') == won[0]
    lines = await ledger.journal.lines('o1')
    assert [line.line for line in lines[1:]] == [f'move {won[0].facts.name}']


async def test_a_moved_order_has_its_new_facts(ledger: Ledger) -> None:
    """A move returns the order as it is from then on."""
    order = an_order()
    await ledger.orders.add(order, because=Cause.BUTTON)
    moved = await ledger.orders.move(order, because=Cause.WEBHOOK, line='paid', facts=PAID, completed_at=NOON)
    assert moved is not None
    assert (moved.state, moved.completed_at) == (State.PAID, NOON)
    assert await ledger.orders.move(order, because=Cause.RETURN, line='late', facts=Facts()) is None


async def test_a_payment_of_this_browser_is_remembered_for_a_while(ledger: Ledger) -> None:
    """Only a completed order counts, and only a recent one."""
    await ledger.orders.add(an_order(browser_hash='v', completed_at=NOON), because=Cause.BUTTON)
    assert await ledger.orders.find_completed_by('v', since=NOON - timedelta(hours=24)) is not None
    assert await ledger.orders.find_completed_by('v', since=NOON + timedelta(seconds=1)) is None
    assert await ledger.orders.find_completed_by('w', since=NOON - timedelta(hours=24)) is None


async def test_a_delivery_is_worked_until_it_is_settled(ledger: Ledger) -> None:
    """Noted twice it is still work; once settled it is none."""
    assert not await ledger.deliveries.record(DELIVERY)
    await ledger.deliveries.keep_error(DELIVERY, 'stripe was silent')
    assert not await ledger.deliveries.record(DELIVERY)
    await ledger.deliveries.mark_handled(DELIVERY)
    assert await ledger.deliveries.record(DELIVERY)


async def test_a_move_settles_its_delivery_in_the_same_breath(ledger: Ledger) -> None:
    """A move that wins settles, one that loses does not."""
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


async def test_one_delivery_at_two_endpoints_at_once_is_noted_once(ledger: Ledger) -> None:
    """Twenty notes of one delivery neither fail nor settle it."""
    assert await asyncio.gather(*(ledger.deliveries.record(DELIVERY) for _ in range(20))) == [False] * 20


async def test_a_cancelled_meeting_stays_cancelled(ledger: Ledger) -> None:
    """A delayed or repeated word of its creation does not bring it back, nor write another line."""
    order = an_order()
    await ledger.orders.add(order, because=Cause.BUTTON)
    for state in ('canceled', 'active', 'canceled', 'active'):
        await ledger.bookings.put(order, a_booking(state=state), because=Cause.WEBHOOK)
    assert [booking.state for booking in await ledger.bookings.of('o1')] == ['canceled']
    assert len(await ledger.journal.lines('o1')) == 2


async def test_the_last_meeting_takes_its_spent_link_with_it(ledger: Ledger) -> None:
    """In the same transaction, once, unless it only moved; a link made later survives a repetition."""
    await ledger.orders.add(an_order(), because=Cause.BUTTON)
    order = await ledger.orders.move(
        an_order(), because=Cause.PAGE, line='calendar link made', calendar_url='https://one'
    )
    assert order
    for other in ('1', '2'):
        await ledger.bookings.put(order, a_booking(invitee_id=other), because=Cause.WEBHOOK)
    ways = (('1', False, 'https://one'), ('2', True, 'https://one'), ('3', False, None), ('3', False, None))
    for invitee, moved, link in ways:
        gone = a_booking(invitee_id=invitee, state=BookingState.CANCELED)
        await ledger.bookings.put(order, gone, because=Cause.WEBHOOK, moved=moved)
        found = await ledger.orders.find(id='o1')
        assert found
        assert found.calendar_url == link
    assert found
    lines = await ledger.journal.lines('o1')
    assert (lines[-1].line, lines[-1].version) == ('another time may be picked', found.version)
    again = await ledger.orders.move(
        found, because=Cause.PAGE, line='calendar link made', calendar_url='https://two'
    )
    await ledger.bookings.put(order, gone, because=Cause.WEBHOOK)
    assert await ledger.orders.find(id='o1') == again


@pytest.mark.parametrize('first', ['old', 'new'])
async def test_a_rescheduled_meeting_replaces_the_old_one_in_any_order(ledger: Ledger, first: str) -> None:
    """Whichever word comes first, the old meeting is cancelled and the new one stands."""
    order = an_order()
    await ledger.orders.add(order, because=Cause.BUTTON)
    await ledger.bookings.put(order, a_booking(), because=Cause.WEBHOOK)
    cancelled = a_booking(state=BookingState.CANCELED)
    new = a_booking(invitee_id='invitee-2', start=NOON + timedelta(days=1), replaces='invitee-1')
    for booking in (cancelled, new) if first == 'old' else (new, cancelled):
        await ledger.bookings.put(order, booking, because=Cause.WEBHOOK)
    states = [(booking.invitee_id, booking.state) for booking in await ledger.bookings.of('o1')]
    assert states == [('invitee-1', 'canceled'), ('invitee-2', 'active')]


async def test_a_time_without_zone_is_refused(ledger: Ledger) -> None:
    """What is not known to be UTC never reaches a row."""
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(Exception, match='without a zone'):
        await ledger.orders.add(an_order(created_at=naive), because=Cause.BUTTON)
    assert await ledger.orders.find(id='o1') is None


async def test_a_time_of_another_zone_is_the_same_moment(ledger: Ledger) -> None:
    """A time given in another zone comes back in UTC."""
    moment = datetime(2026, 11, 23, 7, tzinfo=timezone(timedelta(hours=-5)))
    await ledger.orders.add(an_order(created_at=moment), because=Cause.BUTTON)
    found = await ledger.orders.find(id='o1')
    assert found is not None
    assert found.created_at == NOON
    assert found.created_at.tzinfo is UTC


async def test_opening_twice_changes_nothing(ledger: Ledger) -> None:
    """Migrations that were applied are not applied again, and what was written stays."""
    await ledger.orders.add(an_order(), because=Cause.BUTTON)
    await ledger.open()
    assert await ledger.orders.find(id='o1') is not None


async def test_several_may_open_one_database_at_once(database_url: str) -> None:
    """Migrations raced at the start are applied once."""
    ledgers = [Ledger(connect(database_url), lambda: NOON) for _ in range(4)]
    await asyncio.gather(*(ledger.open() for ledger in ledgers))
    assert await ledgers[0].orders.add(an_order(), because=Cause.BUTTON)
    assert await ledgers[3].orders.find(id='o1') == an_order()
    await asyncio.gather(*(ledger.close() for ledger in ledgers))


@pytest.mark.filterwarnings('ignore:Skipped unsupported reflection of expression-based index')
async def test_the_migrations_make_the_tables_that_the_code_expects(
    ledger: Ledger, new_database: NewDatabase
) -> None:
    """Every column, index and constraint of the schema is in a migrated database, and no other."""
    declared = connect(new_database()).engine
    schema.metadata.create_all(declared)
    seen, wanted = inspect(ledger.store.engine), inspect(declared)
    assert set(seen.get_table_names()) - {'alembic_version'} == set(wanted.get_table_names())
    for table in wanted.get_table_names():
        for part in ('get_indexes', 'get_unique_constraints', 'get_foreign_keys'):
            found, expected = getattr(seen, part)(table), getattr(wanted, part)(table)
            assert sorted(map(str, found)) == sorted(map(str, expected))
        columns = [
            sorted((c['name'], repr(c['type']), c['nullable']) for c in i.get_columns(table))
            for i in (seen, wanted)
        ]
        assert columns[0] == columns[1]
    declared.dispose()
