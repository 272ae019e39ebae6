"""Nobody pays twice: what is open beside a payment is closed, and what slipped through is flagged."""

from datetime import timedelta

import pytest

from services.errors import AlreadyPaid, PaymentUnclear
from services.orders import Cause, Order, State
from services.settings import parse_settings
from services.shop import Shop, build
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases

pytestmark = on_both_databases


async def free_the_claim(customer: Customer, order: Order) -> None:
    """Let the browser's next click open another session, as if closing the first had failed."""
    await customer.shop.ledger.orders.move(order, because=Cause.BUTTON, line='let go', claim=None)


async def test_a_payment_closes_the_other_sessions_of_its_browser(customer: Customer) -> None:
    """What could still be paid for the same offer in another tab is expired at Stripe."""
    first = await customer.order_of(await customer.start())
    await free_the_claim(customer, first)
    second = await customer.buy()
    assert second.id != first.id
    assert (await fulfilled(customer, second)).state is State.PAID
    assert (await customer.order_of(first.session_id or '')).state is State.EXPIRED
    statuses = {session['id']: session['status'] for session in customer.sandbox.state()['sessions']}
    assert statuses[first.session_id] == 'expired'


async def test_sessions_of_other_browsers_stay_open(customer: Customer, another: Customer) -> None:
    """Somebody else's open session is none of this payment's business."""
    waiting = await another.order_of(await another.start())
    await fulfilled(customer, await customer.buy())
    assert (await another.order_of(waiting.session_id or '')).state is State.OPEN


async def test_a_session_that_could_not_be_closed_is_closed_by_the_reconciler(customer: Customer) -> None:
    """While Stripe does not take the closing, the session stays; a later look closes it."""
    first = await customer.order_of(await customer.start())
    await free_the_claim(customer, first)
    second = await customer.buy()
    customer.sandbox.fault('POST /v1/checkout/sessions/*', 'fail', status=500, times=None)
    assert (await fulfilled(customer, second)).state is State.PAID
    assert (await customer.order_of(first.session_id or '')).state is State.OPEN
    customer.sandbox.clear_faults()
    await customer.shop.fulfilment.close_if_superseded(
        await customer.order_of(first.session_id or ''), because=Cause.RECONCILER
    )
    assert (await customer.order_of(first.session_id or '')).state is State.EXPIRED


async def test_a_second_purchase_that_was_asked_for_is_not_closed(customer: Customer) -> None:
    """After a payment the same browser may knowingly buy again; that session stays open."""
    await fulfilled(customer, await customer.buy())
    again = await customer.order_of(await customer.start(again=True))
    await customer.shop.fulfilment.close_if_superseded(again, because=Cause.RECONCILER)
    assert (await customer.order_of(again.session_id or '')).state is State.OPEN


async def test_the_same_card_twice_in_a_day_is_flagged(customer: Customer, another: Customer) -> None:
    """Two browsers, two e-mail addresses, one card: the second payment names the first."""
    first = await fulfilled(customer, await customer.buy(email='one@example.com'))
    second = await fulfilled(another, await another.buy(email='two@example.com'))
    assert (first.duplicate_of, second.duplicate_of) == ('', first.reference)
    assert (
        f'seems paid twice: see {first.reference}'
        in (await customer.shop.ledger.journal.lines(second.id))[-1].line
    )


async def test_the_same_address_twice_in_a_day_is_flagged(customer: Customer, another: Customer) -> None:
    """Another card, another browser, the same e-mail in other letters."""
    first = await fulfilled(customer, await customer.buy(email='Pat@Example.com'))
    card = '5555 5555 5555 4444'
    second = await fulfilled(another, await another.buy(email='pat@example.com', card=card))
    assert second.duplicate_of == first.reference


async def test_two_customers_are_two_customers(customer: Customer, another: Customer) -> None:
    """Nothing in common: nothing is flagged."""
    await fulfilled(customer, await customer.buy(email='one@example.com'))
    card = '5555 5555 5555 4444'
    second = await fulfilled(another, await another.buy(email='two@example.com', card=card))
    assert second.duplicate_of == ''


async def test_a_payment_after_a_refund_is_no_double(customer: Customer, another: Customer) -> None:
    """Who got the money back and pays again has paid once."""
    first = await fulfilled(customer, await customer.buy())
    customer.sandbox.act('refund', session=first.session_id)
    assert (await fulfilled(customer, first)).state is State.REFUNDED
    assert (await fulfilled(another, await another.buy())).duplicate_of == ''


async def test_while_an_earlier_session_cannot_be_read_nobody_is_told_they_were_not_charged(
    customer: Customer,
) -> None:
    """Who has paid in another tab and presses again while Stripe is silent is warned, and not sent to pay."""
    order = await customer.buy()
    customer.sandbox.fault('* /v1/checkout/sessions*', 'fail', status=500, times=None)
    with pytest.raises(PaymentUnclear) as caught:
        await customer.start()
    assert 'not been charged' not in caught.value.words
    customer.sandbox.clear_faults()
    with pytest.raises(AlreadyPaid):
        await customer.start()
    assert [session['id'] for session in customer.sandbox.state()['sessions']] == [order.session_id]


async def test_a_payment_that_was_right_stays_right(
    shop: Shop, sandbox: SandboxClient, settings_env: dict[str, str]
) -> None:
    """The end of a promotion does not turn the orders that used it into mismatches."""
    generous = build(parse_settings(settings_env | {'PROMOTION_CODES': '1'}))
    order = await Customer(generous, sandbox, 'v').buy(code='HALF50')
    paid = await generous.fulfilment.fulfil(order.session_id or '', because=Cause.WEBHOOK)
    seen = await shop.fulfilment.fulfil(order.session_id or '', because=Cause.RECONCILER)
    await generous.close()
    assert paid is not None
    assert (paid.state, paid.facts.amount_discount) == (State.PAID, 7500)
    assert seen == paid


@pytest.mark.parametrize('first', ['earlier', 'later'])
async def test_two_payments_written_down_at_once_are_seen_all_the_same(
    customer: Customer, another: Customer, clock: Clock, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When neither could see the other before it was written, the one that paid later is marked, once."""
    find, written = customer.shop.ledger.orders.find_paid_beside, customer.shop.ledger.orders.find

    async def blind(order: Order, *, within: timedelta) -> tuple[Order, ...]:
        known = await written(id=order.id)
        return await find(order, within=within) if known and known.completed_at else ()

    monkeypatch.setattr(customer.shop.ledger.orders, 'find_paid_beside', blind)
    orders = {'earlier': await customer.buy(), 'later': await another.buy()}
    for which in sorted(orders, reverse=first == 'later'):
        clock.ahead = timedelta(minutes=which == 'later')
        await customer.shop.fulfilment.fulfil(orders[which].session_id or '', because=Cause.WEBHOOK)
    earlier, later = [await customer.order_of(order.session_id or '') for order in orders.values()]
    assert (earlier.duplicate_of, later.duplicate_of) == ('', earlier.reference)
    told = [line.line for line in await customer.shop.ledger.journal.lines(later.id)]
    assert told[-1] == f'seems paid twice: see {earlier.reference}'
