"""Outside effects: written down first, carried out beside the rounds, never twice; here: cancellations."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from services.database import schema
from services.errors import CalendarUnavailable
from services.ledger import Effect, EffectKind, Ledger
from services.ledger.effects import GIVEN_UP, LEASE
from services.orders import BookingState, Canceler, Cause, Order
from services.reconciler.effects import EVERY
from services.scheduling import BookingUpdate
from services.settings import parse_settings
from services.shop import build
from tests.factories import a_booking
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases

pytestmark = on_both_databases
CANCELLATION = 'POST /scheduled_events'


async def rows(ledger: Ledger) -> list[dict[str, Any]]:
    """Return all cancellations, oldest first."""
    table = schema.effects
    query = select(table).where(table.c.kind == EffectKind.CANCEL_MEETING).order_by(table.c.id)
    return [dict(row._mapping) for row in await ledger.store.read(query)]


async def states(ledger: Ledger) -> list[str]:
    """Return the states of all cancellations."""
    return [row['state'] for row in await rows(ledger)]


async def reasons(customer: Customer) -> list[str]:
    """Return why meetings are listed as unmatched."""
    return sorted(row.reason for row in await customer.shop.ledger.unmatched.list_open())


def statuses(sandbox: SandboxClient) -> list[str]:
    """Return the status of all meetings at Calendly."""
    return [invitee['status'] for invitee in sandbox.state()['invitees']]


async def take_back(customer: Customer, order: Order, **how: Any) -> dict[str, Any]:
    """Refund an order, and let the shop see it."""
    refund = await asyncio.to_thread(customer.sandbox.act, 'refund', session=order.session_id, **how)
    await fulfilled(customer, order)
    return refund


async def test_the_coming_meeting_of_a_refunded_order_is_canceled(customer: Customer, booked: Order) -> None:
    """Calendly tells both sides with a plain reason; ledger, journal and list agree with it."""
    await take_back(customer, booked)
    assert await states(customer.shop.ledger) == ['wanted']
    assert await reasons(customer) == ['refunded']  # until it is canceled
    await customer.shop.effects.run()
    (invitee,) = customer.sandbox.state()['invitees']
    assert invitee['status'] == 'canceled'
    assert invitee['cancellation']['canceler_type'] == 'host'
    assert invitee['cancellation']['reason'] == 'The payment for this session was returned.'
    (booking,) = await customer.shop.bookings.bookings(booked)
    assert (booking.state, booking.canceled_by) == (BookingState.CANCELED, Canceler.HOST)
    assert booking.cancel_reason == invitee['cancellation']['reason']
    lines = [line.line for line in await customer.shop.ledger.journal.lines(booked.id)]
    assert len([line for line in lines if line.endswith('UTC canceled')]) == 1
    assert 'another time may be picked' not in lines
    assert await reasons(customer) == []
    assert await states(customer.shop.ledger) == ['done']
    assert len(customer.sandbox.requests(CANCELLATION)) == 1


async def test_only_a_decided_dispute_cancels(customer: Customer, booked: Order) -> None:
    """Not an inquiry, and not a dispute that is open."""
    for status, wanted in (('inquiry', []), ('open', []), ('lost', ['done'])):
        await asyncio.to_thread(customer.sandbox.act, 'dispute', session=booked.session_id, status=status)
        await fulfilled(customer, booked)
        await customer.shop.effects.run()
        assert await states(customer.shop.ledger) == wanted
        assert statuses(customer.sandbox) == (['canceled'] if wanted else ['active'])


async def test_a_part_refund_cancels_nothing(customer: Customer, booked: Order) -> None:
    """The customer still has the session."""
    await take_back(customer, booked, amount=5000)
    await customer.shop.effects.run()
    assert await rows(customer.shop.ledger) == []
    assert statuses(customer.sandbox) == ['active']


async def test_a_meeting_that_was_booked_after_the_refund_is_canceled(
    customer: Customer, paid: Order
) -> None:
    """In another tab, before the link was deleted: Calendly tells of it later."""
    url = await customer.shop.calendar.url(paid) or ''
    await asyncio.to_thread(customer.sandbox.book, url)
    await take_back(customer, paid)
    await customer.shop.effects.run()
    await customer.shop.bookings.look_up(paid)
    assert await reasons(customer) == ['refunded']
    await customer.shop.effects.run()
    assert statuses(customer.sandbox) == ['canceled']
    assert await reasons(customer) == []


async def test_a_meeting_that_is_canceled_already_is_a_success(customer: Customer, booked: Order) -> None:
    """Calendly refuses with 403; who canceled it is read there."""
    (invitee,) = customer.sandbox.state()['invitees']
    customer.sandbox.act('cancel', invitee=invitee['uri'], by='invitee', reason='ill')
    await take_back(customer, booked)
    await customer.shop.effects.run()
    (booking,) = await customer.shop.bookings.bookings(booked)
    assert (booking.state, booking.canceled_by) == (BookingState.CANCELED, Canceler.INVITEE)
    assert booking.cancel_reason == 'ill'
    assert await states(customer.shop.ledger) == ['done']
    assert await reasons(customer) == []


async def test_a_meeting_that_the_shop_knows_to_be_canceled_is_not_asked_about(
    customer: Customer, booked: Order
) -> None:
    """The webhook of the customer's own cancellation came before ours was carried out."""
    await take_back(customer, booked)
    (booking,) = await customer.shop.bookings.bookings(booked)
    update = BookingUpdate(replace(booking, state=BookingState.CANCELED), booked.booking_key)
    await customer.shop.bookings.record(update, because=Cause.WEBHOOK)
    await customer.shop.effects.run()
    assert customer.sandbox.requests(CANCELLATION) == []
    assert await states(customer.shop.ledger) == ['done']


@pytest.mark.parametrize(
    'token', [{'missing_scopes': ['scheduled_events:write']}, {'may_cancel': False}, {'status': 404}]
)
async def test_a_meeting_that_the_token_may_not_cancel_stays_listed(
    customer: Customer, booked: Order, token: dict[str, Any]
) -> None:
    """The operator cancels it by hand; nothing is tried again."""
    if 'status' in token:
        customer.sandbox.fault('POST /scheduled_events/*', 'fail', times=None, **token)
    else:
        customer.sandbox.act('calendly-token', **token)
    await take_back(customer, booked)
    for _ in range(3):
        await customer.shop.effects.run()
    assert len(customer.sandbox.requests(CANCELLATION)) == 1
    assert statuses(customer.sandbox) == ['active']
    assert await reasons(customer) == ['refunded']
    (row,) = await rows(customer.shop.ledger)
    assert (row['state'], row['next_try']) == ('refused', None)
    assert row['last_error']
    lines = [line.line for line in await customer.shop.ledger.journal.lines(booked.id)]
    assert len([line for line in lines if ' UTC stays: ' in line]) == 1


async def test_a_meeting_that_is_over_is_an_end(customer: Customer, booked: Order, clock: Clock) -> None:
    """Calendly was silent until it had taken place."""
    customer.sandbox.fault('POST /scheduled_events/*', 'reset', times=1)
    await take_back(customer, booked)
    await customer.shop.effects.run()
    clock.ahead = timedelta(days=20)
    customer.sandbox.act('clock', ahead=clock.ahead.total_seconds())
    await customer.shop.effects.run()
    (row,) = await rows(customer.shop.ledger)
    assert row['state'] == 'refused'
    assert 'past' in row['last_error'].lower()
    assert not await customer.shop.effects.run()


@pytest.mark.parametrize(
    'fault', [{'do': 'fail', 'status': 500}, {'do': 'reset'}, {'do': 'fail', 'status': 429, 'retry_after': 0}]
)
async def test_while_calendly_is_silent_it_is_tried_again_after_growing_pauses(
    customer: Customer, booked: Order, clock: Clock, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so once; when Calendly answers again the meeting is canceled."""
    customer.sandbox.fault('POST /scheduled_events/*', times=None, **fault)
    await take_back(customer, booked)
    start, pauses = clock(), []
    for _ in range(4):
        await customer.shop.effects.run()
        (row,) = await rows(customer.shop.ledger)
        pauses.append((row['next_try'] - clock()).total_seconds())
        clock.ahead += row['next_try'] - clock() + timedelta(seconds=1)
    assert [round(pause) for pause in pauses] == [15, 30, 60, 120]
    assert clock() - start < timedelta(minutes=5)
    said = [each for each in caplog.records if 'is tried again' in each.getMessage()]
    assert [record.levelname for record in said] == ['WARNING']
    customer.sandbox.clear_faults()
    await customer.shop.effects.run()
    assert statuses(customer.sandbox) == ['canceled']
    assert await states(customer.shop.ledger) == ['done']


async def test_a_lost_answer_does_not_cancel_twice(customer: Customer, booked: Order, clock: Clock) -> None:
    """Calendly has canceled, and its answer was lost: the meeting is read before anything is sent again."""
    customer.sandbox.fault('POST /scheduled_events/*', 'lose', times=1)
    await take_back(customer, booked)
    await customer.shop.effects.run()
    assert await states(customer.shop.ledger) == ['wanted']
    clock.ahead = timedelta(minutes=1)
    await customer.shop.effects.run()
    assert len(customer.sandbox.requests(CANCELLATION)) == 1
    assert await states(customer.shop.ledger) == ['done']
    (booking,) = await customer.shop.bookings.bookings(booked)
    assert (booking.state, booking.canceled_by) == (BookingState.CANCELED, Canceler.HOST)


async def test_what_fails_for_days_is_given_up_visibly(
    customer: Customer, booked: Order, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """An error line names the order, and the meeting stays listed for the operator."""
    customer.sandbox.act('calendly-token', revoked=True)
    await take_back(customer, booked)
    clock.ahead = GIVEN_UP
    await customer.shop.effects.run()
    assert await states(customer.shop.ledger) == ['given up']
    said = [each.getMessage() for each in caplog.records if each.levelname == 'ERROR']
    assert any(booked.reference in line and 'given up' in line for line in said)
    assert await reasons(customer) == ['refunded']
    assert not await customer.shop.effects.run()


async def test_a_refund_that_fails_before_the_cancellation_leaves_the_meeting(
    customer: Customer, booked: Order
) -> None:
    """What is wanted is dropped, also while Calendly is silent; a second refund wants it again."""
    customer.sandbox.fault('POST /scheduled_events/*', 'reset', times=1)
    refund = await take_back(customer, booked)
    await customer.shop.effects.run()
    await asyncio.to_thread(customer.sandbox.act, 'fail-refund', refund=refund['id'])
    await fulfilled(customer, booked)
    assert await states(customer.shop.ledger) == ['dropped']
    await customer.shop.effects.run()
    assert statuses(customer.sandbox) == ['active']
    assert await reasons(customer) == []
    await take_back(customer, booked)
    await customer.shop.effects.run()
    assert statuses(customer.sandbox) == ['canceled']
    assert await states(customer.shop.ledger) == ['done']


async def test_a_refund_that_fails_after_the_cancellation_opens_the_calendar(
    customer: Customer, booked: Order
) -> None:
    """The customer picks another time with a new link."""
    first = await customer.shop.calendar.url(booked)
    refund = await take_back(customer, booked)
    await customer.shop.effects.run()
    await asyncio.to_thread(customer.sandbox.act, 'fail-refund', refund=refund['id'])
    order = await fulfilled(customer, booked)
    assert await customer.shop.calendar.url(order) not in (None, first)


async def test_several_processes_cancel_once(
    customer: Customer, booked: Order, settings_env: dict[str, str], clock: Clock
) -> None:
    """Whoever claims the effect carries it out; the others find nothing to do."""
    others = [build(parse_settings(settings_env), clock=clock) for _ in range(2)]
    for other in others:
        await other.open()
    await take_back(customer, booked)
    await asyncio.gather(*(shop.effects.run() for shop in (customer.shop, *others)))
    assert len(customer.sandbox.requests(CANCELLATION)) == 1
    assert await states(customer.shop.ledger) == ['done']
    for other in others:
        await other.close()


async def test_an_effect_of_a_process_that_died_is_carried_out_after_its_lease(
    customer: Customer, booked: Order, clock: Clock
) -> None:
    """It was claimed, and nothing came of it."""
    await take_back(customer, booked)
    claimed = await customer.shop.ledger.effects.claim()
    assert claimed is not None
    assert claimed.kind is EffectKind.CANCEL_MEETING
    await customer.shop.effects.run()
    assert statuses(customer.sandbox) == ['active']
    clock.ahead = LEASE + timedelta(seconds=1)
    await customer.shop.effects.run()
    assert statuses(customer.sandbox) == ['canceled']


async def test_a_shop_without_a_token_leaves_the_meeting_to_the_operator(
    settings_env: dict[str, str], sandbox: SandboxClient, clock: Clock
) -> None:
    """It is listed, and nothing is asked."""
    shop = build(parse_settings(settings_env | {'CALENDLY_TOKEN': ''}), clock=clock)
    await shop.open()
    customer = Customer(shop, sandbox, 'v')
    paid = await fulfilled(customer, await customer.buy())
    start = clock() + timedelta(days=1)
    booking = a_booking(start=start, end=start + timedelta(hours=1))
    update = BookingUpdate(booking, paid.booking_key)
    await shop.bookings.record(update, because=Cause.WEBHOOK)
    await take_back(customer, paid)
    await shop.effects.run()
    assert await states(shop.ledger) == ['refused']
    assert await reasons(customer) == ['refunded']
    assert sandbox.requests(CANCELLATION) == []
    await shop.close()


async def test_an_effect_is_carried_out_at_once_when_it_is_written_down(
    customer: Customer, booked: Order
) -> None:
    """The task that runs beside the rounds is woken by the move."""
    customer.shop.effects.start()
    changed = asyncio.Event()
    unsubscribe = customer.shop.ledger.subscribe(booked, changed.set)
    await take_back(customer, booked)
    async with asyncio.timeout(EVERY / 2):
        while await states(customer.shop.ledger) != ['done']:
            await changed.wait()
            changed.clear()
    unsubscribe()
    assert statuses(customer.sandbox) == ['canceled']


async def test_a_fault_of_ours_in_one_effect_does_not_stop_the_others(
    customer: Customer, booked: Order, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with its traceback and tried again later."""
    await take_back(customer, booked)

    async def fail(_: Effect) -> None:
        raise RuntimeError('a fault')

    handlers = dict(customer.shop.effects._handlers) | {EffectKind.CANCEL_MEETING: fail}
    monkeypatch.setattr(customer.shop.effects, '_handlers', handlers)
    await customer.shop.effects.run()
    assert await states(customer.shop.ledger) == ['wanted']
    assert len(customer.sandbox.requests('DELETE /shares')) == 1
    assert 'failed unexpectedly' in caplog.text


async def test_nothing_of_a_deleted_order_is_left(customer: Customer, booked: Order, clock: Clock) -> None:
    """The retention deletes the effects of an order before the order."""
    await take_back(customer, booked)
    ledger = customer.shop.ledger

    def end(connection: Any) -> None:
        connection.execute(delete(schema.unmatched_bookings))
        connection.execute(delete(schema.bookings))
        connection.execute(schema.orders.update().values(delete_at=clock()))

    await ledger.store.write(end)
    clock.ahead = timedelta(seconds=1)
    assert await ledger.retention.delete_orders(limit=5) == 1
    assert await rows(ledger) == []
    assert await ledger.orders.find(id=booked.id) is None


async def test_the_queue_of_a_silent_calendly_waits(
    customer: Customer, booked: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one that got no answer a run ends: each would wait for the time-out."""
    await take_back(customer, booked)
    asked = []

    async def silent(effect: Effect) -> None:
        asked.append(effect.kind)
        raise CalendarUnavailable('no answer')

    monkeypatch.setattr(customer.shop.effects, '_handlers', dict.fromkeys(EffectKind, silent))
    assert await customer.shop.effects.run()
    assert asked == [EffectKind.CANCEL_MEETING]
