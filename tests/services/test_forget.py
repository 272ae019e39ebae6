"""Forgetting a customer: what is erased, what stays, and when it is refused."""

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from services.admin.forget import Forget
from services.database import schema
from services.ledger import MailState
from services.orders import Cause, Facts, State
from services.orders.forgotten import ERASED, PERSONAL_FACTS
from services.shop import Shop
from tests.factories import NOON, an_order
from tests.processes import ROOT
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases
from tests.services.forgetting import (
    ACTOR,
    EMAIL,
    LONG_AFTER,
    MAIL,
    MONTHS,
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
