"""Refunds and disputes: which of them close the calendar of a paid order."""

import httpx
import pytest

from services.orders import Cause, Order, State
from tests.factories import event_of, signed
from tests.services.conftest import Customer, fulfilled, on_both_databases

pytestmark = on_both_databases
OPEN, CLOSED = True, False


async def paid(customer: Customer) -> Order:
    """Return an order that was paid and fulfilled."""
    order = await customer.buy()
    seen = await customer.shop.fulfilment.fulfil(order.session_id or '', because=Cause.WEBHOOK)
    assert seen is not None
    assert seen.facts.payment_id.startswith('pi_')
    return seen


async def read_again(customer: Customer, order: Order) -> Order:
    """Fulfil the payment of an order again; return the order as it is then."""
    seen = await customer.shop.fulfilment.fulfil_payment(order.facts.payment_id, because=Cause.WEBHOOK)
    assert seen is not None
    return seen


@pytest.mark.parametrize(
    ('amounts', 'state', 'calendar'),
    [
        ((5000,), State.PARTLY_REFUNDED, OPEN),
        ((5000, 10000), State.REFUNDED, CLOSED),
        ((None,), State.REFUNDED, CLOSED),
    ],
)
async def test_a_full_refund_closes_the_calendar_and_a_partial_one_does_not(
    customer: Customer, amounts: tuple[int | None, ...], state: State, calendar: bool
) -> None:
    """The calendar stays open until the whole amount is refunded, at once or in parts."""
    order = await paid(customer)
    for amount in amounts:
        customer.sandbox.act('refund', session=order.session_id, **({'amount': amount} if amount else {}))
    seen = await read_again(customer, order)
    assert (seen.state, seen.opens_calendar) == (state, calendar)
    assert (await customer.shop.calendar.url(seen) is not None) is calendar


async def test_a_refund_that_fails_later_opens_the_calendar_again(customer: Customer) -> None:
    """When the refund fails the order is paid again."""
    order = await paid(customer)
    customer.sandbox.act('refund', session=order.session_id)
    assert (await read_again(customer, order)).state is State.REFUNDED
    (refund,) = customer.sandbox.state()['refunds']
    customer.sandbox.act('fail-refund', refund=refund['id'])
    assert (await read_again(customer, order)).state is State.PAID


@pytest.mark.parametrize(
    ('statuses', 'amounts', 'state', 'calendar'),
    [
        (('open',), (15000, 0), State.DISPUTED, OPEN),
        (('open', 'won'), (0, 0), State.PAID, OPEN),
        (('open', 'lost'), (0, 15000), State.LOST, CLOSED),
        (('open', 'lost', 'appeal'), (0, 15000), State.LOST, CLOSED),
        (('open', 'lost', 'appeal', 'won'), (0, 0), State.PAID, OPEN),
        (('open', 'prevented'), (0, 15000), State.LOST, CLOSED),
    ],
)
async def test_the_money_that_a_dispute_moved_decides(
    customer: Customer, statuses: tuple[str, ...], amounts: tuple[int, int], state: State, calendar: bool
) -> None:
    """The calendar stays open during a dispute and after one that was won; a lost one closes it."""
    order = await paid(customer)
    for status in statuses:
        customer.sandbox.act('dispute', session=order.session_id, status=status)
    seen = await read_again(customer, order)
    assert (seen.state, seen.opens_calendar) == (state, calendar)
    assert (seen.facts.amount_disputed, seen.facts.amount_lost) == amounts


async def test_a_lost_dispute_over_a_part_leaves_the_order_open(customer: Customer) -> None:
    """3000 of 15000 were taken back: the customer still paid for the session, until the rest is taken too."""
    order = await paid(customer)
    for status in ('open', 'lost'):
        customer.sandbox.act('dispute', session=order.session_id, status=status, amount=3000)
    seen = await read_again(customer, order)
    assert (seen.state, seen.facts.amount_lost, seen.opens_calendar) == (State.PARTLY_REFUNDED, 3000, OPEN)
    for status in ('open', 'lost'):
        customer.sandbox.act('dispute', session=order.session_id, status=status, amount=12000)
    seen = await read_again(customer, order)
    assert (seen.state, seen.facts.amount_lost, seen.opens_calendar) == (State.LOST, 15000, CLOSED)


async def test_an_inquiry_moves_no_money(customer: Customer) -> None:
    """A bank that only asks takes nothing; when it is content the order is as before."""
    order = await paid(customer)
    for status in ('inquiry', 'warning_closed'):
        customer.sandbox.act('dispute', session=order.session_id, status=status)
    seen = await read_again(customer, order)
    assert (seen.state, seen.facts.amount_lost) == (State.PAID, 0)


@pytest.mark.parametrize(('end', 'state'), [('lost', State.LOST), ('won', State.PAID)])
async def test_an_inquiry_that_becomes_a_chargeback_moves_money(
    customer: Customer, end: str, state: State
) -> None:
    """The bank was not content with the answer; then the chargeback decides."""
    order = await paid(customer)
    for status in ('inquiry', end):
        customer.sandbox.act('dispute', session=order.session_id, status=status)
    assert (await read_again(customer, order)).state is state


async def test_disputes_that_may_not_be_read_are_not_called_paid(customer: Customer) -> None:
    """Without the permission the charge itself says that there is a dispute."""
    order = await paid(customer)
    customer.sandbox.act('dispute', session=order.session_id, status='open')
    customer.sandbox.fault('GET /v1/disputes', 'fail', status=403, times=2)
    for _ in range(2):
        assert (await read_again(customer, order)).state is State.DISPUTED


async def test_a_refund_that_fails_is_noticed_by_the_old_event_alone(
    endpoints: httpx.AsyncClient, customer: Customer, settings_env: dict[str, str]
) -> None:
    """Some refunds that fail are reported by charge.refund.updated only."""
    order = await paid(customer)
    refund = customer.sandbox.act('refund', session=order.session_id)
    assert (await read_again(customer, order)).state is State.REFUNDED
    customer.sandbox.act('fail-refund', refund=refund['id'], only_old_event=True)
    body = event_of('x', 'charge.refund.updated', data={'object': refund})
    headers = signed(body, settings_env['STRIPE_WEBHOOK_SECRET'])
    assert (await endpoints.post('/webhooks/stripe', content=body, headers=headers)).status_code == 200
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_a_payment_under_review_waits(customer: Customer) -> None:
    """The calendar opens once the review is approved."""
    order = await customer.buy(card='4000000000009235')
    seen = await read_again(customer, await fulfilled(customer, order))
    assert (seen.state, seen.opens_calendar) == (State.UNDER_REVIEW, CLOSED)
    customer.sandbox.act('review', session=order.session_id, reason='approved')
    seen = await read_again(customer, seen)
    assert (seen.state, seen.opens_calendar) == (State.PAID, OPEN)


@pytest.mark.parametrize('status', ['inquiry', 'open'])
async def test_a_dispute_opens_no_calendar_that_a_review_holds_back(customer: Customer, status: str) -> None:
    """The real cardholder asks the bank while the payment is still being checked."""
    order = await fulfilled(customer, await customer.buy(card='4000000000009235'))
    customer.sandbox.act('dispute', session=order.session_id, status=status)
    seen = await read_again(customer, order)
    assert (seen.state, seen.opens_calendar) == (State.UNDER_REVIEW, CLOSED)


async def test_an_early_fraud_warning_is_kept_and_closes_nothing(
    endpoints: httpx.AsyncClient, customer: Customer, settings_env: dict[str, str]
) -> None:
    """The operator sees it on the order and in the log; most warnings can still be refunded."""
    order = await paid(customer)
    warning = customer.sandbox.act('warn', session=order.session_id)
    body = event_of('x', 'radar.early_fraud_warning.created', data={'object': warning})
    headers = signed(body, settings_env['STRIPE_WEBHOOK_SECRET'])
    for text in ('thank you', 'known already'):
        answer = await endpoints.post('/webhooks/stripe', content=body, headers=headers)
        assert (answer.status_code, answer.text) == (200, text)
    seen = await customer.order_of(order.session_id or '')
    assert (seen.fraud_warning, seen.state) == (True, State.PAID)
    lines = [line.line for line in await customer.shop.ledger.journal.lines(order.id)]
    assert lines[-1].endswith('the card issuer reports fraud')
    assert (await read_again(customer, seen)).fraud_warning


@pytest.mark.parametrize(
    'kind',
    [
        'charge.refunded',
        'refund.created',
        'refund.updated',
        'charge.dispute.created',
        'charge.dispute.closed',
    ],
)
async def test_every_event_about_a_payment_leads_to_a_reading_at_stripe(
    endpoints: httpx.AsyncClient, customer: Customer, settings_env: dict[str, str], kind: str
) -> None:
    """The event only names the payment; each delivery is processed once."""
    order = await paid(customer)
    customer.sandbox.act('refund', session=order.session_id)
    data = {'object': {'id': 're_1', 'payment_intent': order.facts.payment_id}}
    body = event_of('x', kind, data=data)
    headers = signed(body, settings_env['STRIPE_WEBHOOK_SECRET'])
    for text in ('thank you', 'known already'):
        answer = await endpoints.post('/webhooks/stripe', content=body, headers=headers)
        assert (answer.status_code, answer.text) == (200, text)
    assert (await customer.order_of(order.session_id or '')).state is State.REFUNDED
    assert [line.line for line in await customer.shop.ledger.journal.lines(order.id)][-1] == 'paid → refunded'


@pytest.mark.parametrize('payment', ['pi_foreign', None])
async def test_a_refund_of_a_foreign_payment_is_acknowledged_and_ignored(
    endpoints: httpx.AsyncClient, customer: Customer, settings_env: dict[str, str], payment: str | None
) -> None:
    """Refunds of other sales on the same Stripe account change no order."""
    order = await paid(customer)
    body = event_of('x', 'refund.created', data={'object': {'id': 're_1', 'payment_intent': payment}})
    headers = signed(body, settings_env['STRIPE_WEBHOOK_SECRET'])
    assert (await endpoints.post('/webhooks/stripe', content=body, headers=headers)).status_code == 200
    assert await customer.order_of(order.session_id or '') == order


async def test_a_refund_of_an_order_that_is_not_in_the_ledger_adopts_the_order(customer: Customer) -> None:
    """The order is adopted by its payment, as a refunded one."""
    order = await paid(customer)
    customer.sandbox.act('refund', session=order.session_id)
    with customer.shop.ledger.store.engine.begin() as connection:
        connection.exec_driver_sql('DELETE FROM journal')
        connection.exec_driver_sql('DELETE FROM orders')
    seen = await read_again(customer, order)
    assert (seen.id, seen.state) == (order.id, State.REFUNDED)
