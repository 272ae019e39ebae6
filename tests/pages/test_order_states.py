"""The words of an order's page, state by state, from canned facts."""

import re
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from services.orders import WAITING_STATES, Booking, BookingState, CalendarGate, Facts, State
from services.site import load
from tests.factories import NOON, PAID, a_booking, an_order
from tests.pages.customer import words
from tests.processes import ROOT
from ui.components.meetings import zone_of
from ui.pages.order_states import OrderData, View, view

SITE = load(ROOT / 'site.toml')
PAID_BY_PAT = replace(PAID, email='<pat>@example.com')
FACTS = {
    State.OPEN: Facts(),
    State.PROCESSING: replace(PAID_BY_PAT, payment_status='unpaid'),
    State.PAID: PAID_BY_PAT,
    State.EXPIRED: Facts(session_status='expired'),
    State.FAILED: replace(PAID_BY_PAT, payment_status='unpaid', payment_failed=True),
    State.PARTLY_REFUNDED: replace(PAID_BY_PAT, amount_refunded=5000),
    State.REFUNDED: replace(PAID_BY_PAT, amount_refunded=15000),
    State.DISPUTED: replace(PAID_BY_PAT, dispute_status='needs_response'),
    State.LOST: replace(PAID_BY_PAT, dispute_status='lost'),
    State.MISMATCH: replace(PAID_BY_PAT, mismatch='amount'),
}
BOOKING = a_booking(
    start=NOON + timedelta(days=2), end=NOON + timedelta(days=2, hours=1), timezone='America/Denver'
)


def seen(state: State, *bookings: Booking, gate: CalendarGate = CalendarGate.OPEN) -> OrderData:
    """An order in a state, with its meetings."""
    order = an_order(reference='K7QM-2XPA', facts=FACTS[state])
    assert order.state is state
    return OrderData(order, bookings, gate, NOON)


def drawn(state: State, *bookings: Booking, gate: CalendarGate = CalendarGate.OPEN) -> View:
    """What the page shows of it."""
    return view(seen(state, *bookings, gate=gate), SITE)


@pytest.mark.parametrize('state', list(State))
def test_every_state_has_one_heading_and_no_foreign_markup(state: State) -> None:
    """Each state begins with exactly one heading, and what Stripe told is escaped."""
    shown = drawn(state, BOOKING)
    assert shown.state.startswith('<h1')
    assert shown.state.count('<h1') == 1
    assert '<pat>' not in shown.state + shown.receipt


@pytest.mark.parametrize('state', list(State))
def test_the_calendar_belongs_to_verified_orders_only(state: State) -> None:
    """The calendar is wanted for a paid order that is neither booked nor closed, and for no other."""
    earned = state in (State.PAID, State.PARTLY_REFUNDED, State.DISPUTED)
    assert drawn(state).shows_calendar is earned
    assert not drawn(state, BOOKING).shows_calendar
    assert not drawn(state, gate=CalendarGate.ENVIRONMENT).shows_calendar


@pytest.mark.parametrize('state', list(State))
def test_nobody_who_may_have_paid_reads_that_he_was_not_charged(state: State) -> None:
    """Only where Stripe says that nothing was paid does the page say so."""
    says_so = 'not charged' in words(drawn(state).state)
    assert says_so is (state in (State.EXPIRED, State.FAILED))


@pytest.mark.parametrize('state', list(State))
def test_waiting_states_wait(state: State) -> None:
    """The page keeps asking exactly in the states that can still become paid by themselves."""
    assert drawn(state).waits is (state in WAITING_STATES)


def test_a_paid_mismatch_promises_a_letter() -> None:
    """A payment that does not match is never lost sight of, and never to be repeated."""
    said = words(drawn(State.MISMATCH).state)
    assert said.startswith('We have your payment and will write to you')
    assert 'Do not pay again.' in said
    assert 'K7QM-2XPA' in said


def test_a_slow_mismatch_is_not_called_paid() -> None:
    """A mismatch whose money has not arrived does not claim to have it."""
    slow = seen(State.MISMATCH)
    unpaid = replace(slow.order, facts=replace(slow.order.facts, payment_status='unpaid'))
    assert 'We have your payment' not in view(replace(slow, order=unpaid), SITE).state


@pytest.mark.parametrize(
    ('gate', 'sentence'),
    [(CalendarGate.ENVIRONMENT, 'another set-up'), (CalendarGate.TEST, 'being tested')],
)
def test_a_closed_calendar_says_why(gate: CalendarGate, sentence: str) -> None:
    """A paid order without calendar says why in plain words."""
    assert sentence in words(drawn(State.PAID, gate=gate).state)


def test_meetings_are_told_apart() -> None:
    """Coming, past and canceled meetings have their own titles; only a coming one has what to bring."""
    past = replace(BOOKING, invitee_id='old', start=NOON - timedelta(days=1), end=NOON - timedelta(hours=23))
    canceled = replace(BOOKING, invitee_id='gone', state=BookingState.CANCELED)
    said = words(drawn(State.PAID, past, canceled, BOOKING).state)
    for title in (
        'This session is over',
        'This session was canceled',
        'Your session Wednesday, November 25, 2026',
    ):
        assert title in said
    assert '5:00 AM to 6:00 AM Mountain Standard Time' in said
    assert SITE.order.bring_title in said
    assert SITE.order.bring_title not in words(drawn(State.PAID, past).state)


def test_a_moved_meeting_is_not_called_canceled() -> None:
    """Another meeting took its place, and that is what is said."""
    old = replace(BOOKING, invitee_id='old', state=BookingState.CANCELED)
    said = words(drawn(State.PAID, old, replace(BOOKING, replaces='old')).state)
    assert 'This session was moved' in said
    assert 'canceled' not in said


@pytest.mark.parametrize('state', [State.REFUNDED, State.LOST])
def test_a_meeting_whose_money_went_back_can_only_be_cancelled(state: State) -> None:
    """It is shown with words about itself, without the way to it, and not as one that was paid."""
    meeting, elsewhere, cancel = (f'https://{name}.example' for name in ('meet', 'move', 'cancel'))
    booking = replace(BOOKING, place=meeting, reschedule_url=elsewhere, cancel_url=cancel)
    markup = drawn(state, booking).state
    assert 'A session is still booked with it.' in words(markup)
    assert 'Wednesday, November 25, 2026' in words(markup)
    assert re.findall(r'href="(https://[^"]+)"', markup) == [cancel]
    assert 'session.ics' not in markup
    assert SITE.order.bring_title not in words(markup)
    assert 'still booked' not in words(drawn(state).state)


def test_a_shop_that_is_not_told_of_changes_says_so() -> None:
    """A meeting found once may have been moved since; one whose changes we hear of is as it is shown."""
    notified = seen(State.PAID, BOOKING)
    sentence = 'If you moved or cancelled it since'
    assert sentence not in words(view(notified, SITE).state)
    assert sentence in words(view(replace(notified, notified=False), SITE).state)


def test_a_dispute_leaves_an_earlier_refund_in_sight() -> None:
    """What went back is said although the bank is asking now."""
    both = replace(seen(State.DISPUTED).order, facts=replace(FACTS[State.DISPUTED], amount_refunded=5000))
    assert '$50 of it was refunded.' in words(view(OrderData(both, (), CalendarGate.OPEN, NOON), SITE).state)


@pytest.mark.parametrize('name', ['', 'Mars/Olympus', '../etc/passwd', 'America'])
def test_an_unknown_zone_is_utc(name: str) -> None:
    """A time zone that we do not know does not break the page."""
    assert zone_of(replace(BOOKING, timezone=name)) is UTC


@pytest.mark.parametrize('address', ['javascript:alert(1)', 'data:text/html,x', '//evil.example'])
def test_only_web_addresses_become_links(address: str) -> None:
    """What Calendly told becomes a link only when it is a web address."""
    odd = replace(BOOKING, place=address, reschedule_url=address, cancel_url=address)
    assert f'href="{address}' not in drawn(State.PAID, odd).state
