"""Duplicates: other open sessions of a browser that paid are closed, and second payments are marked."""

from datetime import timedelta

import pytest

from services.errors import AlreadyPaid, PaymentUnclear
from services.ledger import PaidOrder
from services.orders import Cause, Order, State
from services.settings import parse_settings
from services.shop import Shop, build
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases

pytestmark = on_both_databases


async def remove_claim(customer: Customer, order: Order) -> None:
    """Let the browser's next click open another session, as if closing the first had failed."""
    await customer.shop.ledger.orders.move(order, because=Cause.BUTTON, line='claim removed', claim=None)


async def test_a_payment_closes_the_other_sessions_of_its_browser(customer: Customer) -> None:
    """A session for the same offer that is open in another tab is expired at Stripe."""
    first = await customer.order_of(await customer.start())
    await remove_claim(customer, first)
    second = await customer.buy()
    assert second.id != first.id
    assert (await fulfilled(customer, second)).state is State.PAID
    assert (await customer.order_of(first.session_id or '')).state is State.EXPIRED
    statuses = {session['id']: session['status'] for session in customer.sandbox.state()['sessions']}
    assert statuses[first.session_id] == 'expired'


async def test_a_payment_leaves_the_sessions_of_other_browsers_open(
    customer: Customer, other_customer: Customer
) -> None:
    """Only the sessions of the browser that paid are closed."""
    waiting = await other_customer.order_of(await other_customer.start())
    await fulfilled(customer, await customer.buy())
    assert (await other_customer.order_of(waiting.session_id or '')).state is State.OPEN


async def test_a_session_that_could_not_be_closed_is_closed_by_the_reconciler(customer: Customer) -> None:
    """While Stripe fails the session stays open; the reconciler's next check closes it."""
    first = await customer.order_of(await customer.start())
    await remove_claim(customer, first)
    second = await customer.buy()
    customer.sandbox.fault('POST /v1/checkout/sessions/*', 'fail', status=500, times=None)
    assert (await fulfilled(customer, second)).state is State.PAID
    assert (await customer.order_of(first.session_id or '')).state is State.OPEN
    customer.sandbox.clear_faults()
    await customer.shop.fulfilment.close_if_superseded(
        await customer.order_of(first.session_id or ''), because=Cause.RECONCILER
    )
    assert (await customer.order_of(first.session_id or '')).state is State.EXPIRED


async def test_the_session_of_a_wanted_second_purchase_is_not_closed(customer: Customer) -> None:
    """After a payment the same browser may buy again on purpose; that session stays open."""
    await fulfilled(customer, await customer.buy())
    again = await customer.order_of(await customer.start(again=True))
    await customer.shop.fulfilment.close_if_superseded(again, because=Cause.RECONCILER)
    assert (await customer.order_of(again.session_id or '')).state is State.OPEN


async def test_a_second_payment_by_the_same_card_in_a_day_is_marked(
    customer: Customer, other_customer: Customer
) -> None:
    """With two browsers and two e-mail addresses but one card, the second payment names the first."""
    first = await fulfilled(customer, await customer.buy(email='one@example.com'))
    second = await fulfilled(other_customer, await other_customer.buy(email='two@example.com'))
    assert (first.duplicate_of, second.duplicate_of) == ('', first.reference)
    assert (
        f'seems paid twice: see {first.reference}'
        in (await customer.shop.ledger.journal.lines(second.id))[-1].line
    )


async def test_a_second_payment_by_the_same_email_in_a_day_is_marked(
    customer: Customer, other_customer: Customer
) -> None:
    """The e-mail is compared without regard to case; card and browser may differ."""
    first = await fulfilled(customer, await customer.buy(email='Pat@Example.com'))
    card = '5555 5555 5555 4444'
    second = await fulfilled(other_customer, await other_customer.buy(email='pat@example.com', card=card))
    assert second.duplicate_of == first.reference


async def test_payments_of_two_customers_are_not_marked(customer: Customer, other_customer: Customer) -> None:
    """Browser, card and e-mail all differ."""
    await fulfilled(customer, await customer.buy(email='one@example.com'))
    card = '5555 5555 5555 4444'
    second = await fulfilled(other_customer, await other_customer.buy(email='two@example.com', card=card))
    assert second.duplicate_of == ''


async def test_the_same_test_card_under_two_names_is_not_marked(
    customer: Customer, other_customer: Customer
) -> None:
    """Everybody who tries the shop pays with 4242…, so in test mode a card alone says nothing."""
    await fulfilled(customer, await customer.buy(email='one@example.com', name='Ann One'))
    second = await fulfilled(other_customer, await other_customer.buy(email='two@example.com', name='Bo Two'))
    assert second.duplicate_of == ''


async def test_payments_without_a_card_are_compared_by_email_only(
    customer: Customer, other_customer: Customer
) -> None:
    """A bank payment has no fingerprint; two without one are not the same."""
    first = await customer.buy(email='one@example.com', method='bank')
    customer.sandbox.act('settle', session=first.session_id, success=True)
    assert (await fulfilled(customer, first)).facts.card_fingerprint == ''
    second = await other_customer.buy(email='two@example.com', method='bank')
    customer.sandbox.act('settle', session=second.session_id, success=True)
    assert (await fulfilled(other_customer, second)).duplicate_of == ''


async def test_a_payment_after_a_refund_is_not_marked(customer: Customer, other_customer: Customer) -> None:
    """A customer who got the money back and pays again has paid once."""
    first = await fulfilled(customer, await customer.buy())
    customer.sandbox.act('refund', session=first.session_id)
    assert (await fulfilled(customer, first)).state is State.REFUNDED
    assert (await fulfilled(other_customer, await other_customer.buy())).duplicate_of == ''


async def test_while_an_earlier_session_cannot_be_read_nobody_reads_that_nothing_was_charged(
    customer: Customer,
) -> None:
    """A customer who paid in another tab and clicks while Stripe fails is warned and not sent to pay."""
    order = await customer.buy()
    customer.sandbox.fault('* /v1/checkout/sessions*', 'fail', status=500, times=None)
    with pytest.raises(PaymentUnclear) as caught:
        await customer.start()
    assert 'not been charged' not in caught.value.words
    customer.sandbox.clear_faults()
    with pytest.raises(AlreadyPaid):
        await customer.start()
    assert [session['id'] for session in customer.sandbox.state()['sessions']] == [order.session_id]


async def test_a_payment_that_matched_stays_right_after_a_change_of_settings(
    shop: Shop, sandbox: SandboxClient, settings_env: dict[str, str]
) -> None:
    """Orders with a promotion code are no mismatch once codes are not accepted any more."""
    generous = build(parse_settings(settings_env | {'PROMOTION_CODES': '1'}))
    order = await Customer(generous, sandbox, 'v').buy(code='HALF50')
    paid = await generous.fulfilment.fulfil(order.session_id or '', because=Cause.WEBHOOK)
    seen = await shop.fulfilment.fulfil(order.session_id or '', because=Cause.RECONCILER)
    await generous.close()
    assert paid is not None
    assert (paid.state, paid.facts.amount_discount) == (State.PAID, 7500)
    assert seen == paid


@pytest.mark.parametrize('first', ['earlier', 'later'])
async def test_of_two_payments_written_down_at_once_the_later_one_is_marked(
    customer: Customer, other_customer: Customer, clock: Clock, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither payment is in the ledger when the other is decided; the later one is marked, once.

    The test patches ``find_paid_beside`` to interleave the two fulfilments.
    """
    find_paid_beside = customer.shop.ledger.orders.find_paid_beside

    async def find_after_commit(order: Order, *, within: timedelta) -> tuple[PaidOrder, ...]:
        known = await customer.shop.ledger.orders.find(id=order.id)
        return await find_paid_beside(order, within=within) if known and known.completed_at else ()

    monkeypatch.setattr(customer.shop.ledger.orders, 'find_paid_beside', find_after_commit)
    orders = {'earlier': await customer.buy(), 'later': await other_customer.buy()}
    for which in sorted(orders, reverse=first == 'later'):
        clock.ahead = timedelta(minutes=which == 'later')
        await customer.shop.fulfilment.fulfil(orders[which].session_id or '', because=Cause.WEBHOOK)
    earlier, later = [await customer.order_of(order.session_id or '') for order in orders.values()]
    assert (earlier.duplicate_of, later.duplicate_of) == ('', earlier.reference)
    lines = [line.line for line in await customer.shop.ledger.journal.lines(later.id)]
    assert lines[-1] == f'seems paid twice: see {earlier.reference}'


async def test_a_second_payment_is_none_any_more_when_the_first_is_refunded(
    customer: Customer, other_customer: Customer, sandbox: SandboxClient
) -> None:
    """The mark goes in the move that refunds the first one; a later reading does not set it again."""
    first = await fulfilled(customer, await customer.buy(email='pat@example.com'))
    second = await fulfilled(other_customer, await other_customer.buy(email='pat@example.com'))
    assert second.duplicate_of == first.reference
    sandbox.act('refund', session=first.session_id)
    await fulfilled(customer, first)
    released = await other_customer.order_of(second.session_id or '')
    assert (released.duplicate_of, released.version) == ('', second.version + 1)
    line = (await customer.shop.ledger.journal.lines(second.id))[-1]
    assert line.line == f'no second payment any more: {first.reference} is refunded'
    assert (await fulfilled(other_customer, released)).duplicate_of == ''


async def test_a_payment_after_a_lost_dispute_is_no_second_one(
    customer: Customer, other_customer: Customer
) -> None:
    """The money of the first one is back at its owner; a later reading does not set the mark either."""
    first = await fulfilled(customer, await customer.buy(email='pat@example.com'))
    for status in ('open', 'lost'):
        customer.sandbox.act('dispute', session=first.session_id, status=status)
    assert (await fulfilled(customer, first)).state is State.LOST
    second = await fulfilled(other_customer, await other_customer.buy(email='pat@example.com'))
    assert second.duplicate_of == ''
    assert (await fulfilled(other_customer, second)).duplicate_of == ''


@pytest.mark.parametrize('first', ['earlier', 'later'])
async def test_of_two_payments_whose_refunds_fail_the_later_one_is_marked(
    customer: Customer, other_customer: Customer, first: str
) -> None:
    """At once, whichever of the two comes back first: both are paid again."""
    orders = {'earlier': await customer.buy(), 'later': await other_customer.buy()}
    sandbox, refunds = customer.sandbox, {}
    for which, order in orders.items():
        refunds[which] = sandbox.act('refund', session=order.session_id)['id']
        await fulfilled(customer, order)
    for which in sorted(orders, reverse=first == 'later'):
        sandbox.act('fail-refund', refund=refunds[which])
        await fulfilled(customer, orders[which])
    earlier, later = [await customer.order_of(order.session_id or '') for order in orders.values()]
    assert earlier.state is later.state is State.PAID
    assert (earlier.duplicate_of, later.duplicate_of) == ('', earlier.reference)
