"""Starting a payment: the order first, one open session per browser, and words for every refusal."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from services import errors
from services.money import Money
from services.orders import Return, State
from services.settings import judge
from services.shop import Shop, build
from tests.services.conftest import Customer
from tests.twin import Twin

CREATE = 'POST /v1/checkout/sessions'


def created(twin: Twin) -> list[str]:
    """The ids of all sessions at the twin."""
    return [session['id'] for session in twin.state()['sessions']]


async def test_a_session_is_opened_for_an_order_that_is_already_written_down(customer: Customer) -> None:
    """The order has the session, the price read from Stripe, and a journal that tells it."""
    session_id = await customer.start()
    order = await customer.order_of(session_id)
    assert (order.state, order.expected) == (State.OPEN, Money(15000, 'usd'))
    lines = [line.line for line in await customer.shop.ledger.journal(order.id)]
    assert lines == [f'order {order.reference} written down', 'payment session opened']


async def test_stripe_is_told_enough_to_rebuild_the_order(customer: Customer) -> None:
    """Metadata, reference and the way back are in the request, adaptive pricing is off."""
    order = await customer.order_of(await customer.start())
    (request,) = customer.twin.requests(CREATE)
    sent = dict(request['params'])
    assert sent['client_reference_id'] == sent['metadata[order]'] == order.id
    assert sent['payment_intent_data[metadata][order]'] == order.id
    assert sent['metadata[token]'] == order.token
    assert sent['success_url'].endswith('/success?session_id={CHECKOUT_SESSION_ID}')
    assert sent['adaptive_pricing[enabled]'] == 'false'
    assert (sent['currency'], sent['billing_address_collection']) == ('usd', 'required')
    assert request['idempotency_key'] == f'{order.id}-1'


async def test_a_second_tab_continues_the_same_session(customer: Customer) -> None:
    """One browser has one open session, however often the button is pressed."""
    assert await customer.start() == await customer.start()
    assert len(created(customer.twin)) == 1


async def test_many_clicks_at_once_meet_in_one_session(customer: Customer) -> None:
    """Five tabs pressed in the same moment lead to one order and one session."""
    sessions = await asyncio.gather(*(customer.start() for _ in range(5)))
    assert len(set(sessions)) == 1
    assert len(created(customer.twin)) == 1


async def test_two_browsers_have_two_sessions(customer: Customer, another: Customer) -> None:
    """What one customer starts is nothing to another."""
    assert await customer.start() != await another.start()


async def test_a_machine_without_a_browser_has_a_new_session_each_time(shop: Shop, twin: Twin) -> None:
    """Where there is nothing to recognise, nothing is joined."""
    first = await shop.checkout.start(visitor='', because='api')
    second = await shop.checkout.start(visitor='', because='api')
    assert first.id != second.id


async def test_an_expired_session_makes_way_for_a_new_one(customer: Customer) -> None:
    """The browser is not stuck with a session that can no longer be paid."""
    first = await customer.start()
    customer.twin.act('expire', session=first)
    second = await customer.start()
    assert second != first
    assert (await customer.order_of(first)).state is State.EXPIRED


async def test_pressing_again_after_paying_asks_first(customer: Customer) -> None:
    """Even when the webhook was lost, a paid session is noticed and nobody pays twice unasked."""
    order = await customer.buy()
    with pytest.raises(errors.AlreadyPaid):
        await customer.start()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID
    with pytest.raises(errors.AlreadyPaid):
        await customer.start()
    assert await customer.start(again=True) != order.session_id


async def test_a_price_that_changed_is_not_charged_unseen(customer: Customer) -> None:
    """What the page says is what is charged, or nothing is."""
    with pytest.raises(errors.PriceChanged):
        await customer.start(shown=Money(12500, 'usd'))
    assert created(customer.twin) == []
    await customer.start(shown=Money(15000, 'usd'))


async def test_a_session_that_would_charge_another_price_is_called_off(customer: Customer) -> None:
    """When the amount behind the price changed since it was read, nobody is sent to pay the other one."""
    await customer.shop.catalog.price()
    customer.twin.act('price', amount=17500)
    with pytest.raises(errors.PriceChanged):
        await customer.start(shown=Money(15000, 'usd'))
    assert [session['status'] for session in customer.twin.state()['sessions']] == ['expired']
    order = await customer.order_of(await customer.start(shown=Money(17500, 'usd')))
    assert order.expected == Money(17500, 'usd')


async def test_a_replaced_session_can_no_longer_be_paid(customer: Customer) -> None:
    """When a new price makes way for a new session, the old one is closed: nobody pays twice."""
    first = await customer.start()
    customer.twin.act('price', amount=17500)
    customer.shop.catalog.forget()
    second = await customer.start()
    assert second != first
    states = {session['id']: session['status'] for session in customer.twin.state()['sessions']}
    assert states == {first: 'expired', second: 'open'}
    assert (await customer.order_of(first)).state is State.EXPIRED


async def test_a_session_that_was_paid_is_not_replaced(customer: Customer) -> None:
    """When the old session turns out to be paid, there is no new one without asking."""
    order = await customer.buy()
    customer.twin.act('price', amount=17500)
    customer.shop.catalog.forget()
    with pytest.raises(errors.AlreadyPaid):
        await customer.start()
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_one_client_cannot_open_sessions_without_end(shop: Shop, twin: Twin) -> None:
    """Somebody who tries cards is told to wait, everybody else goes on."""

    async def go_on() -> None:
        for number in range(100):
            await shop.checkout.start(visitor=f'v{number}', because='api', client='203.0.113.7')

    with pytest.raises(errors.TooManyRequests) as caught:
        await go_on()
    assert 0 < (caught.value.retry_after or 0) <= 60
    assert len(created(twin)) == 30
    assert (await shop.checkout.start(visitor='other', because='api', client='203.0.113.8')).url


async def test_stripes_own_wish_to_wait_is_passed_on(customer: Customer) -> None:
    """Where Stripe says how long to wait, our answer says it too."""
    await customer.shop.catalog.price()
    customer.twin.lever(CREATE, 'fail', status=429, retry_after=7, times=None)
    with pytest.raises(errors.PaymentBusy) as caught:
        await customer.start()
    assert caught.value.retry_after == 7


async def test_a_locked_ledger_is_an_apology_in_bounded_time(
    customer: Customer, settings_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """When another process holds the database, the customer reads an apology and Stripe is not asked."""
    await customer.shop.catalog.price()
    file = settings_env['DATABASE_URL'].removeprefix('sqlite:///')
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute('BEGIN IMMEDIATE')
        with pytest.raises(errors.OurFault) as caught:
            await customer.start()
    assert caught.value.id in caplog.text
    assert created(customer.twin) == []
    assert await customer.start() in created(customer.twin)


async def test_a_full_disk_is_an_apology_and_heals(
    customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    """When nothing more can be written nothing is started, and afterwards everything works again."""
    await customer.shop.catalog.price()
    engine = customer.shop.ledger.store.engine

    def fill(connection: Any, _record: object) -> None:
        connection.execute('PRAGMA max_page_count=1')

    engine.dispose()
    event.listen(engine, 'connect', fill)

    async def go_on() -> None:
        for number in range(200):
            customer.visitor = f'visitor {number}'
            await customer.start()

    with pytest.raises(errors.OurFault) as caught:
        await go_on()
    assert 'disk is full' in caplog.text
    assert caught.value.id in caplog.text
    event.remove(engine, 'connect', fill)
    engine.dispose()
    assert await customer.start()


@pytest.mark.parametrize(
    ('lever', 'error'),
    [
        ({'do': 'reset'}, errors.PaymentUnreachable),
        ({'do': 'cut'}, errors.PaymentUnreachable),
        ({'do': 'fail', 'status': 500}, errors.PaymentBusy),
        ({'do': 'fail', 'status': 429}, errors.PaymentBusy),
        ({'do': 'html', 'status': 502}, errors.PaymentBusy),
        ({'do': 'truncate'}, errors.PaymentBusy),
        ({'do': 'fail', 'status': 401}, errors.PaymentsUnavailable),
        ({'do': 'fail', 'status': 403}, errors.PaymentsUnavailable),
    ],
)
async def test_each_failure_of_stripe_has_its_words(
    customer: Customer, lever: dict[str, object], error: type[errors.ShopError]
) -> None:
    """Whatever Stripe does, the customer is told something true, and the next click works."""
    await customer.shop.catalog.price()
    customer.twin.lever(CREATE, str(lever.pop('do')), times=None, **lever)
    with pytest.raises(error) as caught:
        await customer.start()
    assert type(caught.value) is error
    assert 'You have not been charged' in caught.value.words
    customer.twin.release_levers()
    assert await customer.start() in created(customer.twin)


async def test_a_new_attempt_has_a_new_key(customer: Customer) -> None:
    """Stripe replays the first answer to a key, even an error, so the next click must bring another."""
    await customer.shop.catalog.price()
    customer.twin.lever(CREATE, 'fail', status=500, times=None)
    with pytest.raises(errors.PaymentBusy):
        await customer.start()
    customer.twin.release_levers()
    order = await customer.order_of(await customer.start())
    keys = {request['idempotency_key'] for request in customer.twin.requests(CREATE)}
    assert keys == {f'{order.id}-1', f'{order.id}-2'}


async def test_a_lost_answer_leaves_no_second_session(customer: Customer) -> None:
    """When the work was done but its answer lost, the retry with the same key is given the same session."""
    await customer.shop.catalog.price()
    customer.twin.lever(CREATE, 'lose', times=1)
    session_id = await customer.start()
    assert created(customer.twin) == [session_id]


@pytest.mark.parametrize('change', [{'active': False}, {'recurring': True}])
async def test_a_price_that_cannot_be_sold_is_the_operators_matter(
    customer: Customer, change: dict[str, bool]
) -> None:
    """An inactive or recurring price sells nothing and the customer is not blamed."""
    customer.twin.act('price', **change)
    with pytest.raises(errors.PaymentsUnavailable):
        await customer.start()
    assert created(customer.twin) == []


async def test_a_price_that_does_not_exist_is_the_operators_matter(
    settings_env: dict[str, str], twin: Twin
) -> None:
    """A wrong STRIPE_PRICE_ID gives words, not a crash."""
    shop = build(judge(settings_env | {'STRIPE_PRICE_ID': 'price_nowhere'}))
    await shop.open()
    with pytest.raises(errors.PaymentsUnavailable):
        await shop.checkout.start(visitor='v', because='button')
    await shop.close()


async def test_nobody_is_sent_to_a_strange_host(shop: Shop, settings_env: dict[str, str], twin: Twin) -> None:
    """An address for paying that is not Stripe's, nor the double's, is not followed."""
    shop.payments._hosts = frozenset({'checkout.stripe.com'})
    with pytest.raises(errors.PaymentsUnavailable):
        await shop.checkout.start(visitor='v', because='button')


async def test_coming_back_says_only_what_is_so(customer: Customer) -> None:
    """The session is read first: open means no charge, paid means paid, silence means unknown."""
    assert await customer.shop.checkout.came_back(customer.visitor) is Return.NOTHING
    session_id = await customer.start()
    assert await customer.shop.checkout.came_back(customer.visitor) is Return.NOT_CHARGED
    customer.twin.lever('GET /v1/checkout/sessions/*', 'fail', status=500, times=None)
    assert await customer.shop.checkout.came_back(customer.visitor) is Return.UNKNOWN
    customer.twin.release_levers()
    customer.twin.pay(session_id)
    assert await customer.shop.checkout.came_back(customer.visitor) is Return.PAID
    assert await customer.shop.checkout.came_back(customer.visitor) is Return.PAID


async def test_a_bug_of_ours_has_words_and_an_id(
    customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    """When the ledger is gone, the customer reads an apology whose id is in the log."""
    await customer.shop.catalog.price()
    with customer.shop.ledger.store.engine.begin() as connection:
        connection.exec_driver_sql('DROP TABLE journal')
    with pytest.raises(errors.OurFault) as caught:
        await customer.start()
    assert caught.value.id in caplog.text
    assert created(customer.twin) == []


async def test_an_order_without_session_is_void_after_its_deadline(customer: Customer) -> None:
    """A process that died before Stripe answered leaves an order that a later click does not continue."""
    await customer.shop.catalog.price()
    customer.twin.lever(CREATE, 'fail', status=500, times=None)
    with pytest.raises(errors.PaymentBusy):
        await customer.start()
    customer.twin.release_levers()
    now = customer.shop.checkout._clock
    customer.shop.checkout._clock = lambda: now() + timedelta(minutes=10)
    order = await customer.order_of(await customer.start())
    assert order.attempt == 1
    voided = [request['idempotency_key'].split('-')[0] for request in customer.twin.requests(CREATE)]
    first = await customer.shop.ledger.find(id=voided[0])
    assert first is not None
    assert first.state is State.EXPIRED
    assert replace(first, voided_at=None).state is State.OPEN
