"""What the page of an order says in each state, from given facts."""

import re
from dataclasses import replace
from typing import Any

import pytest

from services.orders import WAITING_STATES, Booking, CalendarGate, State
from tests.factories import NOON, SHOP
from tests.pages.customer import words
from tests.pages.order_views import BOOKING, CANCELED, FACTS, MOVED, OVER, SITE, heading, order_data, view_of
from ui.pages.order_states import OrderData, view


@pytest.mark.parametrize('state', list(State))
def test_every_state_has_one_heading_and_no_foreign_markup(state: State) -> None:
    """Each state begins with exactly one heading, and text from Stripe is escaped."""
    shown = view_of(state, BOOKING)
    assert shown.state.startswith('<h1')
    assert shown.state.count('<h1') == 1
    assert '<pat>' not in shown.state + shown.receipt


@pytest.mark.parametrize('state', list(State))
def test_the_calendar_belongs_to_verified_orders_only(state: State) -> None:
    """Only a paid order that is neither booked nor closed shows the calendar."""
    opens = state in (State.PAID, State.PARTLY_REFUNDED, State.DISPUTED)
    assert view_of(state).shows_calendar is opens
    assert not view_of(state, BOOKING).shows_calendar
    assert not view_of(state, gate=CalendarGate.ENVIRONMENT).shows_calendar


@pytest.mark.parametrize('state', list(State))
def test_not_charged_is_said_only_when_it_is_certain(state: State) -> None:
    """The page says "not charged" only where Stripe says that nothing was paid."""
    says_so = 'not charged' in words(view_of(state).state)
    assert says_so is (state in (State.EXPIRED, State.FAILED))


@pytest.mark.parametrize('state', list(State))
def test_waiting_states_wait(state: State) -> None:
    """The page waits in exactly the states that can still become paid."""
    assert view_of(state).waits is (state in WAITING_STATES)


def test_a_paid_mismatch_promises_a_message() -> None:
    """A paid mismatch says that we will write, not to pay again, and names the reference."""
    text = words(view_of(State.MISMATCH).state)
    assert text.startswith('We have your payment and will write to you')
    assert 'Do not pay again.' in text
    assert 'K7QM-2XPA' in text


def test_a_slow_mismatch_is_not_called_paid() -> None:
    """A mismatch that is not paid yet does not claim to be."""
    slow = order_data(State.MISMATCH)
    unpaid = replace(slow.order, facts=replace(slow.order.facts, payment_status='unpaid'))
    assert 'We have your payment' not in view(replace(slow, order=unpaid), SITE).state


@pytest.mark.parametrize(
    ('gate', 'sentence'),
    [(CalendarGate.ENVIRONMENT, 'another set-up'), (CalendarGate.TEST, 'being tested')],
)
def test_a_closed_calendar_says_why(gate: CalendarGate, sentence: str) -> None:
    """A paid order without a calendar says why."""
    assert sentence in words(view_of(State.PAID, gate=gate).state)


def test_a_second_payment_is_named_to_its_customer() -> None:
    """It names the other order and the contact; the calendar follows the gate; a refund ends it."""
    data = order_data(State.PAID)
    second = replace(data, order=replace(data.order, duplicate_of='ABCD-2345'))
    shown = view(second, SITE)
    for part in ('It looks as if you paid twice: order ABCD-2345', 'We will refund one', '(202) 555-0143'):
        assert part in words(shown.state), part
    assert shown.shows_calendar
    closed = view(replace(second, gate=CalendarGate.DUPLICATE), SITE)
    assert 'until we know that you want two sessions' in words(closed.state)
    assert not closed.shows_calendar
    refunded = replace(data.order, duplicate_of='ABCD-2345', facts=FACTS[State.REFUNDED])
    assert 'paid twice' not in view(replace(data, order=refunded), SITE).state


def test_the_address_can_be_corrected_once_the_order_is_completed() -> None:
    """Not before, not after it failed, not where another set-up of the site sells."""
    for state in State:
        data = order_data(state)
        assert not view(data, SITE).corrects_email
        completed = replace(data, order=replace(data.order, completed_at=NOON))
        assert view(completed, SITE).corrects_email is (state not in (State.EXPIRED, State.FAILED))
        assert not view(replace(completed, gate=CalendarGate.ENVIRONMENT), SITE).corrects_email


def test_a_corrected_address_is_beside_the_one_that_paid() -> None:
    """The receipt keeps who paid, and says where mail goes."""
    data = order_data(State.PAID)
    shown = view(replace(data, order=replace(data.order, contact_email='pat@example.com')), SITE)
    assert 'Paid by <pat>@example.com' in words(shown.receipt)
    assert 'E-mail pat@example.com' in words(shown.receipt)


def test_the_page_says_what_its_link_is_good_for() -> None:
    """Whoever has the link can change the session while the payment stands, and not after a refund."""
    standing, refunded = (words(view_of(state, BOOKING).receipt) for state in (State.PAID, State.REFUNDED))
    assert 'can see your order and change your session.' in standing
    assert 'can see your order.' in refunded


def test_a_shop_that_is_not_notified_says_so() -> None:
    """Without notifications a meeting may have been moved since; with them the page is up to date."""
    data = order_data(State.PAID, BOOKING)
    sentence = 'If you moved or canceled it since'
    assert sentence not in words(view(data, SITE).state)
    assert sentence in words(view(replace(data, notified=False), SITE).state)


def test_a_dispute_still_shows_an_earlier_refund() -> None:
    """The refunded amount is shown during a dispute as well."""
    both = replace(
        order_data(State.DISPUTED).order, facts=replace(FACTS[State.DISPUTED], amount_refunded=5000)
    )
    shown = view(OrderData(both, (), CalendarGate.OPEN, NOON, domain=SHOP), SITE)
    assert '$50 of it was refunded.' in words(shown.state)


SUCCESS = '✓ Payment Successful!'


@pytest.mark.parametrize(
    ('state', 'bookings', 'first'),
    [
        (State.PAID, (), SUCCESS),
        (State.PAID, (BOOKING,), '✓ You are booked'),
        (State.PAID, MOVED, '✓ Your session was moved'),
        (State.PAID, (OVER,), 'Your session is over'),
        (State.PAID, (CANCELED,), 'Your session was canceled'),
        (State.PARTLY_REFUNDED, (), 'A part of your payment was refunded'),
        (State.PARTLY_REFUNDED, (BOOKING,), '✓ You are booked'),
        (State.DISPUTED, (), 'Your payment is being looked into'),
        (State.DISPUTED, (BOOKING,), '✓ You are booked'),
        (State.REFUNDED, (BOOKING,), 'This order was refunded'),
        (State.LOST, (BOOKING,), 'The payment was taken back'),
    ],
)
def test_the_heading_says_how_the_order_stands(
    state: State, bookings: tuple[Booking, ...], first: str
) -> None:
    """The heading names the meeting, else what became of the payment."""
    assert heading(view_of(state, *bookings)) == first


def test_nothing_untrue_is_said_of_the_receipt() -> None:
    """It is linked once Stripe has one, and called e-mailed only when Stripe has numbered it."""
    data = order_data(State.PAID)

    def shown(**facts: Any) -> str:
        order = replace(data.order, facts=replace(data.order.facts, **facts))
        whole = view(replace(data, order=order), SITE)
        return whole.state + whole.receipt

    assert 'receipt goes' not in shown()
    assert 'Open the receipt' not in shown()
    linked = shown(receipt_url='https://pay.stripe.com/receipts/x')
    assert 'href="https://pay.stripe.com/receipts/x"' in linked
    assert 'e-mailed' not in linked
    assert 'Receipt e-mailed number 1234-5678' in words(shown(receipt_number='1234-5678'))
    assert 'invoice' not in linked
    with_invoice = shown(invoice_url='https://invoice.stripe.com/i/1')
    assert f'href="/order/{data.order.token}/invoice"' in with_invoice
    assert 'invoice.stripe.com' not in with_invoice


def test_days_are_those_of_the_customer() -> None:
    """The day of the payment is written in the zone of the meeting, else of the shop, and names no UTC."""
    data = order_data(State.PAID)
    late = replace(data, order=replace(data.order, completed_at=NOON.replace(hour=2)))
    assert 'On November 22, 2026 ' in words(view(late, SITE).receipt)
    tokyo = replace(late, bookings=(replace(BOOKING, timezone='Asia/Tokyo'),))
    assert 'On November 23, 2026 ' in words(view(tokyo, SITE).receipt)
    assert 'UTC' not in view(tokyo, SITE).receipt


@pytest.mark.parametrize('state', list(State))
def test_the_page_says_how_to_keep_it(state: State) -> None:
    """Its link stands there, to copy and to send, except where there is nothing to come back for."""
    shown = view_of(state).receipt
    kept = state not in (State.EXPIRED, State.FAILED)
    assert (f'<a href="{SHOP}/order/token">{SHOP}/order/token</a>' in shown) is kept
    assert (f'body={SHOP}/order/token%0A'.replace(':', '%3A') in shown) is kept


def test_words_for_a_payment_under_review() -> None:
    """It accuses nobody, asks for nothing, and shows a meeting that is booked."""
    text = words(view_of(State.UNDER_REVIEW, BOOKING).state)
    assert text.startswith('Thank you, we have your payment It is being checked by the payment service')
    assert 'You do not have to do anything: this page changes by itself.' in text
    assert 'Wednesday, November 25' in text
    assert not re.search('fraud|risk|suspicious', text)


def test_words_for_a_customer_who_still_has_to_pay() -> None:
    """What is missing, until when in the zone of the shop, and Stripe's page with the instructions."""
    markup = view_of(State.AWAITING_CUSTOMER).state
    text = words(markup)
    assert text.startswith('You still have to pay With your way of paying, you send $150 yourself.')
    assert 'It must arrive by Monday, November 23, 2026, 7:00 AM Eastern Standard Time.' in text
    assert 'href="https://payments.stripe.com/voucher/1"' in markup
    assert 'You do not have to do anything.' not in text


def test_payment_instructions_may_be_unknown() -> None:
    """Neither a link nor a deadline is made up."""
    data = order_data(State.AWAITING_CUSTOMER)
    facts = replace(data.order.facts, voucher_url='', voucher_expires_at=None)
    markup = view(replace(data, order=replace(data.order, facts=facts)), SITE).state
    assert 'See how to pay' not in markup
    assert 'must arrive' not in markup


def test_a_part_that_the_bank_took_back() -> None:
    """A lost dispute over a part is not called a refund."""
    data = order_data(State.PAID)
    lost = replace(data, order=replace(data.order, facts=replace(data.order.facts, amount_lost=3000)))
    shown = view(lost, SITE)
    assert heading(shown) == 'A part of your payment was taken back'
    assert 'The bank took $30 of it back.' in words(shown.state)
    assert 'refunded' not in shown.state
