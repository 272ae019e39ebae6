"""Mails: written down with the move that causes them, sent once, told apart when they fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.errors import ShopError
from services.ledger import Delivery, MailState, Source
from services.messages import Problem
from services.orders import BookingState, Cause, Order
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import a_booking
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases
from tests.services.mailing import alerts_of, mails_of, rows_of, send_all, sender_of

pytestmark = on_both_databases
OPERATOR = 'operator@coach.test'


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


async def paid(customer: Customer, **options: str) -> Order:
    """Buy, and have the payment written down."""
    return await fulfilled(customer, await customer.buy(**options))


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


async def test_the_operator_gets_one_mail_in_ten_minutes(
    customer: Customer, other_customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """A second payment, a warning and a dispute are collected; what comes later waits for the next mail."""
    first = await paid(customer, email='pat@example.com')
    second = await paid(other_customer, email='pat@example.com')
    sandbox.act('warn', session=first.session_id)
    await customer.shop.fulfilment.fulfil(first.session_id or '', because=Cause.WEBHOOK, warned=True)
    sandbox.act('dispute', session=first.session_id)
    for _ in range(2):
        await fulfilled(customer, first)
    await send_all(customer.shop)
    assert sandbox.mails(OPERATOR) == []
    clock.ahead = timedelta(minutes=11)
    await send_all(customer.shop)
    (mail,) = sandbox.mails(OPERATOR)
    assert mail['subject'] == '3 matters need your hand'
    assert f'Seems paid twice: order {second.reference}' in mail['text']
    assert f'has paid order {first.reference} as well' in ' '.join(mail['text'].split())
    assert f'A payment is disputed: order {first.reference}' in mail['text']
    assert 'Stripe Dashboard before' in ' '.join(mail['text'].split())

    sandbox.act('dispute', session=second.session_id)
    await fulfilled(customer, second)
    await send_all(customer.shop)
    clock.ahead = timedelta(minutes=20)
    await send_all(customer.shop)
    assert len(sandbox.mails(OPERATOR)) == 1
    clock.ahead = timedelta(minutes=22)
    await send_all(customer.shop)
    assert [mail['subject'] for mail in sandbox.mails(OPERATOR)[1:]] == [
        f'A payment is disputed: order {second.reference}'
    ]


async def test_a_meeting_that_is_not_paid_for_is_told_unless_it_is_right_again(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """Two are listed; one is canceled before the mail goes out."""
    order = await customer.order_of(await customer.start())
    at = datetime.now(UTC) + timedelta(days=3)
    meetings = [
        a_booking(invitee_id=f'https://x.example/{name}', start=at, end=at + timedelta(hours=1), name=name)
        for name in ('Sam', 'Kim')
    ]
    for meeting in meetings:
        await customer.shop.ledger.bookings.put(order, meeting, because=Cause.WEBHOOK)
    canceled = a_booking(
        invitee_id=meetings[1].invitee_id, state=BookingState.CANCELED, start=at, end=at, name='Kim'
    )
    await customer.shop.ledger.bookings.put(order, canceled, because=Cause.WEBHOOK)
    clock.ahead = timedelta(minutes=11)
    await send_all(customer.shop)
    (mail,) = sandbox.mails(OPERATOR)
    assert 'not paid' in mail['text']
    assert 'Sam' in mail['text']
    assert 'Kim' not in mail['text']


async def test_deliveries_that_fail_for_an_hour_are_told_once_a_day(customer: Customer, clock: Clock) -> None:
    """However many they are; a failure that is over within the hour is not told."""
    shop = customer.shop
    deliveries = [Delivery(Source.STRIPE, f'evt_{number}', 'charge.refunded', 'ch_1') for number in range(3)]
    for delivery in deliveries:
        await shop.ledger.deliveries.record(delivery)
        await shop.ledger.deliveries.keep_error(delivery, 'Stripe is silent')
    assert await alerts_of(shop) == []
    clock.ahead = timedelta(hours=1, minutes=1)
    for delivery in deliveries:
        await shop.ledger.deliveries.keep_error(delivery, 'Stripe is silent')
    assert await alerts_of(shop) == ['delivery']


async def test_the_alert_of_a_delivery_says_whether_it_is_tried_again(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """One that fails is; one that cannot be read is not."""
    deliveries = customer.shop.ledger.deliveries
    failing = Delivery(Source.STRIPE, 'evt_1', 'charge.refunded', 'ch_1')
    unreadable = Delivery(Source.CALENDLY, 'invitee_1', 'invitee.created', '{}')
    await deliveries.record(failing)
    await deliveries.record(unreadable)
    clock.ahead = timedelta(hours=1, minutes=1)
    await deliveries.keep_error(failing, 'Stripe is silent')
    await deliveries.keep_error(unreadable, 'it cannot be read', final=True)
    clock.ahead = timedelta(hours=1, minutes=12)
    await send_all(customer.shop)
    (mail,) = sandbox.mails(OPERATOR)
    text = ' '.join(mail['text'].split())
    assert 'charge.refunded: Stripe is silent; the shop tries again.' in text
    assert 'invitee.created: it cannot be read; it is not tried again.' in text


async def test_a_problem_is_told_after_a_quarter_of_an_hour(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """Once, and not again while it lasts or returns on the same day."""
    shop, now = customer.shop, clock()
    until_noon = now.replace(hour=12, minute=0) - now
    problem = [Problem('reconciler', 'Stripe is silent')]
    for minutes, problems, known in (
        (0, problem, 0),
        (10, problem, 0),
        (12, [], 0),
        (14, problem, 0),
        (28, problem, 0),
        (30, problem, 1),
        (31, problem, 1),
        (32, [], 1),
        (33, problem, 1),
        (50, problem, 1),
    ):
        clock.ahead = until_noon + timedelta(minutes=minutes)
        await shop.problem_watch.check(problems)
        assert len(await alerts_of(shop)) == known, minutes
    clock.ahead = until_noon + timedelta(minutes=70)
    await send_all(shop)
    (mail,) = sandbox.mails(OPERATOR)
    assert 'reconciler: Stripe is silent' in mail['text']


async def test_a_key_that_is_refused_is_told_at_once(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """Stripe's and Calendly's, in the next mail to the operator; each once."""
    shop = customer.shop
    sandbox.act('key', revoked=True)
    sandbox.fault('GET /users/me', 'fail', status=401, times=None)
    with pytest.raises(ShopError):
        await customer.start()
    await shop.calendar_watch.check()
    for minutes in (0, 5, 16):
        clock.ahead = timedelta(minutes=minutes)
        urgent = [problem for problem in await shop.problems() if problem.urgent]
        assert [problem.part for problem in urgent] == ['stripe key', 'calendar']
        await shop.problem_watch.check(urgent)
        assert await alerts_of(shop) == ['problem', 'problem']
    await send_all(shop)
    (mail,) = sandbox.mails(OPERATOR)
    assert 'stripe key: Stripe refuses the key' in mail['text']
    assert 'calendar: Calendly refuses CALENDLY_TOKEN' in mail['text']
    sandbox.act('key', revoked=False)
    await customer.start()
    assert 'stripe key' not in [problem.part for problem in await shop.problems()]


async def test_each_dispute_of_an_order_is_told_once(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """One after the other and two at a time, whatever is read again."""
    order = await paid(customer)

    async def dispute(**options: object) -> None:
        sandbox.act('dispute', session=order.session_id, **options)
        for _ in range(2):
            await fulfilled(customer, order)

    await dispute(amount=5000)
    assert await alerts_of(customer.shop) == ['dispute']
    await dispute(status='won')
    assert await alerts_of(customer.shop) == ['dispute']
    await dispute(amount=3000)
    await dispute(amount=2000)
    assert await alerts_of(customer.shop) == ['dispute'] * 3
    clock.ahead = timedelta(minutes=11)
    await send_all(customer.shop)
    (mail,) = sandbox.mails(OPERATOR)
    assert mail['subject'] == '3 matters need your hand'


async def test_a_server_that_is_down_loses_and_repeats_nothing(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """While it is down one mail is tried after growing pauses; then all go out, each once."""
    shop = customer.shop
    await paid(customer, email='pat@example.com')
    for _ in range(30):
        await shop.ledger.mails.send_links('pat@example.com')
    sandbox.act('smtp', down=True)
    tries = 0
    for seconds in range(0, 3600, 10):
        clock.ahead = timedelta(seconds=seconds)
        tries += await send_all(shop)
    assert tries < 25
    assert sender_of(shop).problem
    assert 'mail' in [check.name for check in await shop.health() if check.problem]
    sandbox.act('smtp', down=False)
    clock.ahead = timedelta(seconds=3900)
    await send_all(shop)
    mails = sandbox.mails('pat@example.com')
    assert len(mails) == len({mail['headers']['Message-ID'] for mail in mails}) == 31
    assert sender_of(shop).problem == ''


async def test_a_refused_address_is_told_to_the_operator(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """A 550 ends the mail, and the operator can write or call."""
    sandbox.fault('mail pat@*', 'fail', status=550)
    await paid(customer, email='pat@example.com')
    await send_all(customer.shop)
    assert (await mails_of(customer.shop))['paid'] is MailState.REFUSED
    clock.ahead = timedelta(minutes=11)
    await send_all(customer.shop)
    (mail,) = sandbox.mails()
    assert (mail['to'], 'pat@example.com' in mail['text']) == (OPERATOR, True)


async def test_a_refusal_for_now_is_tried_again_and_given_up_after_days(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """The pauses grow; another mail does not wait for it."""
    sandbox.fault('mail pat@*', 'fail', status=451, times=None)
    order = await paid(customer, email='pat@example.com')
    tries = 0
    for minutes in range(0, 60 * 80, 5):
        clock.ahead = timedelta(minutes=minutes)
        while await sender_of(customer.shop).send_next():
            tries += 1
    states = await mails_of(customer.shop)
    assert states['paid'] is MailState.GIVEN_UP
    assert tries < 60
    (mail,) = sandbox.mails()
    assert order.reference in mail['text']


async def test_a_lost_answer_is_not_repeated(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """The mail may have been sent: it is not sent again, and the operator is told no more than that."""
    sandbox.fault('mail pat@*', 'lose')
    await paid(customer, email='pat@example.com')
    for minutes in (0, 6, 60):
        clock.ahead = timedelta(minutes=minutes)
        await send_all(customer.shop)
    assert len(sandbox.mails('pat@example.com')) == 1
    assert (await mails_of(customer.shop))['paid'] is MailState.UNKNOWN
    assert await alerts_of(customer.shop) == ['mail']
    assert 'may not have arrived' in sandbox.mails(OPERATOR)[0]['subject']


class Died(BaseException):
    """The process ends here."""


async def test_a_crash_after_the_mail_was_accepted_repeats_it_with_the_same_id(
    customer: Customer, sandbox: SandboxClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one case in which a mail goes out twice: the process dies before it marks the mail as sent."""
    await paid(customer, email='pat@example.com')

    async def die(*_arguments: object, **_options: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(customer.shop.ledger.mails, 'finish', die)
        with pytest.raises(Died):
            await sender_of(customer.shop).send_next()
    assert await send_all(customer.shop) == 0
    clock.ahead = timedelta(minutes=6)
    await send_all(customer.shop)
    first, second = sandbox.mails()
    assert first['headers']['Message-ID'] == second['headers']['Message-ID']
    assert first['text'] == second['text']


async def test_an_address_that_cannot_be_written_is_refused(
    customer: Customer, sandbox: SandboxClient
) -> None:
    """It stops no other mail."""
    order = await paid(customer, email='pat@example.com')
    await customer.shop.ledger.orders.move(
        order,
        because=Cause.OPERATOR,
        line='',
        facts=replace(order.facts, email='a@b.example\r\nBcc: all@b.example'),
    )
    await send_all(customer.shop)
    assert (await mails_of(customer.shop))['paid'] is MailState.REFUSED
    assert sandbox.mails() == []


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
