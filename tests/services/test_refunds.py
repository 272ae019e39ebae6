"""Refunds and disputes: which of them close the calendar of a paid order."""

import httpx
import pytest

from services.orders import Cause, Order, State
from tests.factories import event_of, signed
from tests.services.conftest import Customer, on_both_databases

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
    ('statuses', 'state', 'calendar'),
    [
        (('open',), State.DISPUTED, OPEN),
        (('open', 'won'), State.PAID, OPEN),
        (('open', 'lost'), State.LOST, CLOSED),
    ],
)
async def test_a_lost_dispute_closes_the_calendar(
    customer: Customer, statuses: tuple[str, ...], state: State, calendar: bool
) -> None:
    """The calendar stays open during a dispute, and after one that was won."""
    order = await paid(customer)
    for status in statuses:
        customer.sandbox.act('dispute', session=order.session_id, status=status)
    seen = await read_again(customer, order)
    assert (seen.state, seen.opens_calendar, seen.facts.amount_disputed) == (state, calendar, 15000)


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
