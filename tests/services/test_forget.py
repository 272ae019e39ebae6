"""Forgetting a customer: what is erased, what stays, when it is refused, and that nothing brings it back."""

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from services.admin import Result
from services.admin.forget import Forget
from services.database import schema
from services.ledger import Alert, Delivery, MailState, Source, UnmatchedReason
from services.orders import AlertKind, BookingState, Cause, Facts, Order, State
from services.orders.forgotten import ERASED, PERSONAL_FACTS
from services.scheduling.bookings import update_from
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import NOON, PAID, a_booking, an_order
from tests.processes import ROOT
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases

pytestmark = on_both_databases
EMAIL, NAME, PHONE = 'Renee.Roe@coach.test', 'Renée Roe', '+1 555 0100'
MONTHS = 18
LONG_AFTER = timedelta(days=31 * MONTHS + 40)
ACTOR = 'admin (203.0.113.7)'


@pytest.fixture
def settings_env(settings_env: dict[str, str]) -> dict[str, str]:
    """Return the settings of a shop that sends mail, so that there are rows of mails to erase."""
    mail = {
        'SMTP_URL': 'smtp://127.0.0.1:9',
        'MAIL_FROM': 'shop@coach.test',
        'OPERATOR_EMAIL': 'op@coach.test',
    }
    return settings_env | mail


@pytest.fixture
def forget(shop: Shop, clock: Clock) -> Forget:
    """Return what forgets, with the retention of these tests."""
    return Forget(shop.ledger, keep_months=MONTHS, clock=clock)


async def everything(shop: Shop) -> str:
    """Return every cell of every table, as one text."""
    cells: list[str] = []
    for table in schema.metadata.sorted_tables:
        cells += [str(tuple(row)) for row in await shop.ledger.store.read(select(table))]
    return '\n'.join(cells)


async def buy_and_book(customer: Customer) -> Order:
    """Let somebody pay, book, correct the address, and be written about everywhere."""
    shop, ledger = customer.shop, customer.shop.ledger
    order = await customer.buy(email=EMAIL, name=NAME)
    order = await fulfilled(customer, order)
    order = await shop.correct_email.correct(order, f'new-{EMAIL}', because=Cause.PAGE)
    booking = a_booking(
        invitee_id='https://api.calendly.com/scheduled_events/1/invitees/1',
        email=EMAIL,
        name=NAME,
        phone=PHONE,
        timezone='Europe/Paris',
        place='https://meet.example/renee',
        cancel_url='https://calendly.com/cancellations/1',
        reschedule_url='https://calendly.com/reschedulings/1',
    )
    await ledger.bookings.put(order, booking, because=Cause.WEBHOOK)
    other_length = replace(booking, invitee_id='longer', end=booking.end + timedelta(minutes=5))
    await ledger.bookings.put(order, other_length, because=Cause.WEBHOOK)
    current = await ledger.orders.find(id=order.id)
    assert current
    line = f'note: {NAME} called from {PHONE}'
    noted = await ledger.orders.move(current, because=Cause.OPERATOR, actor=ACTOR, line=line)
    assert noted
    await ledger.mails.report(Alert('told', AlertKind.MAIL, order.id, f'refused: <{EMAIL}> {NAME}'))
    return noted


async def traces_of_nobody(shop: Shop) -> None:
    """Write down what is known of the address beside the order."""
    ledger = shop.ledger
    booking = a_booking(invitee_id='unmatched', email=EMAIL.upper(), name=NAME)
    await ledger.unmatched.record_unmatched(booking, UnmatchedReason.NO_KEY, event_type='', handles=None)
    await ledger.mails.send_links(EMAIL.lower())
    payload = json.dumps({'payload': {'email': EMAIL, 'name': NAME}})
    delivery = Delivery(Source.CALENDLY, 'failed', 'invitee.created', payload)
    await ledger.deliveries.record(delivery)
    await ledger.deliveries.keep_error(delivery, 'not known yet')
    other = an_order(facts=replace(PAID, email='spouse@coach.test'), session_id='cs_test_other')
    await ledger.orders.add(other, because=Cause.BUTTON)
    await ledger.bookings.put(
        other, a_booking(invitee_id='of the spouse', email=EMAIL), because=Cause.WEBHOOK
    )


def words_left(text: str) -> list[str]:
    """Return what is left of the person in a text."""
    words = (
        EMAIL,
        NAME,
        PHONE,
        'Europe/Paris',
        'meet.example',
        'calendly.com/cancellations',
        'reschedulings',
    )
    return [word for word in (*words, 'new-renee') if word.lower() in text.lower()]


async def test_a_customer_is_erased_and_the_amounts_stay(
    customer: Customer, clock: Clock, forget: Forget
) -> None:
    """In every table, in texts too; what an accountant needs stays, and the journal tells who did it."""
    shop, order = customer.shop, await buy_and_book(customer)
    await traces_of_nobody(shop)
    assert len(words_left(await everything(shop))) == 8
    clock.ahead = LONG_AFTER
    plan = await forget.plan(EMAIL.lower())
    assert [each.reference for each in plan.orders] == [order.reference]
    assert (plan.kept, plan.traces.count > 3) == ((), True)
    assert len(words_left(await everything(shop))) == 8  # a plan changes nothing
    await forget.carry_out(EMAIL.lower(), actor=ACTOR)
    left = await everything(shop)
    assert words_left(left) == []
    assert 'spouse@coach.test' in left
    after = await shop.ledger.orders.find(id=order.id)
    assert after is not None
    assert after.forgotten_at is not None
    kept = ('reference', 'created_at', 'completed_at', 'purchase', 'session_id', 'environment', 'token')
    assert [getattr(after, name) for name in kept] == [getattr(order, name) for name in kept]
    nothing: dict[str, Any] = dict.fromkeys(PERSONAL_FACTS, '')
    assert after.facts == replace(order.facts, **nothing)
    assert after.facts.amount_total == 15_000
    assert after.facts.payment_id
    assert (after.state, after.browser_hash) == (State.PAID, '')
    booking, *_ = await shop.ledger.bookings.of(order.id)
    assert (booking.start, booking.email, booking.name) == (NOON, ERASED, ERASED)
    last = (await shop.ledger.journal.lines(order.id))[-1]
    assert (last.because, last.actor, last.line) == (
        Cause.OPERATOR,
        ACTOR,
        'the data of the customer were erased',
    )
    (told,) = await shop.ledger.admin_journal.newest(limit=1)
    assert (told.actor, told.line) == (ACTOR, f'a customer was forgotten: {order.reference}')
    mails = schema.mails.c
    waiting = await shop.ledger.store.read(select(mails.kind).where(mails.state == MailState.WANTED))
    assert {row.kind for row in waiting} == {'alerts'}  # the operator's own


async def test_forgetting_twice_changes_nothing(customer: Customer, clock: Clock, forget: Forget) -> None:
    """By the address or by the reference; the second says that it was done."""
    order = await buy_and_book(customer)
    clock.ahead = LONG_AFTER
    await forget.carry_out(order.reference.lower(), actor=ACTOR)
    before = await everything(customer.shop)
    again = await forget.carry_out(order.reference, actor=ACTOR)
    assert (again.orders, again.erased_before) == ((), (order.reference,))
    assert (await forget.carry_out(EMAIL, actor=ACTOR)).erases_nothing
    assert await everything(customer.shop) == before


async def test_a_forgotten_customer_gets_no_new_address(
    customer: Customer, clock: Clock, forget: Forget
) -> None:
    """The operator is told why, and nothing is written down."""
    order = await buy_and_book(customer)
    clock.ahead = LONG_AFTER
    await forget.carry_out(order.reference, actor=ACTOR)
    before = await everything(customer.shop)
    result = await customer.shop.actions.orders.correct_email(order, 'one@example.com', actor=ACTOR)
    assert result is Result.FORGOTTEN
    assert await everything(customer.shop) == before


async def _webhook(customer: Customer, order: Order, kind: str) -> None:
    payload = str(order.session_id) if kind.startswith('checkout') else order.facts.payment_id
    delivery = Delivery(Source.STRIPE, f'evt_{kind}', kind, payload)
    await customer.shop.inbox.receive(delivery, because=Cause.WEBHOOK)


async def _completed(customer: Customer, order: Order) -> None:
    await _webhook(customer, order, 'checkout.session.completed')


async def _refunded(customer: Customer, order: Order) -> None:
    customer.sandbox.act('refund', session=order.session_id)
    await _webhook(customer, order, 'charge.refunded')


async def _disputed(customer: Customer, order: Order) -> None:
    customer.sandbox.act('dispute', session=order.session_id)
    await _webhook(customer, order, 'charge.dispute.created')


async def _receipt(customer: Customer, order: Order) -> None:
    customer.sandbox.act('send-receipt', session=order.session_id)
    await fulfilled(customer, order, Cause.OPERATOR)


async def _round(customer: Customer, order: Order) -> None:
    due = schema.orders.update().values(next_check=order.created_at)
    await customer.shop.ledger.store.write(lambda connection: connection.execute(due))
    await customer.shop.reconciler.round()


async def _returns(customer: Customer, order: Order) -> None:
    await customer.shop.fulfilment.arrive(str(order.session_id))


@pytest.mark.parametrize('happens', [_completed, _refunded, _disputed, _receipt, _round, _returns])
async def test_what_stripe_says_later_brings_nobody_back(
    customer: Customer, clock: Clock, forget: Forget, happens: Callable[[Customer, Order], Awaitable[None]]
) -> None:
    """Every way in which a payment is read again: the facts move on, and no mail is written down."""
    order = await buy_and_book(customer)
    paid = order.facts.payment_id
    clock.ahead = LONG_AFTER
    await forget.carry_out(order.reference, actor=ACTOR)
    clock.ahead = timedelta()
    await happens(customer, order)
    left = await everything(customer.shop)
    assert words_left(left) == []
    after = await customer.shop.ledger.orders.find(id=order.id)
    assert after is not None
    assert after.facts.payment_id == paid
    wanted: dict[object, State] = {_refunded: State.REFUNDED, _disputed: State.DISPUTED}
    assert after.state is wanted.get(happens, State.PAID)
    query = select(schema.mails.c.id).where(
        schema.mails.c.state == MailState.WANTED, schema.mails.c.order_id.is_not(None)
    )
    assert await customer.shop.ledger.store.read(query) == []


async def test_a_check_that_finds_nothing_new_moves_nothing(
    customer: Customer, clock: Clock, forget: Forget
) -> None:
    """What Stripe still knows of the person is no news."""
    order = await buy_and_book(customer)
    clock.ahead = LONG_AFTER
    await forget.carry_out(order.reference, actor=ACTOR)
    clock.ahead = timedelta()
    forgotten = await customer.order_of(str(order.session_id))
    assert (await fulfilled(customer, forgotten)).version == forgotten.version


@pytest.mark.parametrize('was_read', [True, False])
@pytest.mark.parametrize('invitee', ['https://api.calendly.com/scheduled_events/1/invitees/1', 'another'])
@pytest.mark.parametrize('state', list(BookingState))
async def test_what_calendly_says_later_brings_nobody_back(
    customer: Customer, clock: Clock, forget: Forget, invitee: str, state: BookingState, was_read: bool
) -> None:
    """By webhook or by reading: a known meeting, and one that was not known yet, booked or canceled."""
    order = await buy_and_book(customer)
    clock.ahead = LONG_AFTER
    await forget.carry_out(order.reference, actor=ACTOR)
    booking = a_booking(
        invitee_id=invitee, state=state, email=EMAIL, name=NAME, phone=PHONE, timezone='Europe/Paris',
        place='https://meet.example/renee', cancel_reason=f'{NAME} is ill',
    )  # fmt: skip
    await customer.shop.ledger.bookings.put(
        order, booking, because=Cause.WEBHOOK, was_read=was_read, other_event_type=True
    )
    assert words_left(await everything(customer.shop)) == []
    known = await customer.shop.ledger.bookings.find(invitee)
    assert known is not None
    assert (known.name, known.state) == (ERASED, state)


async def test_a_meeting_of_somebody_else_s_order_stays_erased(
    customer: Customer, clock: Clock, forget: Forget
) -> None:
    """A spouse paid: the meeting is erased, the spouse's order is not, and reading changes neither."""
    shop = customer.shop
    await traces_of_nobody(shop)
    clock.ahead = LONG_AFTER
    await forget.carry_out(EMAIL, actor=ACTOR)
    order = await shop.ledger.orders.find(id='o1')
    assert order is not None
    assert order.forgotten_at is None
    booking = a_booking(invitee_id='of the spouse', email=EMAIL, name=NAME, place='https://meet.example/1')
    await shop.ledger.bookings.put(order, booking, because=Cause.RECONCILER, was_read=True)
    unmatched = a_booking(invitee_id='unmatched', email=EMAIL, name=NAME)
    for reason in (UnmatchedReason.NO_KEY, UnmatchedReason.UNKNOWN_KEY):
        await shop.ledger.unmatched.record_unmatched(unmatched, reason, event_type='', handles=None)
    assert words_left(await everything(shop)) == []
    delivery = Delivery(Source.CALENDLY, 'failed', 'invitee.created', json.dumps({'email': EMAIL}))
    assert await shop.ledger.deliveries.record(delivery)  # handled: the sender need not come back
    assert words_left(await everything(shop)) == []


async def test_too_early_is_refused_in_words(customer: Customer, clock: Clock, forget: Forget) -> None:
    """Nothing of the order is touched, also not where its rows hold the address."""
    order = await buy_and_book(customer)
    before = await everything(customer.shop)
    plan = await forget.carry_out(EMAIL, actor=ACTOR)
    assert plan.erases_nothing
    (kept,) = plan.kept
    assert (kept.reference, kept.why[:29]) == (order.reference, 'its data are kept until 2028-')
    assert await everything(customer.shop) == before
    del clock


async def test_whoever_did_not_pay_is_forgotten_at_once(customer: Customer, forget: Forget) -> None:
    """The retention is for what was paid."""
    session_id = await customer.start()
    order = await customer.order_of(session_id)
    plan = await forget.plan(order.reference)
    assert [kept.why for kept in plan.kept] == ['it can still be paid']
    customer.sandbox.act('expire', session=session_id)
    await fulfilled(customer, order)
    await forget.carry_out(order.reference, actor=ACTOR)
    after = await customer.order_of(session_id)
    assert after.forgotten_at is not None
    assert after.browser_hash == ''


async def test_a_move_meanwhile_is_seen(customer: Customer, clock: Clock, forget: Forget) -> None:
    """Of two that decide on one version, the second reads again."""
    order = await buy_and_book(customer)
    clock.ahead = LONG_AFTER
    stale = replace(order, version=order.version - 1)
    assert await customer.shop.ledger.forgetting.erase_order(stale, actor=ACTOR) is None
    assert words_left(await everything(customer.shop)) != []


async def test_the_customer_cannot_type_an_address_again(
    customer: Customer, clock: Clock, forget: Forget
) -> None:
    """Whoever still has the link of a forgotten order gets its page, and no form for an address."""
    order = await buy_and_book(customer)
    clock.ahead = LONG_AFTER
    await forget.carry_out(order.reference, actor=ACTOR)
    with pytest.raises(Exception, match='conflicts'):
        await customer.shop.correct_email.correct(order, EMAIL, because=Cause.PAGE)
    assert words_left(await everything(customer.shop)) == []


def run_forget(
    settings: dict[str, str], *arguments: str, typed: str = ''
) -> subprocess.CompletedProcess[str]:
    """Run the command as the operator does."""
    command = [sys.executable, 'main.py', 'forget', *arguments]
    environment = {'PATH': os.environ['PATH']} | settings
    return subprocess.run(
        command, cwd=ROOT, env=environment, input=typed, capture_output=True, text=True, check=False
    )


async def test_the_command_shows_what_it_will_do_and_asks(
    customer: Customer, settings_env: dict[str, str]
) -> None:
    """Beside a running shop: it is refused too early, does nothing without the word, and then erases."""
    order = await buy_and_book(customer)
    refused = run_forget(settings_env, EMAIL, '--yes')
    assert refused.returncode == 2
    assert f'order {order.reference}: its data are kept until' in refused.stdout
    expired = an_order(facts=Facts('expired', 'unpaid', email='nobody@coach.test'))
    await customer.shop.ledger.orders.add(expired, because=Cause.BUTTON)
    shown = run_forget(settings_env, 'nobody@coach.test', typed='no\n')
    assert shown.returncode == 0
    assert f'order {expired.reference}' in shown.stdout
    assert 'What this shop cannot erase:' in shown.stdout
    assert shown.stdout.endswith('Nothing was erased.\n')
    done = run_forget(settings_env, 'nobody@coach.test', typed='erase\n')
    assert done.stdout.endswith('Erased.\n')
    assert 'nobody@coach.test' not in await everything(customer.shop)
    assert 'Nothing is known' in run_forget(settings_env, 'nobody@coach.test', '--yes').stdout
    assert EMAIL in await everything(customer.shop)


async def test_what_is_read_at_calendly_again_brings_nobody_back(
    customer: Customer, clock: Clock, forget: Forget, settings_env: dict[str, str]
) -> None:
    """A new process reads a meeting that was canceled since; a delivery of its booking comes late."""
    shop, sandbox = customer.shop, customer.sandbox
    order = await fulfilled(customer, await customer.buy(email=EMAIL, name=NAME))
    booked = sandbox.book(str(await shop.calendar.url(order)), name=NAME, email=EMAIL)
    await shop.booking_reader.read()
    (known,) = await shop.bookings.bookings(order)
    assert known.name == NAME
    clock.ahead = LONG_AFTER
    await forget.carry_out(EMAIL, actor=ACTOR)
    assert words_left(await everything(shop)) == []
    clock.ahead = timedelta()
    sandbox.act('cancel', invitee=booked['uri'])
    other = build(parse_settings(settings_env), clock=clock)
    await other.open()
    try:
        await other.booking_reader.read()
    finally:
        await other.close()
    (read,) = await shop.bookings.bookings(order)
    assert (read.state, read.name) == (BookingState.CANCELED, ERASED)
    token = {'Authorization': f'Bearer {settings_env["CALENDLY_TOKEN"]}'}
    async with httpx.AsyncClient(headers=token, trust_env=False) as api:
        event = (await api.get(booked['event'])).json()['resource']
    late = update_from(booked | {'scheduled_event': event}, was_read=False)
    await shop.bookings.record(late, because=Cause.WEBHOOK)
    assert words_left(await everything(shop)) == []
