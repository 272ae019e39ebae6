"""What the page of an order says of its meetings, from given bookings."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from services.orders import BookingState, CalendarGate, Canceler, State
from tests.factories import NOON
from tests.pages.customer import words
from tests.pages.order_views import BOOKING, CANCELED, OVER, SITE, view_of
from ui.components.meetings import zone_of


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


def test_the_time_of_the_shop_is_told_where_its_clock_differs() -> None:
    """A customer in Denver reads the time in New York too; one in New York does not."""
    text = words(view_of(State.PAID, BOOKING).state)
    assert f'For {SITE.business.name} that is 7:00 AM to 8:00 AM Eastern Standard Time.' in text
    assert 'that is' not in words(view_of(State.PAID, replace(BOOKING, timezone='America/Detroit')).state)
    past = replace(BOOKING, start=NOON - timedelta(days=1), end=NOON - timedelta(hours=23))
    assert 'that is' not in words(view_of(State.PAID, past).state)


def test_the_day_of_the_shop_is_told_where_it_differs() -> None:
    """It is Thursday in Auckland already."""
    text = words(view_of(State.PAID, replace(BOOKING, timezone='Pacific/Auckland')).state)
    assert 'Thursday, November 26, 2026' in text
    assert 'that is Wednesday, November 25, 2026, 7:00 AM to 8:00 AM Eastern Standard Time.' in text


def test_a_moved_meeting_is_not_called_canceled() -> None:
    """Another meeting took its place, and the page says so."""
    old = replace(BOOKING, invitee_id='old', state=BookingState.CANCELED)
    text = words(view_of(State.PAID, old, replace(BOOKING, replaces='old')).state)
    assert 'This session was moved' in text
    assert 'canceled' not in text


@pytest.mark.parametrize('state', [State.REFUNDED, State.LOST])
def test_a_refunded_meeting_can_only_be_canceled(state: State) -> None:
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


@pytest.mark.parametrize('name', ['', 'Mars/Olympus', '../etc/passwd', 'America'])
def test_an_unknown_zone_is_the_shops(name: str) -> None:
    """A meeting whose time zone is unknown is shown in the zone of the shop."""
    booking = replace(BOOKING, timezone=name)
    assert zone_of(booking, SITE.business.zone) == SITE.business.zone
    assert '7:00 AM to 8:00 AM Eastern Standard Time' in words(view_of(State.PAID, booking).state)


@pytest.mark.parametrize('address', ['javascript:alert(1)', 'data:text/html,x', '//evil.example'])
def test_only_web_urls_become_links(address: str) -> None:
    """Text from Calendly becomes a link only when it is a web URL."""
    odd = replace(BOOKING, place=address, reschedule_url=address, cancel_url=address)
    assert f'href="{address}' not in view_of(State.PAID, odd).state


def test_day_and_time_of_a_booked_session_come_first() -> None:
    """Below the heading stand day and time, then what was paid."""
    text = words(view_of(State.PAID, OVER, BOOKING).state)
    assert text.index('Wednesday, November 25') < text.index('You paid') < text.index('Your order is')
    assert text.index('Wednesday, November 25') < text.index('This session is over')


def test_a_session_that_the_coach_canceled() -> None:
    """The payment counts, the reason is quoted and escaped, and there is somebody to ask."""
    gone = replace(CANCELED, canceled_by=Canceler.HOST, cancel_reason='I am <ill>')
    shown = view_of(State.PAID, gone)
    text = words(shown.state)
    assert f'{SITE.business.name} had to cancel it, with this note: “I am <ill>”.' in text
    assert 'Your payment still counts. Pick another time in the calendar on this page' in text
    assert SITE.contact.phone in text
    assert 'href="/refunds"' in shown.state
    assert shown.shows_calendar
    without = words(view_of(State.PAID, replace(gone, cancel_reason='')).state)
    assert 'had to cancel it. We are sorry for that.' in without


def test_a_session_that_the_customer_canceled() -> None:
    """It is said as such; the note they wrote is not read out to them."""
    gone = replace(CANCELED, canceled_by=Canceler.INVITEE, cancel_reason='No time')
    text = words(view_of(State.PAID, gone).state)
    assert 'You canceled it. Your payment still counts.' in text
    assert 'No time' not in text
    assert 'had to cancel' not in text


def test_who_canceled_may_be_unknown() -> None:
    """Nobody is named, and no calendar is promised where none is shown."""
    text = words(view_of(State.PAID, CANCELED, gate=CalendarGate.ENVIRONMENT).state)
    assert 'Your session was canceled Your payment still counts. To ask' in text
    assert 'in the calendar on this page' not in text


@pytest.mark.parametrize('state', [State.REFUNDED, State.LOST])
def test_the_meeting_of_a_refunded_order_is_struck_out(state: State) -> None:
    """Also one that Calendly still has."""
    assert '<s>Wednesday, November 25, 2026</s>' in view_of(state, BOOKING).state
    assert '<s>' not in view_of(State.PAID, BOOKING).state


def test_to_cancel_is_not_as_loud_as_to_move() -> None:
    """The link to cancel is the last one, and quiet."""
    booking = replace(BOOKING, cancel_url='https://c.example', reschedule_url='https://m.example')
    links = re.findall(r'<a [^>]*?(?: class="(\w+)")?>([^<]+)</a>', view_of(State.PAID, booking).state)
    assert links == [
        ('', 'Add to my calendar'),
        ('', 'Choose another time'),
        ('quiet', 'Cancel the session'),
    ]


def test_a_link_that_follows() -> None:
    """An online meeting without a link says where the link comes from."""
    booking = replace(BOOKING, link_follows=True)
    shown = view_of(State.PAID, booking)
    assert 'Where: Online; the link to join comes by e-mail from Calendly.' in words(shown.state)
    known = view_of(State.PAID, replace(booking, link_follows=False, place='https://meet.example'))
    assert 'Where: Join the meeting' in words(known.state)


@pytest.mark.parametrize(('state', 'expected'), [(State.PAID, True), (State.REFUNDED, False)])
def test_a_meeting_that_is_to_come_may_change(state: State, expected: bool) -> None:
    """While its page is open Calendly is asked about it: not once it is over, canceled or refunded."""
    assert view_of(state, BOOKING).has_meeting is expected
    assert not view_of(state, replace(BOOKING, state=BookingState.CANCELED)).has_meeting
    over = replace(BOOKING, start=NOON - timedelta(hours=2), end=NOON - timedelta(hours=1))
    assert not view_of(state, over).has_meeting
