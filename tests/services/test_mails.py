"""Mails to customers: written down with the move that causes them, sent once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.ledger import MailState
from services.messages import Problem
from services.orders import BookingState, Cause
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import a_booking
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases
from tests.services.mailing import OPERATOR, alerts_of, mails_of, paid, rows_of, send_all

pytestmark = on_both_databases


@pytest.fixture
def settings_env(settings_env: dict[str, str], sandbox: SandboxClient) -> dict[str, str]:
    """Return the settings of a shop that mails to the sandbox."""
    return settings_env | sandbox.mail_settings


@asynccontextmanager
async def another(settings_env: dict[str, str], clock: Clock) -> AsyncIterator[Shop]:
    """Open a second shop on the same database."""
    other = build(parse_settings(settings_env), clock=clock)
    await other.open()
    yield other
    await other.close()


async def test_who_pays_gets_the_link_at_once(customer: Customer, sandbox: SandboxClient) -> None:
    """The mail says amount, reference and what was bought, and leads to the page of the order."""
    order = await paid(customer, email='pat@example.com', name='Pat Payer')
    await send_all(customer.shop)

    (mail,) = sandbox.mails()
    assert (mail['to'], mail['subject']) == ('pat@example.com', 'You have paid: pick your time')
    assert mail['headers']['Message-ID'] == f'<{order.reference}.paid@coach.test>'
    assert mail['headers']['Reply-To'] == 'C&P Exam Coaching <hello@coach.example>'
    for words in ('Hello Pat Payer,', '$150', order.reference, 'C&P coaching session, 60 minutes'):
        assert words in mail['text']
    assert f'\nhttp://localhost:3000/order/{order.token}\n' in mail['text']
    assert f'href="http://localhost:3000/order/{order.token}"' in mail['html']
    assert await mails_of(customer.shop) == {'paid': MailState.SENT, 'reminder': MailState.WANTED}


async def test_nothing_is_mailed_twice_whatever_is_repeated(
    customer: Customer, settings_env: dict[str, str], clock: Clock, sandbox: SandboxClient
) -> None:
    """The webhook, the return and the reconciler, in two processes that both send, make one mail."""
    order = await customer.buy()
    async with another(settings_env, clock) as other:
        shops = (customer.shop, other)
        seen = (
            shop.fulfilment.fulfil(order.session_id or '', because=because)
            for because in (Cause.WEBHOOK, Cause.RETURN, Cause.RECONCILER)
            for shop in shops
        )
        await asyncio.gather(*seen)
        await asyncio.gather(*(send_all(shop) for shop in shops))
    assert [mail['subject'] for mail in sandbox.mails()] == ['You have paid: pick your time']


async def test_two_processes_share_a_queue(
    customer: Customer, settings_env: dict[str, str], clock: Clock, sandbox: SandboxClient
) -> None:
    """Of thirty mails none is lost and none is sent twice."""
    for number in range(30):
        await customer.shop.ledger.mails.send_links(f'{number}@example.com')
    await paid(customer, email='pat@example.com')
    async with another(settings_env, clock) as other:
        for number in range(20):
            await other.ledger.mails.send_links('pat@example.com')
            assert number < 20
        await asyncio.gather(*(send_all(shop) for shop in (customer.shop, other)))
    mails = sandbox.mails('pat@example.com')
    assert len(mails) == 21
    assert len({mail['headers']['Message-ID'] for mail in mails}) == 21
    assert len(sandbox.mails()) == 21


async def test_without_a_server_nothing_is_written_down(
    settings_env: dict[str, str], clock: Clock, sandbox: SandboxClient
) -> None:
    """A mail that was not to be sent is not sent later either."""
    without = {name: value for name, value in settings_env.items() if name not in sandbox.mail_settings}
    async with another(without, clock) as shop:
        assert shop.mail_sender is None
        await paid(Customer(shop, sandbox, 'browser-one'))
        await shop.ledger.mails.send_links('pat@example.com')
        assert await rows_of(shop) == []
    async with another(settings_env, clock) as shop:
        assert await send_all(shop) == 0
    assert sandbox.mails() == []


async def test_a_slow_payment_is_told_when_the_money_arrives(
    customer: Customer, sandbox: SandboxClient
) -> None:
    """Nothing is sent while the bank works."""
    order = await paid(customer, method='bank')
    await send_all(customer.shop)
    assert sandbox.mails() == []
    sandbox.act('settle', session=order.session_id)
    await fulfilled(customer, order)
    await send_all(customer.shop)
    assert [mail['subject'] for mail in sandbox.mails()] == ['You have paid: pick your time']


async def test_a_payment_that_does_not_match_is_told_to_both(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """The customer reads that we have the money, the operator that something is to be done."""
    order = await customer.buy()
    with customer.shop.ledger.store.engine.begin() as connection:
        connection.exec_driver_sql('UPDATE orders SET amount = 14999')
    await fulfilled(customer, order)
    await send_all(customer.shop)
    assert [mail['subject'] for mail in sandbox.mails()] == ['We have your payment']
    clock.ahead = timedelta(minutes=11)
    await send_all(customer.shop)
    (mail,) = sandbox.mails(OPERATOR)
    assert mail['subject'] == f'A payment does not match: order {order.reference}'
    assert order.reference in mail['text']


async def test_a_refund_is_told_once(customer: Customer, sandbox: SandboxClient) -> None:
    """A part of the money is not told, all of it is; the calendar is not offered any more."""
    order = await paid(customer)
    await send_all(customer.shop)
    sandbox.act('refund', session=order.session_id, amount=5000)
    await fulfilled(customer, order)
    await send_all(customer.shop)
    assert len(sandbox.mails()) == 1
    sandbox.act('refund', session=order.session_id)
    for _ in range(2):
        await fulfilled(customer, order)
        await send_all(customer.shop)
    assert [mail['subject'] for mail in sandbox.mails()[1:]] == ['We have refunded $150']


async def test_a_mail_whose_reason_is_gone_is_dropped(customer: Customer, sandbox: SandboxClient) -> None:
    """Refunded before the first mail went out: only the refund is told."""
    order = await paid(customer)
    sandbox.act('refund', session=order.session_id)
    await fulfilled(customer, order)
    await send_all(customer.shop)
    assert [mail['subject'] for mail in sandbox.mails()] == ['We have refunded $150']
    assert (await mails_of(customer.shop))['paid'] is MailState.DROPPED


def daytime(clock: Clock, *, days: int, hour: int) -> None:
    """Move the clock to an hour of New York, some days ahead."""
    now = datetime.now(ZoneInfo('America/New_York'))
    clock.ahead = (now + timedelta(days=days)).replace(hour=hour, minute=30) - now


async def test_who_has_picked_no_time_is_reminded_once(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """Not before a day is over and not at night; in the morning, and never again."""
    await paid(customer)
    await send_all(customer.shop)
    clock.ahead = timedelta(hours=23, minutes=50)
    await send_all(customer.shop)
    assert len(sandbox.mails()) == 1
    daytime(clock, days=2, hour=0)
    await send_all(customer.shop)
    daytime(clock, days=2, hour=7)
    await send_all(customer.shop)
    assert len(sandbox.mails()) == 1
    daytime(clock, days=2, hour=8)
    await send_all(customer.shop)
    daytime(clock, days=4, hour=12)
    await send_all(customer.shop)
    assert [mail['subject'] for mail in sandbox.mails()[1:]] == ['Your session has no time yet']


@pytest.mark.parametrize('state', [BookingState.ACTIVE, BookingState.CANCELED])
async def test_who_has_picked_a_time_is_not_reminded(
    customer: Customer, sandbox: SandboxClient, clock: Clock, state: BookingState
) -> None:
    """A canceled meeting is none; its time zone says when it is night for the customer."""
    order = await paid(customer)
    at = datetime.now(UTC) + timedelta(days=9)
    booking = a_booking(state=state, start=at, end=at + timedelta(hours=1), timezone='Asia/Tokyo')
    await customer.shop.ledger.bookings.put(order, booking, because=Cause.WEBHOOK)
    await send_all(customer.shop)
    daytime(clock, days=2, hour=12)  # half past two in the night in Tokyo
    await send_all(customer.shop)
    assert len(sandbox.mails()) == 1
    daytime(clock, days=2, hour=20)
    await send_all(customer.shop)
    assert len(sandbox.mails()) == (1 if state is BookingState.ACTIVE else 2)


async def test_where_bookings_are_not_known_nobody_is_reminded(
    settings_env: dict[str, str], clock: Clock, sandbox: SandboxClient
) -> None:
    """Without a token and a signing key the shop does not know who has picked a time."""
    blind = settings_env | {'CALENDLY_TOKEN': '', 'CALENDLY_WEBHOOK_SIGNING_KEY': ''}
    async with another(blind, clock) as shop:
        await paid(Customer(shop, sandbox, 'browser-one'))
        assert await mails_of(shop) == {'paid': MailState.WANTED}


async def test_links_are_mailed_to_who_has_orders(
    customer: Customer, other_customer: Customer, sandbox: SandboxClient
) -> None:
    """Several orders are in one mail; an address without an order gets none."""
    orders = [
        await paid(customer, email='Pat@Example.com'),
        await paid(other_customer, email='pat@example.com'),
    ]
    await send_all(customer.shop)
    before = len(sandbox.mails())
    await customer.shop.ledger.mails.send_links('pat@example.com')
    await customer.shop.ledger.mails.send_links('nobody@example.com')
    await send_all(customer.shop)
    (mail,) = sandbox.mails()[before:]
    assert all(f'/order/{order.token}\n' in mail['text'] for order in orders)
    assert mail['subject'] == 'The links to your orders'


async def test_what_was_mailed_without_an_order_is_deleted(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """Lists of links and mails to the operator go after thirty days; mails of orders stay with them."""
    await paid(customer)
    await customer.shop.ledger.mails.send_links('nobody@example.com')
    await customer.shop.problem_watch.check([Problem('clock', 'wrong')])
    clock.ahead = timedelta(minutes=16)
    await customer.shop.problem_watch.check([Problem('clock', 'wrong')])
    clock.ahead = timedelta(minutes=30)
    await send_all(customer.shop)
    assert {row.kind for row in await rows_of(customer.shop)} == {'paid', 'reminder', 'links', 'alerts'}
    clock.ahead = timedelta(days=31)
    await customer.shop.ledger.retention.delete_mails(limit=10)
    assert {row.kind for row in await rows_of(customer.shop)} == {'paid', 'reminder'}
    assert await alerts_of(customer.shop) == []
