"""The operator's actions on orders and meetings: journalled, and nothing more when they are repeated."""

import asyncio
import json
from datetime import timedelta

import pytest

from services.admin import Result
from services.admin.actions.evidence import within_limits
from services.ledger import Delivery, EffectKind, EffectState, MailState, Source, UnmatchedReason
from services.orders import BookingState, Canceler, MailKind, Order, State
from services.shop import Shop
from tests.sandbox_client import SandboxClient
from tests.services.admin import ACTOR, act, carry_out, lines_of
from tests.services.conftest import Clock, Customer, fulfilled
from tests.services.mailing import alerts_of, rows_of, send_all

FORM = 'form-1'


@pytest.fixture
def settings_env(settings_env: dict[str, str], sandbox: SandboxClient) -> dict[str, str]:
    """The settings of a shop that mails."""
    return settings_env | sandbox.mail_settings


async def invitee_of(shop: Shop, order: Order) -> str:
    """Return the id of the only booking of an order."""
    (booking,) = await shop.bookings.bookings(order)
    return booking.invitee_id


async def test_checking_again_reads_stripe_and_calendly(customer: Customer, paid: Order) -> None:
    """What has changed is in the journal with the operator; where Stripe is silent, he reads that."""
    orders = customer.shop.actions.orders
    url = await customer.shop.calendar.url(paid) or ''
    await asyncio.to_thread(customer.sandbox.book, url)
    await act(customer.sandbox, 'refund', session=paid.session_id, amount=100)
    assert await orders.check(paid, actor=ACTOR) is Result.CHECKED
    assert await lines_of(customer.shop, paid) == ['paid → partly refunded']
    assert len(await customer.shop.bookings.bookings(paid)) == 1
    customer.sandbox.fault('GET /v1/*', 'fail', times=None, status=500)
    assert await orders.check(paid, actor=ACTOR) is Result.SILENT


async def test_the_link_is_mailed_once_for_each_form(customer: Customer, paid: Order) -> None:
    """Each mail has a Message-ID of its own, or mailboxes would hide the second."""
    shop = customer.shop
    await send_all(shop)
    for form, is_new in ((FORM, True), (FORM, False), ('form-2', True)):
        result = await shop.actions.orders.mail_link(paid, form=form, actor=ACTOR)
        assert result is (Result.LINK_MAILED if is_new else Result.LINK_NOT_MAILED)
    await send_all(shop)
    mails = [mail for mail in customer.sandbox.mails() if mail['subject'] == 'The link to your order']
    assert len({mail['headers']['Message-ID'] for mail in mails}) == len(mails) == 2
    assert f'/order/{paid.token}' in mails[0]['text']
    assert await lines_of(shop, paid) == ['the link is to be mailed to pat@example.com'] * 2


async def test_without_mail_or_an_address_nothing_is_mailed(customer: Customer) -> None:
    """The operator reads what to do instead."""
    order = await customer.order_of(await customer.start())
    orders = customer.shop.actions.orders
    assert await orders.mail_link(order, form=FORM, actor=ACTOR) is Result.NO_ADDRESS
    orders._sends_mail = False
    assert await orders.mail_link(order, form=FORM, actor=ACTOR) is Result.NO_MAIL
    assert await lines_of(customer.shop, order) == []


async def test_a_calendar_link_is_replaced_once(customer: Customer, paid: Order) -> None:
    """The old one is deleted at Calendly, the new one works; a second click finds another link."""
    shop, orders = customer.shop, customer.shop.actions.orders
    await shop.calendar.url(paid)
    before = await customer.order_of(paid.session_id or '')
    old = before.calendar_url or ''
    results = [await orders.renew_calendar_link(paid, old_link=old, actor=ACTOR) for _ in range(2)]
    assert results == [Result.NEW_LINK, Result.LINK_CHANGED]
    await carry_out(shop)
    after = await customer.order_of(paid.session_id or '')
    status = {share['uri']: share['status'] for share in customer.sandbox.state()['shares']}
    assert before.calendar_share not in status
    assert status[after.calendar_share or ''] == 'active'
    assert await lines_of(shop, paid) == ['new calendar link wanted', 'calendar link deleted']


async def test_a_new_calendar_link_waits_for_calendly(customer: Customer, paid: Order) -> None:
    """The order's page makes it later."""
    shop = customer.shop
    await shop.calendar.url(paid)
    old = (await customer.order_of(paid.session_id or '')).calendar_url or ''
    customer.sandbox.fault('POST /shares', 'reset', times=None)
    result = await shop.actions.orders.renew_calendar_link(paid, old_link=old, actor=ACTOR)
    assert result is Result.NEW_LINK_LATER
    customer.sandbox.clear_faults()
    assert await shop.calendar.url(await customer.order_of(paid.session_id or ''))


async def test_an_order_without_a_calendar_or_with_a_booking_gets_no_new_link(
    customer: Customer, booked: Order
) -> None:
    """A second link of one payment would be a second session."""
    orders = customer.shop.actions.orders
    link = booked.calendar_url or ''
    assert await orders.renew_calendar_link(booked, old_link=link, actor=ACTOR) is Result.IS_BOOKED
    await act(customer.sandbox, 'refund', session=booked.session_id)
    await fulfilled(customer, booked)
    assert await orders.renew_calendar_link(booked, old_link=link, actor=ACTOR) is Result.NO_CALENDAR


async def test_the_operator_corrects_an_address_as_often_as_needed(customer: Customer, paid: Order) -> None:
    """Customers must wait an hour between two corrections."""
    orders = customer.shop.actions.orders
    for typed in ('one@example.com', 'two@example.com'):
        assert await orders.correct_email(paid, typed, actor=ACTOR) is Result.EMAIL_CORRECTED
    assert await orders.correct_email(paid, 'nothing', actor=ACTOR) is Result.NO_EMAIL
    assert (await customer.order_of(paid.session_id or '')).email == 'two@example.com'
    assert len(await lines_of(customer.shop, paid)) == 2


async def test_a_meeting_is_canceled_once(customer: Customer, booked: Order) -> None:
    """The money stays, and another time can be picked; the customer reads the operator's words."""
    shop, meetings = customer.shop, customer.shop.actions.meetings
    invitee = await invitee_of(shop, booked)
    results = await asyncio.gather(
        *(meetings.cancel(booked, invitee, words='The coach is ill.', actor=ACTOR) for _ in range(3))
    )
    assert sorted(results) == [Result.CANCEL_BEGUN, Result.CANCEL_KNOWN, Result.CANCEL_KNOWN]
    await carry_out(shop)
    (booking,) = await shop.bookings.bookings(booked)
    assert (booking.state, booking.canceled_by) == (BookingState.CANCELED, Canceler.HOST)
    assert booking.cancel_reason == 'The coach is ill.'
    assert len(customer.sandbox.requests('/cancellation')) == 1
    assert await meetings.cancel(booked, invitee, actor=ACTOR) is Result.CANCEL_KNOWN
    current = await customer.order_of(booked.session_id or '')
    assert (current.state, current.calendar_url) == (State.PAID, None)


async def test_a_cancellation_that_was_refused_needs_a_hand_and_is_tried_again(
    customer: Customer, booked: Order
) -> None:
    """The token had no right to cancel."""
    shop, invitee = customer.shop, await invitee_of(customer.shop, booked)
    customer.sandbox.act('calendly-token', may_cancel=False)
    await shop.actions.meetings.cancel(booked, invitee, actor=ACTOR)
    await carry_out(shop)
    effect = await shop.ledger.effects.find(EffectKind.CANCEL_MEETING, invitee)
    assert effect is not None
    assert effect.state is EffectState.REFUSED
    assert await alerts_of(shop) == ['effect']
    customer.sandbox.act('calendly-token', may_cancel=True)
    assert await shop.actions.meetings.cancel(booked, invitee, actor=ACTOR) is Result.CANCEL_BEGUN
    await carry_out(shop)
    assert [each.state for each in await shop.bookings.bookings(booked)] == [BookingState.CANCELED]


async def test_a_meeting_of_another_order_or_of_the_past_is_not_canceled(
    customer: Customer, other_customer: Customer, booked: Order, clock: Clock
) -> None:
    """Nothing is written down."""
    other = await fulfilled(other_customer, await other_customer.buy(email='b@example.com', name='B'))
    meetings, invitee = customer.shop.actions.meetings, await invitee_of(customer.shop, booked)
    assert await meetings.cancel(other, invitee, actor=ACTOR) is Result.NO_MEETING
    clock.ahead = timedelta(days=40)
    assert await meetings.cancel(booked, invitee, actor=ACTOR) is Result.NO_MEETING
    assert await customer.shop.ledger.effects.find(EffectKind.CANCEL_MEETING, invitee) is None


async def book_without_key(customer: Customer) -> str:
    """Book on the public page; the shop lists it as unmatched."""
    link = customer.sandbox.calendly_link
    booked = await asyncio.to_thread(customer.sandbox.book, link, name='Ann', email='ann@example.com')
    await read_bookings(customer.shop)
    return str(booked['uri'])


async def read_bookings(shop: Shop) -> None:
    """Read what is booked, as the booking reader does."""
    await shop.booking_reader.read()


async def test_an_unmatched_booking_is_attached_and_stays_attached(customer: Customer, paid: Order) -> None:
    """Its key says nothing of the order; what Calendly tells of it later belongs to the order."""
    shop, meetings = customer.shop, customer.shop.actions.meetings
    invitee = await book_without_key(customer)
    assert [row.reason for row in await shop.ledger.unmatched.list_open()] == [UnmatchedReason.NO_KEY]
    assert await meetings.attach(paid, invitee, actor=ACTOR) is Result.ATTACHED
    assert await meetings.attach(paid, invitee, actor=ACTOR) is Result.ATTACHED_ALREADY
    assert await shop.ledger.unmatched.list_open() == ()
    (booking,) = await shop.bookings.bookings(paid)
    assert (booking.email, booking.state) == ('ann@example.com', BookingState.ACTIVE)
    assert [line.partition(' of ')[0] for line in await lines_of(shop, paid)] == ['meeting', 'meeting']
    await act(customer.sandbox, 'cancel', invitee=invitee, by='invitee', reason='ill')
    await read_bookings(shop)
    (booking,) = await shop.bookings.bookings(paid)
    assert booking.state is BookingState.CANCELED
    assert await shop.ledger.unmatched.list_open() == ()


async def test_a_booking_of_another_order_is_not_attached(
    customer: Customer, other_customer: Customer, booked: Order
) -> None:
    """It is detached there first."""
    other = await fulfilled(other_customer, await other_customer.buy(email='b@example.com', name='B'))
    meetings, invitee = customer.shop.actions.meetings, await invitee_of(customer.shop, booked)
    assert await meetings.attach(other, invitee, actor=ACTOR) is Result.OF_ANOTHER_ORDER
    assert await meetings.detach(booked, invitee, actor=ACTOR) is Result.DETACHED
    assert await meetings.attach(other, invitee, actor=ACTOR) is Result.ATTACHED
    await customer.shop.bookings.look_up(booked)  # its key still names the first order
    assert await invitee_of(customer.shop, other) == invitee
    assert await customer.shop.bookings.bookings(booked) == ()
    assert await meetings.attach(other, 'https://api.calendly.com/nothing', actor=ACTOR) is Result.NO_BOOKING


async def test_a_detached_booking_stays_detached_whatever_its_key_says(
    customer: Customer, booked: Order
) -> None:
    """It is listed as unmatched, and the order may book another time; its end closes the row."""
    shop, meetings = customer.shop, customer.shop.actions.meetings
    invitee = await invitee_of(shop, booked)
    assert await meetings.detach(booked, invitee, actor=ACTOR) is Result.DETACHED
    assert await meetings.detach(booked, invitee, actor=ACTOR) is Result.NO_BOOKING
    await shop.bookings.look_up(booked)
    assert await shop.bookings.bookings(booked) == ()
    assert [row.reason for row in await shop.ledger.unmatched.list_open()] == [UnmatchedReason.DETACHED]
    assert (await customer.order_of(booked.session_id or '')).calendar_url is None
    await act(customer.sandbox, 'cancel', invitee=invitee, by='host')
    await shop.bookings.look_up(booked)
    assert await shop.ledger.unmatched.list_open() == ()
    assert await shop.bookings.bookings(booked) == ()


async def test_an_unmatched_booking_is_marked_as_handled(customer: Customer, paid: Order) -> None:
    """The journal of the admin has the note."""
    meetings, invitee = customer.shop.actions.meetings, await book_without_key(customer)
    reason = UnmatchedReason.NO_KEY
    assert await meetings.mark_handled(invitee, reason, note='a friend', actor=ACTOR) is Result.HANDLED
    assert await customer.shop.ledger.unmatched.list_open() == ()
    (line,) = await customer.shop.ledger.admin_journal.newest(limit=5)
    assert (line.actor, line.line.endswith('(no key) handled: a friend')) == (ACTOR, True)
    assert await meetings.mark_handled('nothing', reason, note='', actor=ACTOR) is Result.NO_BOOKING


async def test_the_operator_decides_whether_it_is_a_duplicate(customer: Customer, paid: Order) -> None:
    """What he has decided is not looked for again."""
    orders = customer.shop.actions.orders
    second = await fulfilled(customer, await customer_buys_again(customer))
    assert second.duplicate_of == paid.reference
    for _ in range(2):
        assert await orders.mark_duplicate(second, '', actor=ACTOR) is Result.NO_DUPLICATE
    await act(customer.sandbox, 'refund', session=second.session_id, amount=100)
    seen = await fulfilled(customer, second)
    assert (seen.state, seen.duplicate_of) == (State.PARTLY_REFUNDED, '')
    for _ in range(2):
        assert await orders.mark_duplicate(second, paid.reference, actor=ACTOR) is Result.DUPLICATE
    assert (await customer.order_of(second.session_id or '')).duplicate_of == paid.reference
    assert len(await lines_of(customer.shop, second)) == 2
    for wrong in (second.reference, 'ZZZZ-ZZZZ'):
        assert await orders.mark_duplicate(second, wrong, actor=ACTOR) is Result.NO_ORIGINAL
    assert await orders.mark_duplicate(paid, second.reference, actor=ACTOR) is Result.NO_ORIGINAL


async def customer_buys_again(customer: Customer) -> Order:
    """Pay once more, on purpose."""
    session = await customer.start(again=True)
    await asyncio.to_thread(customer.sandbox.pay, session)
    return await customer.order_of(session)


async def test_a_note_is_one_line_in_the_journal(customer: Customer, paid: Order) -> None:
    """A double click writes it once; an empty one is refused."""
    orders = customer.shop.actions.orders
    await asyncio.gather(*(orders.note(paid, 'called,\n\x00no answer', actor=ACTOR) for _ in range(3)))
    assert await lines_of(customer.shop, paid) == ['note: called, no answer']
    assert await orders.note(paid, ' \n', actor=ACTOR) is Result.NO_NOTE


async def test_a_mail_that_failed_is_sent_after_all(customer: Customer, paid: Order) -> None:
    """The server had refused the address for good; one that was sent is not sent again."""
    shop, orders = customer.shop, customer.shop.actions.orders
    customer.sandbox.fault('mail *', 'fail', status=550)
    await send_all(shop)
    mail = next(row for row in await rows_of(shop) if row.kind == MailKind.PAID)
    assert mail.state == MailState.REFUSED
    assert await orders.retry_mail(paid, mail.id, actor=ACTOR) is Result.RETRIED
    await send_all(shop)
    assert next(row.state for row in await rows_of(shop) if row.id == mail.id) == MailState.SENT
    assert await orders.retry_mail(paid, mail.id, actor=ACTOR) is Result.NOTHING_TO_RETRY
    assert await lines_of(shop, paid) == ['mail "paid": tried again']


async def test_a_delivery_that_failed_is_due_at_once(customer: Customer, paid: Order) -> None:
    """The next round of the reconciler processes it."""
    shop = customer.shop
    delivery = Delivery(Source.STRIPE, 'evt_1', 'charge.refunded', paid.facts.payment_id)
    assert not await shop.ledger.deliveries.record(delivery)
    await shop.ledger.deliveries.keep_error(delivery, 'payment_busy')
    assert await shop.ledger.deliveries.claim(limit=5) == ()
    retry = shop.actions.orders.retry_delivery
    assert await retry(Source.STRIPE, 'evt_1', actor=ACTOR) is Result.RETRIED
    assert await retry(Source.STRIPE, 'evt_2', actor=ACTOR) is Result.NOTHING_TO_RETRY
    assert await shop.ledger.deliveries.claim(limit=5) == (delivery,)


async def test_evidence_has_everything_a_dispute_asks_for(customer: Customer, booked: Order) -> None:
    """What was bought, the terms, the payment, the visits, the mails, the booking and the refunds."""
    await send_all(customer.shop)
    evidence = await customer.shop.actions.evidence.collect(booked)
    texts = {section.title: section.text for section in evidence.sections}
    assert list(texts) == [
        *('What was bought', 'Terms', 'Payment', 'Visits of our pages', 'Bookings', 'E-mails'),
        *('Refunds', 'Journal'),
    ]
    assert booked.facts.payment_id in texts['Payment']
    assert 'calendar link made' in texts['Visits of our pages']
    assert 'to pat@example.com: sent' in texts['E-mails']
    assert customer.shop.site.refunds.sections[0].text in texts['Terms']
    (booking,) = await customer.shop.bookings.bookings(booked)
    assert evidence.fields['service_date'] == f'{booking.start:%Y-%m-%d}'
    assert evidence.fields['customer_name'] == 'Pat Payer'
    assert json.loads(evidence.as_json())['stripe'] == evidence.fields


def test_evidence_keeps_within_the_limits_of_stripe() -> None:
    """Each text and all together; nothing is sent for what is not known."""
    long = dict.fromkeys('abcdefghi', 'x' * 30000)
    kept = within_limits({'customer_name': 'n' * 6_000, 'customer_purchase_ip': ' ', **long})
    assert 'customer_purchase_ip' not in kept
    assert (len(kept['customer_name']), len(kept['a'])) == (5_000, 20_000)
    assert sum(map(len, kept.values())) == 150_000
    assert kept['a'].endswith('[shortened]')


async def test_evidence_is_drafted_and_not_submitted(customer: Customer, paid: Order) -> None:
    """A repeated form drafts once; the operator submits in the Dashboard."""
    shop, evidence = customer.shop, customer.shop.actions.evidence
    assert await evidence.request_draft(paid, form=FORM, actor=ACTOR) is Result.NO_DISPUTE
    await act(customer.sandbox, 'dispute', session=paid.session_id)
    disputed = await fulfilled(customer, paid)
    for _ in range(2):
        assert await evidence.request_draft(disputed, form=FORM, actor=ACTOR) is Result.EVIDENCE_BEGUN
    await carry_out(shop)
    (dispute,) = customer.sandbox.state()['disputes']
    assert dispute['evidence']['customer_name'] == 'Pat Payer'
    assert (dispute['status'], dispute['evidence_details']['has_evidence']) == ('needs_response', True)
    assert len(customer.sandbox.requests('POST /v1/disputes')) == 1
    assert (await lines_of(shop, paid))[-1].startswith(f'evidence drafted in {dispute["id"]}, not submitted')


async def test_a_draft_that_stripe_refuses_needs_a_hand(
    customer: Customer, paid: Order, clock: Clock
) -> None:
    """While Stripe is silent it is tried again; a dispute that is over takes nothing."""
    shop, evidence = customer.shop, customer.shop.actions.evidence
    await act(customer.sandbox, 'dispute', session=paid.session_id)
    disputed = await fulfilled(customer, paid)
    await evidence.request_draft(disputed, form=FORM, actor=ACTOR)
    customer.sandbox.fault('POST /v1/disputes/*', 'fail', status=500)
    await carry_out(shop, clock)
    await act(customer.sandbox, 'dispute', session=paid.session_id, status='won')
    await carry_out(shop, clock)
    effect = await shop.ledger.effects.find(EffectKind.DRAFT_EVIDENCE, FORM)
    assert effect is not None
    assert (effect.state, effect.error) == (
        EffectState.REFUSED,
        'the payment has no dispute that can be answered',
    )
    assert 'effect' in await alerts_of(shop)
