"""Mails to the operator: what needs a hand, collected into one mail, and problems that last."""

from datetime import UTC, datetime, timedelta

import pytest

from services.errors import ShopError
from services.ledger import Delivery, Source
from services.messages import Problem
from services.orders import BookingState, Cause
from tests.factories import a_booking
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases
from tests.services.mailing import OPERATOR, alerts_of, paid, send_all

pytestmark = on_both_databases


@pytest.fixture
def settings_env(settings_env: dict[str, str], sandbox: SandboxClient) -> dict[str, str]:
    """Return the settings of a shop that mails to the sandbox."""
    return settings_env | sandbox.mail_settings


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
