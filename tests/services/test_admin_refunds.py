"""Refunds from the admin: wanted once, made once at Stripe, and never lost."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.admin import RefundReason, Result
from services.admin.attention_words import Action
from services.ledger import EffectState
from services.ledger.effects import GIVEN_UP
from services.ledger.matters import AttentionKind
from services.orders import BookingState, Cause, Order, State
from tests.sandbox_client import SandboxClient
from tests.services.admin import (
    ACTOR,
    REFUND,
    act,
    carry_out,
    lines_of,
    matters,
    refund_of,
    refunds,
    state_of,
    want_refund,
)
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases
from tests.services.mailing import alerts_of


@pytest.fixture
def settings_env(settings_env: dict[str, str], sandbox: SandboxClient) -> dict[str, str]:
    """The settings of a shop that tells the operator by mail."""
    return settings_env | sandbox.mail_settings


async def test_a_refund_is_written_down_then_made_then_read(customer: Customer, booked: Order) -> None:
    """The journal says who wanted it; the meeting is canceled, and Stripe knows our id for it."""
    shop = customer.shop
    assert await want_refund(shop, booked) is Result.REFUND_BEGUN
    assert (await refund_of(shop, booked)).state is EffectState.WANTED
    assert refunds(customer) == []
    await carry_out(shop, runs=2)
    assert refunds(customer) == [(15000, 'succeeded')]
    assert await state_of(customer, booked) is State.REFUNDED
    (made,) = customer.sandbox.state()['refunds']
    assert (made['reason'], made['metadata']['paidslot_refund']) == ('requested_by_customer', 'form-1')
    (booking,) = await shop.bookings.bookings(booked)
    assert booking.state is BookingState.CANCELED
    effect = await refund_of(shop, booked)
    assert (effect.state, effect.actor) == (EffectState.DONE, ACTOR)
    assert await lines_of(shop, booked) == [
        'refund of $150 wanted, requested_by_customer; the booking is canceled too',
        'paid → refunded',
        f'refund of $150 made: succeeded ({made["id"]})',
    ]


async def test_a_part_may_be_refunded_and_the_meeting_stays(customer: Customer, booked: Order) -> None:
    """What is left can be refunded later."""
    shop = customer.shop
    assert await want_refund(shop, booked, 4950, cancel=False) is Result.REFUND_BEGUN
    await carry_out(shop, runs=2)
    assert refunds(customer) == [(4950, 'succeeded')]
    assert await state_of(customer, booked) is State.PARTLY_REFUNDED
    assert (await shop.actions.refunds.left(await customer.order_of(booked.session_id or ''))).amount == 10050
    assert await want_refund(shop, booked, form='form-2') is Result.REFUND_BEGUN
    await carry_out(shop, runs=2)
    assert refunds(customer) == [(4950, 'succeeded'), (10050, 'succeeded')]
    assert [each.state for each in await shop.bookings.bookings(booked)] == [BookingState.CANCELED]


async def test_a_part_refund_may_cancel_the_meeting(customer: Customer, booked: Order) -> None:
    """A fee is kept, for example; the meeting ends only once the money is on its way."""
    await want_refund(customer.shop, booked, 5000)
    (booking,) = await customer.shop.bookings.bookings(booked)
    assert booking.state is BookingState.ACTIVE
    await carry_out(customer.shop, runs=2)
    (booking,) = await customer.shop.bookings.bookings(booked)
    assert booking.state is BookingState.CANCELED


async def test_a_full_refund_may_keep_the_meeting(customer: Customer, booked: Order) -> None:
    """It is a gift then: nothing is canceled, and nothing is listed as not paid for."""
    await want_refund(customer.shop, booked, cancel=False)
    await carry_out(customer.shop, runs=2)
    assert await state_of(customer, booked) is State.REFUNDED
    await customer.shop.bookings.look_up(booked)
    await carry_out(customer.shop)
    assert [each.state for each in await customer.shop.bookings.bookings(booked)] == [BookingState.ACTIVE]
    assert await customer.shop.ledger.unmatched.list_open() == ()


@on_both_databases
async def test_a_double_click_makes_one_refund(customer: Customer, paid: Order) -> None:
    """The same form sent five times at once, and once more later."""
    shop = customer.shop
    results = await asyncio.gather(*(want_refund(shop, paid, 5000, left=15000) for _ in range(5)))
    assert sorted(results) == [Result.REFUND_BEGUN] + [Result.REFUND_KNOWN] * 4
    await carry_out(shop)
    assert await want_refund(shop, paid, 5000, left=15000) is Result.REFUND_KNOWN
    await carry_out(shop)
    assert refunds(customer) == [(5000, 'succeeded')]


@on_both_databases
async def test_two_operators_at_once_make_one_refund(customer: Customer, paid: Order) -> None:
    """Both pages said that $150 is left: the second wish is refused, for the same part as well."""
    shop = customer.shop
    results = await asyncio.gather(
        *(want_refund(shop, paid, 5000, left=15000, form=form) for form in ('form-1', 'form-2'))
    )
    assert sorted(results) == [Result.REFUND_BEGUN, Result.REFUND_CHANGED]
    await carry_out(shop)
    assert await want_refund(shop, paid, 5000, left=15000, form='form-3') is Result.REFUND_CHANGED
    assert refunds(customer) == [(5000, 'succeeded')]


async def test_two_processes_carry_out_one_refund_once(
    customer: Customer, paid: Order, settings_env: dict[str, str]
) -> None:
    """A process that was stopped after its request finds that another one has done the rest."""
    await want_refund(customer.shop, paid)
    effect = await customer.shop.ledger.effects.claim()
    assert effect is not None
    handlers = customer.shop.actions.handlers
    await asyncio.gather(handlers[effect.kind](effect), handlers[effect.kind](replace(effect, tries=2)))
    assert refunds(customer) == [(15000, 'succeeded')]
    assert (await refund_of(customer.shop, paid)).state is EffectState.DONE
    made = [line for line in await lines_of(customer.shop, paid) if ' made: ' in line]
    assert len(made) == 1


@pytest.mark.parametrize(
    ('fault', 'posts'),
    [
        ({'do': 'fail', 'status': 500}, 2),
        ({'do': 'fail', 'status': 503}, 2),
        ({'do': 'fail', 'status': 429}, 2),
        ({'do': 'reset', 'times': 3}, 2),
        ({'do': 'hang', 'seconds': 0.2, 'times': 3}, 2),
        ({'do': 'lose', 'times': 3}, 1),
        ({'do': 'cut', 'times': 3}, 1),
        ({'do': 'truncate'}, 1),
        ({'do': 'html', 'status': 502, 'times': 3}, 2),
    ],
)
async def test_whatever_happens_to_the_request_one_refund_is_made(
    customer: Customer, paid: Order, clock: Clock, fault: dict[str, Any], posts: int
) -> None:
    """The next try looks up what the first has done; a made refund is not sent again."""
    customer.sandbox.fault(REFUND, **fault)
    await want_refund(customer.shop, paid, 5000)
    await carry_out(customer.shop, clock)
    assert (await refund_of(customer.shop, paid)).state is EffectState.WANTED
    customer.sandbox.clear_faults()
    before = len(customer.sandbox.requests(REFUND))
    await carry_out(customer.shop, clock)
    assert refunds(customer) == [(5000, 'succeeded')]
    assert len(customer.sandbox.requests(REFUND)) - before == posts - 1
    assert (await refund_of(customer.shop, paid)).state is EffectState.DONE
    assert await state_of(customer, paid) is State.PARTLY_REFUNDED


async def test_an_answered_failure_gets_a_new_key_and_silence_does_not(
    customer: Customer, paid: Order, clock: Clock
) -> None:
    """Stripe repeats a stored failure for a day; a request that is still under way must not be doubled."""
    await want_refund(customer.shop, paid)
    customer.sandbox.fault(REFUND, 'reset', times=3)
    await carry_out(customer.shop, clock)
    assert (await refund_of(customer.shop, paid)).details['attempt'] == 1
    customer.sandbox.fault(REFUND, 'fail', status=500)
    await carry_out(customer.shop, clock)
    assert (await refund_of(customer.shop, paid)).details['attempt'] == 2
    await carry_out(customer.shop, clock)
    assert refunds(customer) == [(15000, 'succeeded')]


@pytest.mark.parametrize('silent', ['GET /v1/refunds', 'GET /v1/checkout/sessions/*'])
async def test_silence_around_the_request_loses_nothing(
    customer: Customer, paid: Order, clock: Clock, silent: str
) -> None:
    """Stripe answers neither what was refunded nor what is true now: it is tried again until it does."""
    await want_refund(customer.shop, paid)
    customer.sandbox.fault(silent, 'fail', times=None, status=500)
    await carry_out(customer.shop, clock, runs=3)
    assert (await refund_of(customer.shop, paid)).state is EffectState.WANTED
    customer.sandbox.clear_faults()
    await carry_out(customer.shop, clock)
    assert refunds(customer) == [(15000, 'succeeded')]
    assert await state_of(customer, paid) is State.REFUNDED


async def test_a_refund_of_a_restored_ledger_is_not_made_again(
    customer: Customer, paid: Order, clock: Clock
) -> None:
    """The copy says that it was never tried; Stripe knows better."""
    shop = customer.shop
    await want_refund(shop, paid)
    effect = await shop.ledger.effects.claim()
    assert effect is not None
    await shop.payments.refunds.make(
        paid.facts.payment_id,
        wish=effect.target,
        attempt=7,
        money=paid.paid,
        reason='duplicate',
        reference=paid.reference,
    )
    clock.ahead = timedelta(minutes=3)
    await carry_out(shop)
    assert refunds(customer) == [(15000, 'succeeded')]
    assert (await refund_of(shop, paid)).state is EffectState.DONE


async def test_a_refund_after_three_days_of_silence_needs_a_hand(
    customer: Customer, paid: Order, clock: Clock
) -> None:
    """It is given up, in the journal, and the operator is told; he may try again."""
    await want_refund(customer.shop, paid)
    customer.sandbox.fault(REFUND, 'reset', times=None)
    await carry_out(customer.shop)
    clock.ahead = GIVEN_UP + timedelta(hours=1)
    await carry_out(customer.shop)
    effect = await refund_of(customer.shop, paid)
    assert effect.state is EffectState.GIVEN_UP
    assert (await lines_of(customer.shop, paid))[-1].startswith('refund: given up: ')
    assert await alerts_of(customer.shop) == ['effect']
    customer.sandbox.clear_faults()
    assert await customer.shop.actions.orders.retry_effect(paid, effect.id, actor=ACTOR) is Result.RETRIED
    await carry_out(customer.shop)
    assert refunds(customer) == [(15000, 'succeeded')]


async def test_fraudulent_is_only_sent_when_its_consequence_was_confirmed(
    customer: Customer, paid: Order
) -> None:
    """It puts the customer on Stripe's block lists."""
    how: dict[str, Any] = {'reason': RefundReason.FRAUDULENT}
    assert await want_refund(customer.shop, paid, **how) is Result.FRAUD_NOT_CONFIRMED
    assert await customer.shop.ledger.effects.of(paid.id) == ()
    assert await want_refund(customer.shop, paid, **how, blocks_customer=True) is Result.REFUND_BEGUN
    await carry_out(customer.shop)
    assert [each['reason'] for each in customer.sandbox.state()['refunds']] == ['fraudulent']


async def test_a_pending_refund_counts_as_refunded(customer: Customer, clock: Clock) -> None:
    """It is on its way; when it has succeeded nothing changes."""
    order = await fulfilled(customer, await customer.buy(card='4000000000007726'))
    await want_refund(customer.shop, order)
    await carry_out(customer.shop)
    assert refunds(customer) == [(15000, 'pending')]
    assert await state_of(customer, order) is State.REFUNDED
    customer.sandbox.act('clock', ahead=61)
    await fulfilled(customer, order)
    assert refunds(customer) == [(15000, 'succeeded')]
    assert await state_of(customer, order) is State.REFUNDED


async def test_a_refund_that_fails_later_comes_back_to_the_operator(customer: Customer) -> None:
    """Ledger, journal and mail say so; another refund is possible, and ends the matter."""
    order = await fulfilled(customer, await customer.buy(card='4000000000005126'))
    await want_refund(customer.shop, order)
    await carry_out(customer.shop)
    assert await state_of(customer, order) is State.REFUNDED
    customer.sandbox.act('clock', ahead=61)
    seen = await fulfilled(customer, order)
    assert (seen.state, bool(seen.refund_failed_at)) == (State.PAID, True)
    assert await matters(customer.shop) == [(AttentionKind.REFUND_FAILED, order.reference, Action.REFUND)]
    assert await alerts_of(customer.shop) == ['refund failed']
    lines = [line.line for line in await customer.shop.ledger.journal.lines(order.id)]
    assert lines[-1] == 'refunded → paid; a refund of $150 has failed'
    assert await want_refund(customer.shop, order, form='form-2') is Result.REFUND_BEGUN
    await carry_out(customer.shop)
    assert (await customer.order_of(order.session_id or '')).refund_failed_at is None
    assert await matters(customer.shop) == []
    customer.sandbox.act('clock', ahead=130)
    await fulfilled(customer, order)
    assert await alerts_of(customer.shop) == ['refund failed', 'refund failed']
    assert len(await matters(customer.shop)) == 1


async def test_a_refund_that_has_failed_before_it_was_looked_up_needs_a_hand(
    customer: Customer, clock: Clock
) -> None:
    """The process died after the request; a new try makes a new refund."""
    order = await fulfilled(customer, await customer.buy(card='4000000000005126'))
    await want_refund(customer.shop, order)
    customer.sandbox.fault(REFUND, 'lose', times=3)
    await carry_out(customer.shop, clock)
    customer.sandbox.act('clock', ahead=clock.ahead.total_seconds() + 61)
    await carry_out(customer.shop, clock)
    effect = await refund_of(customer.shop, order)
    assert (effect.state, refunds(customer)) == (EffectState.REFUSED, [(15000, 'failed')])
    assert await alerts_of(customer.shop) == ['effect']
    await customer.shop.actions.orders.retry_effect(order, effect.id, actor=ACTOR)
    await carry_out(customer.shop, clock)
    assert [status for _, status in refunds(customer)] == ['failed', 'succeeded']


async def test_the_wish_outlives_a_dispute_that_is_won(customer: Customer, paid: Order, clock: Clock) -> None:
    """What a person wants is not dropped when the money turns out not to be back."""
    await want_refund(customer.shop, paid, 100)
    for status in ('open', 'lost'):
        await act(customer.sandbox, 'dispute', session=paid.session_id, status=status)
        await customer.shop.fulfilment.fulfil(paid.session_id or '', because=Cause.WEBHOOK)
    assert await state_of(customer, paid) is State.LOST
    await act(customer.sandbox, 'dispute', session=paid.session_id, status='appeal')
    await act(customer.sandbox, 'dispute', session=paid.session_id, status='won')
    await fulfilled(customer, paid)
    assert (await refund_of(customer.shop, paid)).state is EffectState.WANTED
