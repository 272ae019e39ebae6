"""A customer who is forgotten stays so, whatever Stripe, Calendly or somebody says later."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from services.admin import Result
from services.admin.forget import Forget
from services.database import schema
from services.ledger import Delivery, MailState, Source, UnmatchedReason
from services.orders import BookingState, Cause, Order, State
from services.orders.forgotten import ERASED
from services.scheduling.bookings import update_from
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import a_booking
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases
from tests.services.forgetting import (
    ACTOR,
    EMAIL,
    LONG_AFTER,
    MAIL,
    MONTHS,
    NAME,
    PHONE,
    buy_and_book,
    everything,
    traces_of_nobody,
    words_left,
)

pytestmark = on_both_databases


@pytest.fixture
def settings_env(settings_env: dict[str, str]) -> dict[str, str]:
    """Return the settings of a shop that sends mail, so that there are rows of mails to erase."""
    return settings_env | MAIL


@pytest.fixture
def forget(shop: Shop, clock: Clock) -> Forget:
    """Return what forgets, with the retention of these tests."""
    return Forget(shop.ledger, keep_months=MONTHS, clock=clock)


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
