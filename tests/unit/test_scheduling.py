"""Calendar URLs and Calendly deliveries: what is filled in, and which signatures are accepted."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import BadRequest
from services.orders import BookingState, Canceler, Facts, plain_text
from services.scheduling import BookingUpdate, Scheduling, check_signature, read_id, read_kind, read_update
from services.scheduling.event_type import phone_answer
from services.scheduling.frame_url import frame_url
from tests.factories import an_order

KEY = 'signing-key'
ZOOM = 'https://zoom.example/1'
NOW = 1_800_000_000


def scheduling(link: str = 'https://calendly.com/coach/session') -> Scheduling:
    """Return a client of Calendly without a token."""
    return Scheduling(link, token='', api_base='', domain='https://coach.example', hosts=frozenset())


def delivery_body(**changes: Any) -> bytes:
    """Return the body of a Calendly delivery."""
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


def signed_update(
    body: bytes, header: str, key: str, *, now: Callable[[], float]
) -> tuple[str, str, BookingUpdate]:
    """Return id, kind and content of a delivery that Calendly signed."""
    check_signature(body, header, (key,), now=now)
    return read_id(body), read_kind(body), read_update(body)


def signature(body: bytes, *, at: int = NOW, key: str = KEY) -> str:
    """Return the header with which Calendly signs a body."""
    mac = hmac.new(key.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()
    return f't={at},v1={mac}'


SCHEDULING = scheduling()


@given(name=st.text(max_size=60), email=st.emails())
def test_name_and_email_are_filled_in_exactly(name: str, email: str) -> None:
    """Every name and e-mail is in the URL as the customer typed it, without control characters."""
    facts = Facts(name=plain_text(name), email=email)
    url = urlsplit(SCHEDULING.url_for(an_order(facts=facts)))
    parameters = parse_qs(url.query, keep_blank_values=True)
    assert parameters.get('name', ['']) == [facts.name]
    assert parameters['email'] == [email]
    assert parameters['utm_content'] == ['key']
    assert (parameters['embed_type'], parameters['embed_domain']) == (['Inline'], ['coach.example'])
    assert url.fragment == ''


def test_parameters_of_the_calendly_link_stay() -> None:
    """Parameters of the operator's link stay; ours replace those of the same name."""
    link = 'https://calendly.com/coach/session?month=2026-12&utm_content=x'
    parameters = parse_qs(urlsplit(scheduling(link).url_for(an_order())).query)
    assert parameters['month'] == ['2026-12']
    assert parameters['utm_content'] == ['key']


@pytest.mark.parametrize(
    ('questions', 'parameter'),
    [
        ([], ''),
        ([{'type': 'text', 'position': 0, 'enabled': True}], ''),
        (
            [
                {'type': 'string', 'position': 0, 'enabled': True},
                {'type': 'phone_number', 'position': 1, 'enabled': False},
                {'type': 'phone_number', 'position': 2, 'enabled': True},
            ],
            'a3',
        ),
        ([{'type': 'phone_number', 'position': 10, 'enabled': True}], ''),
        ([{'type': 'phone_number', 'enabled': True}], ''),
    ],
)
def test_the_question_for_a_telephone_number_is_found(questions: list[Any], parameter: str) -> None:
    """A link names the answers a1 to a10 by the position of their question."""
    assert phone_answer({'custom_questions': questions}) == parameter
    assert phone_answer({}) == phone_answer({'custom_questions': None}) == ''


@given(phone=st.text(max_size=40))
def test_every_telephone_number_is_filled_in_exactly(phone: str) -> None:
    """As the customer typed it, without control characters."""
    order = an_order(facts=Facts(phone=plain_text(phone)))
    url = frame_url('https://calendly.com/c/s?a1=x', order, host='h', accent='', phone_answer='a1')
    assert parse_qs(urlsplit(url).query, keep_blank_values=True).get('a1', ['']) == [order.facts.phone]


def test_the_calendar_has_the_colour_of_the_shop() -> None:
    """Calendly wants it without the hash sign; the operator's link keeps a colour where we name none."""
    link = 'https://calendly.com/coach/session?primary_color=112233'
    coloured = Scheduling(
        link,
        token='',
        api_base='',
        domain='https://coach.example',
        hosts=frozenset(),
        accent=lambda: '#0b5d3b',
    )
    for client, colour in ((coloured, '0b5d3b'), (scheduling(link), '112233')):
        assert parse_qs(urlsplit(client.url_for(an_order())).query)['primary_color'] == [colour]


def test_a_signed_delivery_becomes_a_booking_update() -> None:
    """It has the times, the place and the links; a link that is no web URL is dropped."""
    body = delivery_body()
    _, kind, update = signed_update(body, signature(body), KEY, now=lambda: NOW)
    booking = update.booking
    assert (kind, update.booking_key, booking.state) == ('invitee.created', 'key', BookingState.ACTIVE)
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
    body = delivery_body(scheduled_event=event)
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
    body = delivery_body(status='canceled', cancellation=cancellation)
    booking = signed_update(body, signature(body), KEY, now=lambda: NOW)[2].booking
    assert (booking.canceled_by, booking.cancel_reason) == (expected, 'I am ill')


def test_a_link_that_is_none_does_not_lose_the_booking() -> None:
    """It is left out, and the rest is read."""
    body = delivery_body(
        cancel_url='https://calendly.com/c/\ud83d', reschedule_url='//[calendly.com', name='A\udc4bB'
    )
    booking = signed_update(body, signature(body), KEY, now=lambda: NOW)[2].booking
    assert (booking.cancel_url, booking.reschedule_url) == ('https://calendly.com/c/', '')
    assert booking.name == 'AB'


@pytest.mark.parametrize('tracking', [None, {}, {'utm_content': None}])
def test_without_tracking_the_booking_key_is_empty(tracking: Any) -> None:
    """A rescheduled booking may have no tracking."""
    body = delivery_body(tracking=tracking)
    assert signed_update(body, signature(body), KEY, now=lambda: NOW)[2].booking_key == ''


@pytest.mark.parametrize(
    'header',
    [
        '',
        't=,v1=',
        f't={NOW},v1=00',
        'v1=é',
        signature(delivery_body(), key='another key'),
        signature(delivery_body(), at=NOW - 181),
        signature(delivery_body(), at=NOW + 181),
        signature(delivery_body(name='Another')),
    ],
)
def test_a_delivery_with_a_wrong_signature_is_refused(header: str) -> None:
    """A signature that is missing, wrong, too old, in the future, or of another body is refused."""
    with pytest.raises(BadRequest):
        signed_update(delivery_body(), header, KEY, now=lambda: NOW)


def test_one_right_signature_of_several_is_enough() -> None:
    """While a key is rotated, Calendly may send two signatures."""
    body = delivery_body()
    header = signature(body).replace(',', ',v1=00,')
    assert signed_update(body, header, KEY, now=lambda: NOW)[1] == 'invitee.created'


@pytest.mark.parametrize(
    'body',
    [
        b'',
        b'{',
        b'\xff',
        b'[]',
        b'{}',
        b'null',
        delivery_body(scheduled_event=[]),
        delivery_body(uri=None)[:-1],
    ],
)
def test_a_signed_body_that_is_no_invitee_is_refused(body: bytes) -> None:
    """It is a bad request and no unexpected error."""
    with pytest.raises(BadRequest):
        signed_update(body, signature(body), KEY, now=lambda: NOW)


def test_an_unknown_name_and_email_are_left_out_of_the_url() -> None:
    """An order that is not paid yet has neither."""
    parameters = parse_qs(urlsplit(SCHEDULING.url_for(an_order(facts=Facts()))).query)
    assert 'name' not in parameters
    assert 'email' not in parameters
