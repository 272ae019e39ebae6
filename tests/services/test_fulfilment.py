"""Fulfilment: an order is paid only if Stripe says so, and only once, whatever the cause."""

import asyncio
from dataclasses import replace

import pytest

from services import errors
from services.fulfilment.decision import decide
from services.orders import Cause, State
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import NOON, PAID
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer, NewDatabase, fulfilled, on_both_databases

pytestmark = on_both_databases


async def test_a_paid_session_becomes_a_paid_order_with_its_payer(customer: Customer) -> None:
    """The order has the state, amount, name and e-mail that Stripe returns."""
    order = await customer.buy(email='vet+1@example.com', name='Zoë O’Neil')
    assert order.state is State.OPEN
    paid = await fulfilled(customer, order)
    assert (paid.state, str(paid.paid)) == (State.PAID, '$150')
    assert (paid.facts.email, paid.facts.name) == ('vet+1@example.com', 'Zoë O’Neil')
    assert paid.claim is None


CALLERS = (Cause.WEBHOOK, Cause.RETURN, Cause.OPERATOR)


async def test_concurrent_callers_write_the_payment_down_once(customer: Customer) -> None:
    """Webhook, return and operator at the same time make one move."""
    order = await customer.buy()
    calls = [fulfilled(customer, order, because) for because in CALLERS * 4]
    assert {seen.state for seen in await asyncio.gather(*calls)} == {State.PAID}
    lines = [line.line for line in await customer.shop.ledger.journal.lines(order.id)]
    assert lines.count('open → paid') == 1
    assert len(lines) == 3


async def test_an_unpaid_session_opens_no_calendar(customer: Customer) -> None:
    """An open session leaves the order unchanged and without a calendar."""
    order = await customer.order_of(await customer.start())
    seen = await fulfilled(customer, order)
    assert seen == order
    assert await customer.shop.calendar.url(seen) is None
    assert customer.sandbox.requests('POST /shares') == []
    assert customer.sandbox.requests('/scheduling_links') == []


async def test_a_bank_payment_is_processing_until_it_succeeds(customer: Customer) -> None:
    """The calendar opens only when the payment has succeeded."""
    order = await customer.buy(method='bank')
    waiting = await fulfilled(customer, order)
    assert waiting.state is State.PROCESSING
    assert await customer.shop.calendar.url(waiting) is None
    customer.sandbox.act('settle', session=order.session_id, success=True)
    assert (await fulfilled(customer, order)).state is State.PAID


async def test_a_bank_payment_that_fails_makes_the_order_failed(customer: Customer) -> None:
    """The browser may start another payment without a question."""
    order = await customer.buy(method='bank')
    await fulfilled(customer, order)
    customer.sandbox.act('settle', session=order.session_id, success=False)
    assert (await fulfilled(customer, order)).state is State.FAILED
    assert await customer.start() != order.session_id


async def test_an_expired_session_expires_the_order(customer: Customer) -> None:
    """Its claim is removed, so that the browser can open a new one."""
    order = await customer.order_of(await customer.start())
    customer.sandbox.act('expire', session=order.session_id)
    expired = await fulfilled(customer, order)
    assert (expired.state, expired.claim) == (State.EXPIRED, None)


async def test_an_order_lost_from_the_ledger_is_adopted_from_stripe(
    customer: Customer, settings_env: dict[str, str], new_database: NewDatabase
) -> None:
    """An empty ledger rebuilds the order from the session's metadata."""
    order = await customer.buy()
    restored = build(parse_settings(settings_env | {'DATABASE_URL': new_database()}))
    await restored.open()
    adopted = await restored.fulfilment.arrive(order.session_id or '')
    assert adopted is not None
    assert adopted.state is State.PAID
    assert (adopted.id, adopted.token, adopted.reference) == (order.id, order.token, order.reference)
    assert adopted.booking_key == order.booking_key
    await restored.close()


async def test_a_session_that_was_opened_but_never_written_down_is_attached_to_its_order(
    customer: Customer,
) -> None:
    """The process may die between Stripe's response and our commit: the metadata names the order."""
    order = await customer.order_of(await customer.start())
    with customer.shop.ledger.store.engine.begin() as connection:
        connection.exec_driver_sql('UPDATE orders SET session_id = NULL, session_url = NULL')
    customer.sandbox.pay(order.session_id or '')
    seen = await fulfilled(customer, order, Cause.RETURN)
    assert (seen.id, seen.session_id, seen.state) == (order.id, order.session_id, State.PAID)


@pytest.mark.parametrize('session_id', ['cs_test_nobody', 'cs_live_other', 'pi_1', 'x' * 200, '../prices'])
async def test_an_invented_session_id_finds_no_order(customer: Customer, session_id: str) -> None:
    """A session that Stripe does not know belongs to no order."""
    assert await customer.shop.fulfilment.arrive(session_id) is None


async def test_invented_session_ids_cause_a_limited_number_of_requests(
    shop: Shop, sandbox: SandboxClient
) -> None:
    """A client that invents ids is refused after some, and each id is read at Stripe once."""
    for _ in range(5):
        assert await shop.fulfilment.arrive('cs_test_same', client_ip='203.0.113.7') is None
    assert len(sandbox.requests('/v1/checkout/sessions')) == 1

    async def look_up_many() -> None:
        for number in range(50):
            await shop.fulfilment.arrive(f'cs_test_{number}', client_ip='203.0.113.7')

    with pytest.raises(errors.TooManyRequests):
        await look_up_many()
    assert len(sandbox.requests('/v1/checkout/sessions')) in range(
        10, 13
    )  # the minute of the limit may end meanwhile

    async def look_up_many_from_many_clients() -> None:
        for number in range(500):
            await shop.fulfilment.arrive(f'cs_test_all_{number}', client_ip=f'198.51.{number % 250}.7')

    with pytest.raises(errors.TooManyRequests):
        await look_up_many_from_many_clients()
    assert len(sandbox.requests('/v1/checkout/sessions')) in range(120, 126)


async def test_a_customer_of_a_known_order_is_never_refused(customer: Customer) -> None:
    """Looking up an order that is in the ledger sends no request and does not count for the limit."""
    order = await customer.buy()
    customer.sandbox.act('reset')
    for _ in range(30):
        found = await customer.shop.fulfilment.arrive(order.session_id or '', client_ip='203.0.113.7')
        assert found == order
    assert customer.sandbox.requests() == []


async def test_a_session_of_another_shop_on_the_account_is_not_adopted(
    customer: Customer, settings_env: dict[str, str], new_database: NewDatabase
) -> None:
    """A paid session whose metadata name another domain makes no order here."""
    order = await customer.buy()
    other = {'DOMAIN': 'http://localhost:9', 'DATABASE_URL': new_database()}
    shop = build(parse_settings(settings_env | other))
    await shop.open()
    assert await shop.fulfilment.arrive(order.session_id or '') is None
    await shop.close()


async def test_a_paid_session_that_does_not_match_opens_no_calendar(customer: Customer) -> None:
    """When the amount differs from the one the order expects, the order is a mismatch."""
    order = await customer.order_of(await customer.start())
    with customer.shop.ledger.store.engine.begin() as connection:
        connection.exec_driver_sql('UPDATE orders SET amount = 14999')
    customer.sandbox.pay(order.session_id or '')
    seen = await fulfilled(customer, order)
    assert (seen.state, seen.facts.mismatch) == (State.MISMATCH, 'amount')
    assert await customer.shop.calendar.url(seen) is None
    assert (await customer.shop.ledger.journal.lines(order.id))[-1].line == 'open → mismatch (amount)'


async def test_a_discount_allowed_when_the_order_was_opened_is_no_mismatch(
    customer: Customer, settings_env: dict[str, str]
) -> None:
    """A promotion code is accepted even if the settings forbid codes by now."""
    with_codes = build(parse_settings(settings_env | {'PROMOTION_CODES': '1'}))
    await with_codes.open()
    session = await with_codes.checkout.start(browser_id='v', because=Cause.BUTTON)
    customer.sandbox.pay(session.id, code='HALF50')
    await with_codes.close()
    seen = await fulfilled(customer, await customer.order_of(session.id))
    assert (seen.facts.mismatch, seen.state, str(seen.paid)) == ('', State.PAID, '$75')


async def test_a_discount_that_was_never_allowed_is_a_mismatch(customer: Customer) -> None:
    """A session with a discount does not match an order that allowed none."""
    order = await customer.order_of(await customer.start())
    facts = replace(PAID, amount_total=7500, amount_discount=7500)
    session = await customer.shop.payments.read_session(order.session_id or '')
    assert session is not None
    decision = decide(order, replace(session, facts=facts), now=NOON)
    assert decision.changes['facts'].mismatch == 'discount'
    assert 'mismatch' in decision.line


async def test_a_free_session_opens_the_calendar(
    settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """With a promotion code for the whole amount no payment is needed."""
    shop = build(parse_settings(settings_env | {'PROMOTION_CODES': '1'}))
    await shop.open()
    session = await shop.checkout.start(browser_id='v', because=Cause.BUTTON)
    sandbox.pay(session.id, code='FREE100')
    seen = await shop.fulfilment.fulfil(session.id, because=Cause.WEBHOOK)
    assert seen is not None
    assert (seen.state, str(seen.paid)) == (State.PAID, '$0')
    assert await shop.calendar.url(seen) is not None
    await shop.close()


async def test_a_bank_payment_whose_intent_may_not_be_read_is_processing(customer: Customer) -> None:
    """With a restricted key that may not read payments, the session alone shows that one is under way."""
    order = await customer.buy(method='bank')
    for match in ('GET /v1/checkout/sessions/*', 'GET /v1/payment_intents/*'):
        customer.sandbox.fault(match, 'fail', status=403, times=1)
    assert (await fulfilled(customer, order)).state is State.PROCESSING


async def test_a_failure_of_stripe_leaves_the_order_unchanged(customer: Customer) -> None:
    """A page gets no order; a webhook gets an error."""
    order = await customer.buy()
    customer.sandbox.fault('GET /v1/checkout/sessions/*', 'fail', status=500, times=None)
    assert await customer.shop.fulfilment.check(order, because=Cause.PAGE) is None
    with pytest.raises(errors.PaymentBusy):
        await customer.shop.fulfilment.fulfil(order.session_id or '', because=Cause.WEBHOOK)
    assert (await customer.order_of(order.session_id or '')).version == order.version


async def test_the_receipt_is_linked_and_numbered_once_it_was_sent(customer: Customer) -> None:
    """Stripe has a page for the receipt at once, and a number only after it has e-mailed the receipt."""
    paid = await fulfilled(customer, await customer.buy())
    assert '/receipts/ch_' in paid.facts.receipt_url
    assert paid.facts.receipt_number == ''
    await asyncio.to_thread(customer.sandbox.act, 'send-receipt', session=paid.session_id)
    assert (await fulfilled(customer, paid)).facts.receipt_number == '1234-5678'


async def test_a_receipt_signed_anew_is_no_news(customer: Customer) -> None:
    """Stripe may write the address of a receipt differently at each reading; a missing one is taken over."""
    paid = await fulfilled(customer, await customer.buy())
    session = await customer.shop.payments.read_session(paid.session_id or '')
    assert session is not None
    anew = replace(session, facts=replace(session.facts, receipt_url='https://pay.stripe.com/receipts/2'))
    assert decide(paid, anew, now=NOON).changes == {}
    without = replace(paid, facts=replace(paid.facts, receipt_url=''))
    assert decide(without, anew, now=NOON).changes['facts'] == anew.facts
