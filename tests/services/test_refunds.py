"""What happens after the payment: refunds and disputes close the calendar, or leave it open, and say so."""

import httpx
import pytest

from services.orders import Cause, Order, State
from tests.factories import event_of, signed
from tests.services.conftest import Customer, on_both_databases

pytestmark = on_both_databases
OPEN, CLOSED = True, False


async def paid(customer: Customer) -> Order:
    """An order that was paid and verified."""
    order = await customer.buy()
    seen = await customer.shop.fulfilment.fulfil(order.session_id or '', because=Cause.WEBHOOK)
    assert seen is not None
    assert seen.facts.payment_id.startswith('pi_')
    return seen


async def after(customer: Customer, order: Order) -> Order:
    """The order after something happened to its payment."""
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
    """However the whole amount went back, the calendar is closed; before that it stays."""
    order = await paid(customer)
    for amount in amounts:
        customer.sandbox.act('refund', session=order.session_id, **({'amount': amount} if amount else {}))
    seen = await after(customer, order)
    assert (seen.state, seen.opens_calendar) == (state, calendar)
    assert (await customer.shop.calendar.url(seen) is not None) is calendar


async def test_a_refund_that_fails_later_opens_the_calendar_again(customer: Customer) -> None:
    """Money that did not go back is still ours, and the hour still the customer's."""
    order = await paid(customer)
    customer.sandbox.act('refund', session=order.session_id)
    assert (await after(customer, order)).state is State.REFUNDED
    (refund,) = customer.sandbox.state()['refunds']
    customer.sandbox.act('fail-refund', refund=refund['id'])
    assert (await after(customer, order)).state is State.PAID


@pytest.mark.parametrize(
    ('steps', 'state', 'calendar'),
    [
        (('open',), State.DISPUTED, OPEN),
        (('open', 'won'), State.PAID, OPEN),
        (('open', 'lost'), State.LOST, CLOSED),
    ],
)
async def test_a_lost_dispute_closes_the_calendar(
    customer: Customer, steps: tuple[str, ...], state: State, calendar: bool
) -> None:
    """While a bank asks nothing changes; when it takes the money back the calendar closes."""
    order = await paid(customer)
    for status in steps:
        customer.sandbox.act('dispute', session=order.session_id, status=status)
    seen = await after(customer, order)
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
async def test_every_event_about_a_payment_is_a_doorbell(
    endpoints: httpx.AsyncClient, customer: Customer, settings_env: dict[str, str], kind: str
) -> None:
    """It names the payment; what is true of it is read at Stripe, once for each delivery."""
    order = await paid(customer)
    customer.sandbox.act('refund', session=order.session_id)
    about = {'object': {'id': 're_1', 'payment_intent': order.facts.payment_id}}
    body = event_of('x', kind, data=about)
    headers = signed(body, settings_env['STRIPE_WEBHOOK_SECRET'])
    for text in ('thank you', 'known already'):
        answer = await endpoints.post('/webhooks/stripe', content=body, headers=headers)
        assert (answer.status_code, answer.text) == (200, text)
    assert (await customer.order_of(order.session_id or '')).state is State.REFUNDED
    assert [line.line for line in await customer.shop.ledger.journal.lines(order.id)][-1] == 'paid → refunded'


@pytest.mark.parametrize('payment', ['pi_foreign', None])
async def test_a_refund_of_a_foreign_payment_is_left_alone(
    endpoints: httpx.AsyncClient, customer: Customer, settings_env: dict[str, str], payment: str | None
) -> None:
    """Other sales on the same account are none of our business; the sender need not come back."""
    order = await paid(customer)
    body = event_of('x', 'refund.created', data={'object': {'id': 're_1', 'payment_intent': payment}})
    headers = signed(body, settings_env['STRIPE_WEBHOOK_SECRET'])
    assert (await endpoints.post('/webhooks/stripe', content=body, headers=headers)).status_code == 200
    assert await customer.order_of(order.session_id or '') == order


async def test_a_refund_is_found_by_its_payment_even_when_the_order_was_lost(customer: Customer) -> None:
    """A ledger without the order adopts it, refunded as it is."""
    order = await paid(customer)
    customer.sandbox.act('refund', session=order.session_id)
    with customer.shop.ledger.store.engine.begin() as connection:
        connection.exec_driver_sql('DELETE FROM journal')
        connection.exec_driver_sql('DELETE FROM orders')
    seen = await after(customer, order)
    assert (seen.id, seen.state) == (order.id, State.REFUNDED)
