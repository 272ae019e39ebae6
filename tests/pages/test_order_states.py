"""What the page of an order says in each state, from given facts."""

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
    State.DISPUTED: replace(PAID_BY_PAT, amount_disputed=15000),
    State.LOST: replace(PAID_BY_PAT, amount_lost=15000),
    State.MISMATCH: replace(PAID_BY_PAT, mismatch='amount'),
}
BOOKING = a_booking(
    start=NOON + timedelta(days=2), end=NOON + timedelta(days=2, hours=1), timezone='America/Denver'
)


def order_data(state: State, *bookings: Booking, gate: CalendarGate = CalendarGate.OPEN) -> OrderData:
    """An order in a state, with its meetings."""
    order = an_order(reference='K7QM-2XPA', facts=FACTS[state])
    assert order.state is state
    return OrderData(order, bookings, gate, NOON)


def view_of(state: State, *bookings: Booking, gate: CalendarGate = CalendarGate.OPEN) -> View:
    """What the page shows of it."""
    return view(order_data(state, *bookings, gate=gate), SITE)


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


def test_meetings_have_titles() -> None:
    """Coming, past and canceled meetings have their own titles; only a coming one has what to bring."""
    past = replace(BOOKING, invitee_id='old', start=NOON - timedelta(days=1), end=NOON - timedelta(hours=23))
    canceled = replace(BOOKING, invitee_id='gone', state=BookingState.CANCELED)
    text = words(view_of(State.PAID, past, canceled, BOOKING).state)
    for title in (
        'This session is over',
        'This session was canceled',
        'Your session Wednesday, November 25, 2026',
    ):
        assert title in text
    assert '5:00 AM to 6:00 AM Mountain Standard Time' in text
    assert SITE.order.bring_title in text
    assert SITE.order.bring_title not in words(view_of(State.PAID, past).state)


def test_a_moved_meeting_is_not_called_canceled() -> None:
    """Another meeting took its place, and the page says so."""
    old = replace(BOOKING, invitee_id='old', state=BookingState.CANCELED)
    text = words(view_of(State.PAID, old, replace(BOOKING, replaces='old')).state)
    assert 'This session was moved' in text
    assert 'canceled' not in text


@pytest.mark.parametrize('state', [State.REFUNDED, State.LOST])
def test_a_refunded_meeting_can_only_be_cancelled(state: State) -> None:
    """It is shown with a sentence and the link to cancel, without place and without what to bring."""
    meeting, elsewhere, cancel = (f'https://{name}.example' for name in ('meet', 'move', 'cancel'))
    booking = replace(BOOKING, place=meeting, reschedule_url=elsewhere, cancel_url=cancel)
    markup = view_of(state, booking).state
    assert 'A session is still booked with it.' in words(markup)
    assert 'Wednesday, November 25, 2026' in words(markup)
    assert re.findall(r'href="(https://[^"]+)"', markup) == [cancel]
    assert 'session.ics' not in markup
    assert SITE.order.bring_title not in words(markup)
    assert 'still booked' not in words(view_of(state).state)


def test_a_shop_that_is_not_notified_says_so() -> None:
    """Without notifications a meeting may have been moved since; with them the page is up to date."""
    data = order_data(State.PAID, BOOKING)
    sentence = 'If you moved or cancelled it since'
    assert sentence not in words(view(data, SITE).state)
    assert sentence in words(view(replace(data, notified=False), SITE).state)


def test_a_dispute_still_shows_an_earlier_refund() -> None:
    """The refunded amount is shown during a dispute as well."""
    both = replace(
        order_data(State.DISPUTED).order, facts=replace(FACTS[State.DISPUTED], amount_refunded=5000)
    )
    assert '$50 of it was refunded.' in words(view(OrderData(both, (), CalendarGate.OPEN, NOON), SITE).state)


@pytest.mark.parametrize('name', ['', 'Mars/Olympus', '../etc/passwd', 'America'])
def test_an_unknown_zone_is_utc(name: str) -> None:
    """An unknown time zone does not break the page."""
    assert zone_of(replace(BOOKING, timezone=name)) is UTC


@pytest.mark.parametrize('address', ['javascript:alert(1)', 'data:text/html,x', '//evil.example'])
def test_only_web_urls_become_links(address: str) -> None:
    """Text from Calendly becomes a link only when it is a web URL."""
    odd = replace(BOOKING, place=address, reschedule_url=address, cancel_url=address)
    assert f'href="{address}' not in view_of(State.PAID, odd).state
