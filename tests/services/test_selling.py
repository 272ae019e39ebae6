"""The stop-selling switch: nobody begins to pay, open sessions are closed, what was paid counts."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import func, select

from services.database import schema
from services.errors import LedgerUnavailable, SellingStopped
from services.ledger import Switch
from services.ledger.orders import LEASE
from services.orders import State
from services.payments import Payments
from services.reconciler import Reconciler
from services.selling import READ_EVERY, Selling
from services.settings import parse_settings
from services.shop import Shop, build
from tests.processes import wait_until
from tests.services.conftest import Clock, Customer, on_both_databases, session_ids

pytestmark = on_both_databases
TEXT = 'On holiday until Monday.'
BY = 'admin (203.0.113.7)'


@pytest.fixture
async def other(shop: Shop, settings_env: dict[str, str], clock: Clock) -> AsyncIterator[Shop]:
    """Open a second process on the same database."""
    other = build(parse_settings(settings_env), clock=clock)
    await other.open()
    yield other
    await other.close()


async def state_of(customer: Customer, session_id: str) -> State:
    """The state of the order of a session."""
    return (await customer.order_of(session_id)).state


async def orders_in(shop: Shop) -> int:
    """How many orders the ledger has."""
    (row,) = await shop.ledger.store.read(select(func.count()).select_from(schema.orders))
    return int(row[0])


def at_stripe(customer: Customer, session_id: str) -> str:
    """The status of a session at Stripe."""
    sessions = customer.sandbox.state()['sessions']
    return str(next(session['status'] for session in sessions if session['id'] == session_id))


async def test_nobody_begins_to_pay_in_any_process(shop: Shop, other: Shop, customer: Customer) -> None:
    """Both processes refuse with the operator's words, and make no order and no session; then they sell."""
    await shop.selling.stop(TEXT, actor=BY)
    for process in (shop, other):
        customer.shop = process
        with pytest.raises(SellingStopped) as refused:
            await customer.start()
        assert refused.value.words == TEXT
    assert session_ids(customer.sandbox) == []
    assert await orders_in(shop) == 0
    await other.selling.resume(actor=BY)
    for process in (shop, other):
        customer.shop = process
        await customer.start()
    assert len(session_ids(customer.sandbox)) == 1


async def test_the_switch_survives_a_restart(
    shop: Shop, customer: Customer, settings_env: dict[str, str], clock: Clock
) -> None:
    """A process that starts later does not sell either; the journal says who stopped it, and the words."""
    await shop.selling.stop(TEXT, actor=BY)
    customer.shop = build(parse_settings(settings_env), clock=clock)
    await customer.shop.open()
    with pytest.raises(SellingStopped):
        await customer.start()
    await customer.shop.close()
    (line,) = await shop.ledger.admin_journal.newest(limit=9)
    assert (line.actor, line.line) == (BY, f'selling stopped: {TEXT}')


async def test_the_json_endpoint_says_the_words(shop: Shop, endpoints: httpx.AsyncClient) -> None:
    """It answers 503 with the code and the operator's words."""
    await shop.selling.stop(TEXT, actor=BY)
    answer = await endpoints.post('/api/create-checkout-session')
    error = answer.json()['error']
    assert (answer.status_code, error['code'], error['message']) == (503, 'selling_stopped', TEXT)


async def test_open_sessions_are_closed_by_another_process(
    shop: Shop, other: Shop, customer: Customer
) -> None:
    """The next round of any process expires them at Stripe; without the stop they stay open."""
    session_id = await customer.start()
    await other.reconciler.round()
    assert at_stripe(customer, session_id) == 'open'
    await shop.selling.stop(TEXT, actor=BY)
    await other.reconciler.round()
    assert at_stripe(customer, session_id) == 'expired'
    assert await state_of(customer, session_id) is State.EXPIRED


async def test_a_session_that_was_paid_meanwhile_is_fulfilled(shop: Shop, customer: Customer) -> None:
    """A payment between the stop and the round counts; it is not refused, and not closed."""
    session_id = await customer.start()
    await shop.selling.stop(TEXT, actor=BY)
    customer.sandbox.pay(session_id)
    await shop.reconciler.round()
    assert at_stripe(customer, session_id) == 'complete'
    assert await state_of(customer, session_id) is State.PAID


async def test_a_session_that_cannot_be_closed_yet_is_closed_later(
    shop: Shop, customer: Customer, clock: Clock
) -> None:
    """While Stripe fails the session stays open; once it works again, a later round closes it."""
    session_id = await customer.start()
    await shop.selling.stop(TEXT, actor=BY)
    customer.sandbox.fault('* /v1/checkout/sessions/*', 'fail', status=500, times=None)
    await shop.reconciler.round()
    assert at_stripe(customer, session_id) == 'open'
    customer.sandbox.clear_faults()
    clock.ahead += LEASE
    await shop.reconciler.round()
    assert at_stripe(customer, session_id) == 'expired'


async def test_a_session_opened_while_selling_is_stopped_is_closed_at_once(
    shop: Shop, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop comes between the check and the session: the customer is refused, and nobody can pay.

    `open_session` is replaced only to let the operator act in between.
    """
    open_session = Payments.open_session

    async def stop_in_between(payments: Payments, order: object) -> object:
        session = await open_session(payments, order)  # type: ignore[arg-type]
        await shop.selling.stop(TEXT, actor=BY)
        return session

    monkeypatch.setattr(Payments, 'open_session', stop_in_between)
    with pytest.raises(SellingStopped):
        await customer.start()
    (session_id,) = session_ids(customer.sandbox)
    assert at_stripe(customer, session_id) == 'expired'
    assert await state_of(customer, session_id) is State.EXPIRED


async def test_readiness_notes_it_and_does_not_fail(shop: Shop, endpoints: httpx.AsyncClient) -> None:
    """/readyz stays as ready as it was, and says since when selling is stopped."""
    before = (await endpoints.get('/readyz')).json()
    assert before['parts']['selling'] == 'ok'
    await shop.selling.stop(TEXT, actor=BY)
    after = (await endpoints.get('/readyz')).json()
    assert after['parts']['selling'].startswith('stopped since ')
    assert after['ready'] == before['ready']
    (check,) = [check for check in await shop.health() if check.name == 'selling']
    assert check.problem == ''


async def test_a_double_click_is_journalled_once(shop: Shop) -> None:
    """Stopping twice with one text, and selling again twice, are one line each."""
    for _ in range(2):
        await shop.selling.stop(TEXT, actor=BY)
    for _ in range(2):
        await shop.selling.resume(actor=BY)
    lines = [line.line for line in await shop.ledger.admin_journal.newest(limit=9)]
    assert lines == ['selling again', f'selling stopped: {TEXT}']
    assert await shop.selling.last_text() == TEXT


async def test_pages_read_the_switch_once_in_three_seconds(
    shop: Shop, other: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many pages ask, one statement is sent; after the time another process's stop is seen.

    `find` is replaced only to count the statements.
    """
    now, reads = [100.0], 0
    selling = Selling(shop.ledger, clock=lambda: now[0])
    find = shop.ledger.switches.find

    async def count(name: str) -> Switch | None:
        nonlocal reads
        reads += 1
        return await find(name)

    monkeypatch.setattr(shop.ledger.switches, 'find', count)
    assert set(await asyncio.gather(*(selling.stop_for_page() for _ in range(50)))) == {None}
    await other.selling.stop(TEXT, actor=BY)
    assert await selling.stop_for_page() is None
    assert reads == 1
    now[0] += READ_EVERY
    stop = await selling.stop_for_page()
    assert stop is not None
    assert stop.text == TEXT
    assert reads == 2


async def test_pages_keep_what_they_know_while_the_ledger_fails(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page is shown with the last known text, and the database is not asked for each page.

    `find` is replaced only to fail as an outage does.
    """
    now, reads = [100.0], 0
    await shop.selling.stop(TEXT, actor=BY)
    selling = Selling(shop.ledger, clock=lambda: now[0])
    known = await selling.stop_for_page()

    async def fail(_name: str) -> Switch | None:
        nonlocal reads
        reads += 1
        raise LedgerUnavailable('down', error_id='0')

    monkeypatch.setattr(shop.ledger.switches, 'find', fail)
    now[0] += READ_EVERY
    assert [await selling.stop_for_page() for _ in range(3)] == [known] * 3
    assert reads == 1


class CountedTask:
    """A part of a round that counts the rounds."""

    name = 'counted'

    def __init__(self) -> None:
        self.rounds = 0

    async def run(self) -> bool:
        """Count this round."""
        self.rounds += 1
        return False

    async def until(self, rounds: int) -> None:
        """Wait for a number of rounds."""
        await asyncio.to_thread(wait_until, lambda: self.rounds >= rounds, seconds=20, why=f'{rounds} rounds')


async def test_a_stop_begins_a_round_at_once(shop: Shop) -> None:
    """The reconciler does not wait for its next turn: RECONCILE_SECONDS may be an hour."""
    task = CountedTask()
    reconciler = Reconciler((task,), ledger=shop.ledger, metrics=shop.metrics, every=3600)
    shop.selling.subscribe(reconciler.hurry)
    reconciler.start()
    await task.until(1)
    await shop.selling.stop(TEXT, actor=BY)
    await task.until(2)
    await reconciler.stop()
    assert task.rounds == 2


@pytest.mark.parametrize('turns', range(5))
async def test_a_round_that_was_just_asked_for_does_not_keep_the_process(shop: Shop, turns: int) -> None:
    """The reconciler stops, however many turns of the event loop after a stop of the sale it is told to."""
    task = CountedTask()
    reconciler = Reconciler((task,), ledger=shop.ledger, metrics=shop.metrics, every=3600)
    reconciler.start()
    await task.until(1)
    reconciler.hurry()
    for _ in range(turns):
        await asyncio.sleep(0)
    _, pending = await asyncio.wait({asyncio.create_task(reconciler.stop())}, timeout=20)
    assert not pending
