"""Calendar addresses survive every name, and only what Calendly signed in time is believed."""

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import BadRequest
from services.orders import Canceler, Facts, plain_text
from services.scheduling import Scheduling, signed_update
from tests.factories import an_order

KEY = 'signing-key'
ZOOM = 'https://zoom.example/1'
NOW = 1_800_000_000


def a_calendar(link: str = 'https://calendly.com/coach/session') -> Scheduling:
    """Calendly without a token."""
    return Scheduling(link, token='', api_base='', domain='https://coach.example', hosts=frozenset())


def a_delivery(**changes: Any) -> bytes:
    """The body of a delivery in Calendly's flat v2 shape."""
    payload = {
        'uri': 'https://api.calendly.com/scheduled_events/E/invitees/I',
        'email': 'vet@example.com',
        'name': 'Vet',
        'status': 'active',
        'timezone': 'America/Chicago',
        'scheduled_event': {
            'start_time': '2026-12-01T15:00:00.000000Z',
            'end_time': '2026-12-01T16:00:00.000000Z',
            'location': {'type': 'zoom', 'join_url': 'https://zoom.example/1'},
        },
        'tracking': {'utm_content': 'key'},
        'old_invitee': None,
        'cancel_url': 'https://calendly.com/cancellations/I',
        'reschedule_url': 'javascript:alert(1)',
    }
    event = {'event': 'invitee.created', 'created_at': '2026-11-23T12:00:00Z', 'payload': payload | changes}
    return json.dumps(event).encode()


def signature(body: bytes, *, at: int = NOW, key: str = KEY) -> str:
    """The header that Calendly would send with it."""
    mac = hmac.new(key.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()
    return f't={at},v1={mac}'


CALENDAR = a_calendar()


@given(name=st.text(max_size=60), email=st.emails())
def test_the_frame_is_prefilled_exactly(name: str, email: str) -> None:
    """Every name and e-mail arrives as it was typed, but for what nobody can type."""
    facts = Facts(name=plain_text(name), email=email)
    address = urlsplit(CALENDAR.url_for(an_order(facts=facts)))
    told = parse_qs(address.query, keep_blank_values=True)
    assert told.get('name', ['']) == [facts.name]
    assert told['email'] == [email]
    assert told['utm_content'] == ['key']
    assert (told['embed_type'], told['embed_domain']) == (['Inline'], ['coach.example'])
    assert address.fragment == ''


def test_what_the_link_already_says_is_kept() -> None:
    """Parameters of the operator's own link stay, ours win over the same names."""
    address = a_calendar('https://calendly.com/coach/session?month=2026-12&utm_content=x').url_for(an_order())
    told = parse_qs(urlsplit(address).query)
    assert told['month'] == ['2026-12']
    assert told['utm_content'] == ['key']


def test_a_signed_delivery_becomes_a_meeting() -> None:
    """Time, zone, place and links are taken over; a link that is no web address is dropped."""
    body = a_delivery()
    _, kind, meeting = signed_update(body, signature(body), KEY, now=lambda: NOW)
    booking = meeting.booking
    assert (kind, meeting.booking_key, booking.state) == ('invitee.created', 'key', 'active')
    assert booking.start.isoformat() == '2026-12-01T15:00:00+00:00'
    assert booking.place == 'https://zoom.example/1'
    assert (booking.cancel_url, booking.reschedule_url) == ('https://calendly.com/cancellations/I', '')


@pytest.mark.parametrize(
    ('location', 'place', 'follows'),
    [
        ({'type': 'zoom', 'status': 'pushed', 'join_url': ZOOM}, ZOOM, False),
        ({'type': 'zoom', 'status': 'initiated'}, '', True),
        ({'type': 'google_conference', 'status': 'processing'}, '', True),
        ({'type': 'microsoft_teams_conference', 'status': 'failed'}, '', True),
        ({'type': 'webex_conference', 'status': None, 'join_url': None}, '', True),
        ({'type': 'gotomeeting', 'status': 'processing'}, '', True),
        ({'type': 'outbound_call', 'location': '+1 202 555 0143'}, '+1 202 555 0143', False),
        ({'type': 'physical', 'location': '1 Main Street'}, '1 Main Street', False),
        ({'type': 'custom', 'location': 'At the lake'}, 'At the lake', False),
        (None, '', False),
    ],
)  # fmt: skip
def test_where_a_meeting_takes_place(location: Any, place: str, follows: bool) -> None:
    """An online meeting has a link only once Calendly has pushed it; the other kinds never get one."""
    event = {'start_time': '2026-12-01T15:00:00Z', 'end_time': '2026-12-01T16:00:00Z', 'location': location}
    body = a_delivery(scheduled_event=event)
    booking = signed_update(body, signature(body), KEY, now=lambda: NOW)[2].booking
    assert (booking.place, booking.link_follows) == (place, follows)


@pytest.mark.parametrize(
    ('canceler', 'expected'),
    [
        ('host', Canceler.HOST),
        ('invitee', Canceler.INVITEE),
        ('robot', Canceler.UNKNOWN),
        (None, Canceler.UNKNOWN),
    ],
)
def test_who_canceled_and_why(canceler: Any, expected: Canceler) -> None:
    """Both are read off the cancellation; control characters of the note are dropped."""
    cancellation = {'canceled_by': 'Sam', 'reason': 'I am ill\x00', 'canceler_type': canceler}
    body = a_delivery(status='canceled', cancellation=cancellation)
    booking = signed_update(body, signature(body), KEY, now=lambda: NOW)[2].booking
    assert (booking.canceled_by, booking.cancel_reason) == (expected, 'I am ill')


@pytest.mark.parametrize('tracking', [None, {}, {'utm_content': None}])
def test_an_empty_tracking_is_no_key(tracking: Any) -> None:
    """A rescheduled meeting may come without tracking; its key is then empty."""
    body = a_delivery(tracking=tracking)
    assert signed_update(body, signature(body), KEY, now=lambda: NOW)[2].booking_key == ''


@pytest.mark.parametrize(
    'header',
    [
        '',
        't=,v1=',
        f't={NOW},v1=00',
        'v1=é',
        signature(a_delivery(), key='another key'),
        signature(a_delivery(), at=NOW - 181),
        signature(a_delivery(), at=NOW + 181),
        signature(a_delivery(name='Another')),
    ],
)
def test_what_is_not_signed_in_time_is_refused(header: str) -> None:
    """A missing, wrong, old or future-dated signature, or one of another body, opens nothing."""
    with pytest.raises(BadRequest):
        signed_update(a_delivery(), header, KEY, now=lambda: NOW)


def test_one_right_signature_of_several_is_enough() -> None:
    """While a key is changed, Calendly may sign twice."""
    body = a_delivery()
    header = signature(body).replace(',', ',v1=00,')
    assert signed_update(body, header, KEY, now=lambda: NOW)[1] == 'invitee.created'


@pytest.mark.parametrize(
    'body',
    [b'', b'{', b'\xff', b'[]', b'{}', b'null', a_delivery(scheduled_event=[]), a_delivery(uri=None)[:-1]],
)
def test_signed_nonsense_is_refused_in_words(body: bytes) -> None:
    """A body that is no invitee is a bad request, not a crash."""
    with pytest.raises(BadRequest):
        signed_update(body, signature(body), KEY, now=lambda: NOW)


def test_an_order_without_name_prefills_nothing() -> None:
    """What is not known is left out of the address."""
    told = parse_qs(urlsplit(a_calendar().url_for(replace(an_order(), facts=Facts()))).query)
    assert 'name' not in told
    assert 'email' not in told
