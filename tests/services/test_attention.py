"""What needs a hand: each kind is listed with its reason, until it is set aside or its cause is gone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from services.admin.attention import AttentionItem
from services.admin.attention_words import Action
from services.database import schema
from services.health import Check
from services.ledger import Delivery, EffectState, MailState, Source, UnmatchedReason
from services.ledger.matters import AttentionKind
from services.orders import BookingState, Cause, Environment, MailKind, Order
from services.shop import Shop
from tests.factories import PAID, a_booking, an_order
from tests.services.conftest import Clock, on_both_databases

pytestmark = on_both_databases
DAY = timedelta(days=1)
WRONG_KEY = Check('stripe key', problem='the restricted key lacks: Refunds', remedy='Edit the key.')


async def add(shop: Shop, clock: Clock, name: str, **changes: Any) -> Order:
    """Write down an order that was paid a day ago; its ids are made of a name."""
    at = clock() - DAY
    keys = {key: f'{key}-{name}' for key in ('id', 'token', 'booking_key', 'session_id')}
    facts = replace(changes.pop('facts', PAID), payment_id=f'pi_{name}', name='Ann')
    times = {'created_at': at, 'completed_at': at, 'reference': f'{name.upper()}-2345'}
    order = an_order(**keys | times | changes, facts=facts)
    assert await shop.ledger.orders.add(order, because=Cause.RESTORE)
    return order


async def items(shop: Shop, kind: AttentionKind, *checks: Check) -> tuple[AttentionItem, ...]:
    """Return the items of one kind; as many as the group says."""
    found = await shop.reads.attention.read(checks)
    group = next((group for group in found.groups if group.kind is kind), None)
    if group is None:
        return ()
    assert group.total == len(group.items)
    return group.items


async def only(shop: Shop, kind: AttentionKind, *checks: Check) -> AttentionItem:
    """Return the one item of a kind."""
    (item,) = await items(shop, kind, *checks)
    return item


async def is_empty(shop: Shop) -> bool:
    """Return whether nothing needs a hand."""
    return (await shop.reads.attention.read(())).groups == ()


async def test_a_shop_without_problems_needs_no_hand(shop: Shop, clock: Clock) -> None:
    """A booked order, an open one, and one that was paid just now are all right."""
    await book(shop, await add(shop, clock, 'aaaa'))
    await add(shop, clock, 'bbbb', created_at=clock(), completed_at=clock())
    await add(shop, clock, 'cccc', facts=replace(PAID, amount_refunded=15000))
    await add(shop, clock, 'dddd', environment=Environment('live'), facts=replace(PAID, mismatch='x'))
    assert await is_empty(shop)
    assert await items(shop, AttentionKind.CHECK, Check('ledger')) == ()


async def book(shop: Shop, order: Order, number: int = 1, **changes: Any) -> None:
    """Write a booking of an order down, an hour long."""
    start = order.created_at + 5 * DAY
    times = {'start': start, 'end': start + timedelta(hours=1)}
    booking = a_booking(**{'invitee_id': f'{order.id} {number}', 'name': 'Ann'} | times | changes)
    await shop.ledger.bookings.put(order, booking, because=Cause.WEBHOOK)


async def test_paid_but_not_booked(shop: Shop, clock: Clock) -> None:
    """Some hours after the payment; not where the bookings are unknown, and not a second payment."""
    order = await add(shop, clock, 'aaaa')
    await add(shop, clock, 'bbbb', bookings_unknown=True)
    await add(shop, clock, 'cccc', created_at=clock() - 200 * DAY, completed_at=clock() - 200 * DAY)
    item = await only(shop, AttentionKind.UNBOOKED)
    assert item.sentence == 'Ann has paid $150 and has no time yet.'
    assert (item.reference, item.action, item.since) == (
        order.reference,
        Action.SEND_LINK,
        order.completed_at,
    )
    await book(shop, order)
    assert await is_empty(shop)
    await book(shop, order, state=BookingState.CANCELED)
    assert (await only(shop, AttentionKind.UNBOOKED)).key != item.key


async def test_what_is_done_comes_back_only_when_it_happens_anew(shop: Shop, clock: Clock) -> None:
    """Done means this occurrence; after another booking was canceled it is another one."""
    order = await add(shop, clock, 'aaaa')
    item = await only(shop, AttentionKind.UNBOOKED)
    assert await shop.reads.attention.done(item.key, note='comes in spring', actor='admin')
    assert await is_empty(shop)
    clock.ahead = 30 * DAY
    assert await is_empty(shop)
    line = (await shop.ledger.journal.lines(order.id))[-1]
    assert (line.because, line.actor) == (Cause.OPERATOR, 'admin')
    assert line.line == '“paid but not booked” is done: comes in spring'
    await book(shop, order)
    await book(shop, order, state=BookingState.CANCELED)
    again = await only(shop, AttentionKind.UNBOOKED)
    assert again.key != item.key
    assert await shop.reads.attention.done(again.key, note='', actor='admin')
    assert await is_empty(shop)


async def test_what_is_snoozed_comes_back_in_time(shop: Shop, clock: Clock) -> None:
    """Until then it is not listed and not counted; the others are."""
    await add(shop, clock, 'aaaa')
    await add(shop, clock, 'bbbb')
    first, _ = await items(shop, AttentionKind.UNBOOKED)
    await shop.reads.attention.snooze(first.key, until=clock() + DAY, note='', actor='admin')
    assert (await only(shop, AttentionKind.UNBOOKED)).key != first.key
    clock.ahead = 2 * DAY
    assert len(await items(shop, AttentionKind.UNBOOKED)) == 2


async def test_what_was_set_aside_can_be_brought_back(shop: Shop, clock: Clock) -> None:
    """The list says who decided what, and why; what is brought back is listed again."""
    order = await add(shop, clock, 'aaaa')
    item = await only(shop, AttentionKind.UNBOOKED)
    await shop.reads.attention.done(item.key, note='by mistake', actor='admin')
    (aside,) = await shop.reads.attention.set_aside()
    assert (aside.kind, aside.decision, aside.reference) == (item.kind, 'done', order.reference)
    assert (aside.note, aside.actor, aside.until) == ('by mistake', 'admin', None)
    assert await shop.reads.attention.bring_back(aside.key, actor='admin')
    assert await only(shop, AttentionKind.UNBOOKED) == item
    assert not await shop.reads.attention.bring_back(aside.key, actor='admin')
    assert await shop.reads.attention.set_aside() == ()
    line = (await shop.ledger.journal.lines(order.id))[-1].line
    assert line == '“paid but not booked” is not set aside any more'


async def test_an_unknown_key_changes_nothing(shop: Shop) -> None:
    """A form that was made up is refused; one about an order that is gone is kept without it."""
    for key in ('', '~', 'paid but not booked.~', 'nonsense.o1~1'):
        assert not await shop.reads.attention.done(key, note='', actor='admin')
    assert await shop.reads.attention.done('paid twice.gone~X', note='', actor='admin')


async def test_what_follows_from_a_payment(shop: Shop, clock: Clock) -> None:
    """Dispute, fraud warning, mismatch, a second payment and a review, each with its one action."""
    due = clock() + 7 * DAY
    disputed: dict[str, Any] = {
        'amount_disputed': 15000,
        'dispute_status': 'needs_response',
        'dispute_due_at': due,
    }
    await add(shop, clock, 'dspt', facts=replace(PAID, **disputed))
    await add(shop, clock, 'answ', facts=replace(PAID, **disputed | {'dispute_status': 'under_review'}))
    await add(shop, clock, 'fail', refund_failed_at=clock())
    await add(shop, clock, 'frad', fraud_warning=True)
    await add(shop, clock, 'back', fraud_warning=True, facts=replace(PAID, amount_refunded=15000))
    await add(shop, clock, 'mism', facts=replace(PAID, mismatch='the currency is eur'))
    await add(shop, clock, 'unpd', facts=replace(PAID, mismatch='x', payment_status='unpaid'))
    await add(shop, clock, 'twic', duplicate_of='AAAA-2345')
    await add(shop, clock, 'rvew', facts=replace(PAID, under_review=True))
    found = await shop.reads.attention.read(())
    said = {
        group.kind: sorted((each.reference[:4], each.action) for each in group.items)
        for group in found.groups
    }
    assert said == {
        AttentionKind.DISPUTE: [('DSPT', Action.STRIPE)],
        AttentionKind.REFUND_FAILED: [('FAIL', Action.REFUND)],
        AttentionKind.FRAUD_WARNING: [('FRAD', Action.REFUND)],
        AttentionKind.MISMATCH: [('MISM', Action.REFUND)],
        AttentionKind.DUPLICATE: [('TWIC', Action.REFUND)],
        AttentionKind.UNBOOKED: [(name, Action.SEND_LINK) for name in ('ANSW', 'DSPT', 'FAIL', 'FRAD')],
        AttentionKind.UNDER_REVIEW: [('RVEW', Action.STRIPE)],
    }
    dispute = await only(shop, AttentionKind.DISPUTE)
    assert dispute.deadline == due
    assert dispute.url == 'https://dashboard.stripe.com/test/payments/pi_dspt'
    assert dispute.sentence.startswith('Ann disputes $150.')
    assert (await only(shop, AttentionKind.MISMATCH)).sentence.endswith('the currency is eur.')


async def test_refunded_but_booked_and_booked_but_not_paid(shop: Shop, clock: Clock) -> None:
    """Meetings that should not take place, or not in this form; they go when they are canceled."""
    order = await add(shop, clock, 'aaaa', facts=replace(PAID, amount_refunded=15000))
    await book(shop, order)
    start = clock() + 5 * DAY
    stranger = a_booking(invitee_id='stranger', name='Bob', start=start, end=start + timedelta(hours=1))
    await shop.ledger.unmatched.record_unmatched(
        stranger, UnmatchedReason.NO_KEY, event_type='', handles=None
    )
    item = await only(shop, AttentionKind.REFUNDED_BOOKED)
    assert (item.reference, item.action) == (order.reference, Action.CANCEL_MEETING)
    unmatched = await only(shop, AttentionKind.UNMATCHED)
    assert (unmatched.reference, unmatched.name, unmatched.action) == ('', 'Bob', Action.ATTACH)
    assert unmatched.sentence == 'The meeting of Bob was booked without an order.'
    assert unmatched.deadline == start
    await book(shop, order, state=BookingState.CANCELED)
    await shop.reads.attention.done(unmatched.key, note='a friend', actor='admin')
    assert await is_empty(shop)


async def test_what_failed(shop: Shop, clock: Clock) -> None:
    """Effects, mails and deliveries that failed for good, or for an hour, with what was answered."""
    order = await add(shop, clock, 'aaaa')
    await book(shop, order)
    await shop.ledger.effects.begin_link(order)
    clock.ahead = timedelta(minutes=10)
    effect = await shop.ledger.effects.claim()
    assert effect is not None
    await shop.ledger.effects.finish(effect, EffectState.REFUSED, error='no such event')
    delivery = Delivery(Source.STRIPE, 'evt_1', 'charge.refunded', 'ch_1')
    await shop.ledger.deliveries.record(delivery)
    await shop.ledger.deliveries.keep_error(delivery, 'Stripe is silent')
    assert await items(shop, AttentionKind.DELIVERY) == ()
    clock.ahead += timedelta(hours=2)
    failed = await only(shop, AttentionKind.EFFECT)
    assert failed.sentence == 'A calendar link could not be made: no such event.'
    assert (failed.reference, failed.action) == (order.reference, Action.OPEN)
    late = await only(shop, AttentionKind.DELIVERY)
    assert late.sentence == 'A delivery of stripe charge.refunded fails: Stripe is silent.'
    for item in (failed, late):
        await shop.reads.attention.done(item.key, note='', actor='admin')
    assert await is_empty(shop)


async def test_a_mail_that_was_not_sent(shop: Shop, clock: Clock) -> None:
    """A mail to a customer that was refused; one to a stranger, and one that was sent, need no hand."""
    order = await add(shop, clock, 'aaaa', contact_email='ann@example.com')
    await book(shop, order)
    times = dict.fromkeys(('created_at', 'due_at', 'finished_at'), clock())
    rest: dict[str, Any] = {
        'recipient': '',
        'tries': 1,
        'next_try': None,
        'last_error': '550 unknown user',
    } | times
    mails: list[dict[str, Any]] = [
        {'id': 'o1.paid', 'kind': MailKind.PAID, 'order_id': order.id, 'state': MailState.REFUSED},
        {'id': 'o1.reminder', 'kind': MailKind.REMINDER, 'order_id': order.id, 'state': MailState.SENT},
        {'id': 'links.1', 'kind': MailKind.LINKS, 'order_id': None, 'state': MailState.REFUSED},
    ]
    rows = [mail | rest for mail in mails]
    await shop.ledger.store.write(lambda connection: connection.execute(insert(schema.mails), rows))
    item = await only(shop, AttentionKind.MAIL)
    words = 'The mail “paid” to ann@example.com was not sent for certain: 550 unknown user.'
    assert (item.sentence, item.reference, item.action) == (words, order.reference, Action.OPEN)
    await shop.reads.attention.done(item.key, note='told by phone', actor='admin')
    assert await is_empty(shop)
    assert (await shop.ledger.journal.lines(order.id))[-1].line.endswith('told by phone')


async def test_a_problem_of_the_shop(shop: Shop) -> None:
    """A check of `/readyz` with its remedy; done holds until the problem is another one."""
    item = await only(shop, AttentionKind.CHECK, WRONG_KEY)
    assert item.sentence == 'Stripe key: the restricted key lacks: Refunds.'
    assert (item.action, item.remedy) == (Action.REMEDY, 'Edit the key.')
    await shop.reads.attention.done(item.key, note='', actor='admin')
    assert await items(shop, AttentionKind.CHECK, WRONG_KEY) == ()
    other = replace(WRONG_KEY, problem='the restricted key lacks: Disputes')
    assert (await only(shop, AttentionKind.CHECK, other)).key != item.key


async def test_all_are_counted_and_some_are_listed(shop: Shop, clock: Clock) -> None:
    """The oldest come first."""
    for number in range(4):
        at = clock() - DAY - timedelta(hours=number)
        await add(shop, clock, f'aaa{number}', created_at=at, completed_at=at)
    found = await shop.reads.attention.read((), limit=2)
    (group,) = found.groups
    assert (group.total, [item.reference[:4] for item in group.items]) == (4, ['AAA3', 'AAA2'])
    assert found.total == 4
