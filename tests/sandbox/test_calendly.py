"""The sandbox's Calendly: the documented API and the booking page."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest

from tests.sandbox.calendly import booked, event_type, hidden, links, user
from tests.sandbox_client import SandboxClient


def single_use(api: httpx.Client) -> str:
    """Create a single-use link."""
    body = {'max_event_count': 1, 'owner': event_type(api)['uri'], 'owner_type': 'EventType'}
    answer = api.post('scheduling_links', json=body)
    assert answer.status_code == 201
    return str(answer.json()['resource']['booking_url'])


def test_a_link_works_once(sandbox: SandboxClient, api: httpx.Client, page_client: httpx.Client) -> None:
    """It books with the values of its query, keeps `utm_content`, and then is no longer valid."""
    query = 'name=Pat%20Doe&email=pat%2B1%40example.com&utm_content=b-1&a1=%2B12025550123'
    address = f'{single_use(api)}?{query}'
    assert 'You are scheduled' in booked(page_client, address).text
    used = page_client.get(address)
    assert (used.status_code, 'This link is no longer valid' in used.text) == (410, True)
    event = api.get('scheduled_events', params={'user': user(api)}).json()['collection'][0]
    invitee = api.get(f'{event["uri"]}/invitees').json()['collection'][0]
    assert (invitee['name'], invitee['email']) == ('Pat Doe', 'pat+1@example.com')
    assert (invitee['tracking']['utm_content'], invitee['text_reminder_number']) == ('b-1', '+12025550123')
    assert event['location']['join_url'].startswith('http')
    assert [mail['to'] for mail in sandbox.state()['outbox']] == ['pat+1@example.com']


def test_the_page_may_be_framed_unless_forbidden(sandbox: SandboxClient, page_client: httpx.Client) -> None:
    """By default no header forbids a frame; the calendar action adds one."""
    address = f'{sandbox.calendly_link}?embed_type=Inline&embed_domain=shop.test'
    free = page_client.get(address)
    assert 'x-frame-options' not in free.headers
    assert 'frame-ancestors' not in free.headers['content-security-policy']
    sandbox.act('calendar', framed=False)
    assert page_client.get(address).headers['x-frame-options'] == 'DENY'


def test_prefilled_values_are_escaped(sandbox: SandboxClient, page_client: httpx.Client) -> None:
    """Markup in the query is shown as text in both steps."""
    page = page_client.get(sandbox.calendly_link, params={'name': '"><script>', 'utm_content': '<script>'})
    details = page_client.get(links(page)[0])
    assert '<script>' not in page.text + details.text
    assert hidden(details)['utm_content'] == '<script>'


def test_a_booked_time_is_rejected(sandbox: SandboxClient, page_client: httpx.Client) -> None:
    """Of two people with the same time the second gets a message, and nothing is booked twice."""
    address = f'{sandbox.calendly_link}?name=Pat&email=pat%40example.com'
    details = page_client.get(links(page_client.get(address))[0])
    values = hidden(details) | {'name': 'Pat', 'email': 'pat@example.com'}
    assert 'You are scheduled' in page_client.post(sandbox.calendly_link, data=values).text
    assert 'no longer available' in page_client.post(sandbox.calendly_link, data=values).text
    assert len(sandbox.state()['invitees']) == 1


def test_a_booking_needs_a_name_and_an_email(sandbox: SandboxClient, page_client: httpx.Client) -> None:
    """Without a valid e-mail the form is shown again and nothing is booked."""
    details = page_client.get(links(page_client.get(sandbox.calendly_link))[0])
    answer = page_client.post(sandbox.calendly_link, data=hidden(details) | {'name': 'Pat', 'email': 'pat'})
    assert answer.status_code == 422
    assert sandbox.state()['invitees'] == []


def test_the_time_zone_can_be_chosen(sandbox: SandboxClient, page_client: httpx.Client) -> None:
    """The same first time has another hour in another time zone."""
    east = page_client.get(sandbox.calendly_link, params={'timezone': 'America/New_York'})
    west = page_client.get(sandbox.calendly_link, params={'timezone': 'America/Los_Angeles'})
    starts = [re.findall(r'<time datetime="([^"]+)">([^<]+)', page.text)[0] for page in (east, west)]
    assert starts[0][0] == starts[1][0]
    hours = [datetime.strptime(f'{text} +0000', '%I:%M%p %z').hour for _, text in starts]
    assert (hours[0] - hours[1]) % 24 == 3


def test_a_booking_is_canceled_once(
    sandbox: SandboxClient, api: httpx.Client, page_client: httpx.Client
) -> None:
    """The page works once; event and invitee name who canceled and why."""
    invitee = sandbox.book(sandbox.calendly_link, name='Pat', email='pat@example.com')
    assert 'Cancel event' in page_client.get(invitee['cancel_url']).text
    assert 'Cancellation confirmed' in page_client.post(invitee['cancel_url'], data={'reason': 'ill'}).text
    assert page_client.post(invitee['cancel_url']).status_code == 410
    now = api.get(invitee['uri']).json()['resource']
    assert (now['status'], now['rescheduled']) == ('canceled', False)
    assert (now['cancellation']['canceler_type'], now['cancellation']['reason']) == ('invitee', 'ill')
    event = api.get(invitee['event']).json()['resource']
    assert (event['status'], event['invitees_counter']['active']) == ('canceled', 0)


def test_rescheduling_creates_an_invitee_without_tracking(
    sandbox: SandboxClient, api: httpx.Client, page_client: httpx.Client
) -> None:
    """The old invitee is canceled as rescheduled, each names the other, and the tracking is empty."""
    old = sandbox.book(f'{sandbox.calendly_link}?utm_content=b-1', name='Pat', email='pat@example.com')
    details = page_client.get(links(page_client.get(old['reschedule_url']))[0])
    assert 'You are scheduled' in page_client.post(old['reschedule_url'], data=hidden(details)).text
    before = api.get(old['uri']).json()['resource']
    after = api.get(before['new_invitee']).json()['resource']
    assert (before['status'], before['rescheduled'], after['old_invitee']) == ('canceled', True, old['uri'])
    assert set(after['tracking'].values()) == {None}
    assert (after['status'], after['email']) == ('active', 'pat@example.com')


def test_events_are_filtered_and_paged(sandbox: SandboxClient, api: httpx.Client) -> None:
    """Filters are e-mail, status and start; each page has the URL of the next."""
    made = [
        sandbox.book(sandbox.calendly_link, name='Pat', email=f'pat{i % 2}@example.com') for i in range(4)
    ]
    sandbox.act('cancel', invitee=made[0]['uri'])
    query = {'user': user(api), 'invitee_email': 'pat0@example.com', 'status': 'active'}
    found = api.get('scheduled_events', params=query).json()['collection']
    assert [item['uri'] for item in found] == [made[2]['event']]
    page = api.get('scheduled_events', params={'user': user(api), 'count': '3'}).json()
    rest = api.get(page['pagination']['next_page']).json()
    assert [len(page['collection']), len(rest['collection'])] == [3, 1]
    assert rest['pagination']['next_page_token'] is None
    late = api.get('scheduled_events', params=query | {'min_start_time': '2999-01-01T00:00:00Z'})
    assert late.json()['collection'] == []


def test_free_times_cover_a_month_at_most(sandbox: SandboxClient, api: httpx.Client) -> None:
    """A booked time is missing; a start that is not later than now, or more than 31 days, is rejected."""
    start = datetime.fromisoformat(sandbox.state()['now']) + timedelta(minutes=1)

    def times(days: int, offset: int = 0) -> httpx.Response:
        begin = start + timedelta(days=offset)
        span = {'start_time': begin.isoformat(), 'end_time': (begin + timedelta(days=days)).isoformat()}
        return api.get('event_type_available_times', params={'event_type': event_type(api)['uri'], **span})

    free = [item['start_time'] for item in times(31).json()['collection']]
    sandbox.book(sandbox.calendly_link, name='Pat', email='pat@example.com')
    assert [item['start_time'] for item in times(31).json()['collection']] == free[1:]
    refused = [times(32), times(1, -2), times(0), times(-1)]
    assert [answer.status_code for answer in refused] == [400] * 4
    wrong = [answer.json()['details'][0]['parameter'] for answer in refused]
    assert wrong == ['end_time', 'start_time', 'end_time', 'end_time']


def free_times(sandbox: SandboxClient, api: httpx.Client) -> list[str]:
    """Return the free times of the next 31 days, as the API lists them."""
    start = datetime.fromisoformat(sandbox.state()['now']) + timedelta(minutes=5)
    query = {
        'event_type': event_type(api)['uri'],
        'start_time': f'{start:%Y-%m-%dT%H:%M:%SZ}',
        'end_time': f'{start + timedelta(days=31):%Y-%m-%dT%H:%M:%SZ}',
    }
    found = api.get('event_type_available_times', params=query).json()['collection']
    return [item['start_time'] for item in found]


def test_a_test_decides_what_is_free(
    sandbox: SandboxClient, api: httpx.Client, page_client: httpx.Client
) -> None:
    """Nothing, some of the usual times, given times, or all again; the page has the same ones."""
    usual = free_times(sandbox, api)
    assert sandbox.act('free-times', count=0) == {'free': []}
    assert free_times(sandbox, api) == []
    assert 'No times available' in page_client.get(sandbox.calendly_link).text
    with pytest.raises(AssertionError, match=r'No time is free\.'):
        sandbox.book(sandbox.calendly_link, name='Pat', email='p@example.com')
    sandbox.act('free-times', count=3)
    assert free_times(sandbox, api) == usual[:3]
    sandbox.book(sandbox.calendly_link, name='Pat', email='p@example.com')
    assert free_times(sandbox, api) == usual[1:3]
    late = datetime.fromisoformat(sandbox.state()['now']).replace(microsecond=0) + timedelta(days=30)
    sandbox.act('free-times', starts=[late.isoformat()])
    assert free_times(sandbox, api) == [f'{late:%Y-%m-%dT%H:%M:%S.%fZ}']
    assert links(page_client.get(sandbox.calendly_link)) != []
    sandbox.act('free-times')
    assert free_times(sandbox, api) == usual[1:]


def test_a_start_of_now_is_not_in_the_future(sandbox: SandboxClient, api: httpx.Client) -> None:
    """The answer is Calendly's 400, which names the parameter."""
    event, now = event_type(api)['uri'], datetime.fromisoformat(sandbox.state()['now'])
    query = {'start_time': now.isoformat(), 'end_time': (now + timedelta(days=1)).isoformat()}
    answer = api.get('event_type_available_times', params={'event_type': event, **query})
    assert answer.status_code == 400
    assert answer.json() == {
        'title': 'Invalid Argument',
        'message': 'The supplied parameters are invalid.',
        'details': [{'parameter': 'start_time', 'message': 'start_time must be in the future'}],
    }


@pytest.mark.parametrize(
    ('path', 'status'),
    [
        ('event_types', 400), ('event_types?user=https://api.calendly.com/users/other', 403),
        ('scheduled_events/nope', 404), ('event_types/nope', 404),
        ('scheduled_events?user={user}&count=101', 400),
    ],
)  # fmt: skip
def test_an_error_has_title_and_message(api: httpx.Client, path: str, status: int) -> None:
    """Each error has Calendly's format; a bad argument is named in its details."""
    answer = api.get(path.format(user=quote(user(api), safe='')))
    assert answer.status_code == status
    assert {'title', 'message'} <= set(answer.json())
    assert ('details' in answer.json()) == (status == 400)


def test_a_token_is_required(sandbox: SandboxClient, page_client: httpx.Client) -> None:
    """A missing or wrong token is 401."""
    for headers in ({}, {'Authorization': 'Bearer other'}):
        answer = page_client.get(f'{sandbox.base}/calendly/users/me', headers=headers)
        assert (answer.status_code, answer.json()['title']) == (401, 'Unauthenticated')


def test_an_inactive_event_type_cannot_be_booked(
    sandbox: SandboxClient, api: httpx.Client, page_client: httpx.Client
) -> None:
    """The page is a 404 and the API says inactive; a wrong link is a 404 too."""
    sandbox.act('calendar', active=False)
    assert page_client.get(sandbox.calendly_link).status_code == 404
    assert event_type(api)['active'] is False
    assert page_client.get(f'{sandbox.base}/calendly/d/nope/coaching').status_code == 404


def test_the_link_to_join_comes_later(
    sandbox: SandboxClient, api: httpx.Client, page_client: httpx.Client
) -> None:
    """A location that is not pushed has no link; reading the same event again has it later."""
    sandbox.act('calendar', link_status='processing')
    booked(page_client, f'{sandbox.calendly_link}?name=Pat&email=pat%40example.com')
    event = api.get('scheduled_events', params={'user': user(api)}).json()['collection'][0]
    assert event['location'] == {'type': 'google_conference', 'status': 'processing', 'data': None}
    sandbox.act('calendar', link_status='pushed')
    assert api.get(event['uri']).json()['resource']['location']['join_url'].startswith('http')


def listed(api: httpx.Client, owner: str) -> list[dict[str, Any]]:
    """Return the event types of the user or of the organization."""
    me = api.get('users/me').json()['resource']
    uri = {'user': me['uri'], 'organization': me['current_organization']}[owner]
    found: list[dict[str, Any]] = api.get('event_types', params={owner: uri}).json()['collection']
    return found


def test_an_event_type_of_the_organization_is_listed_there_only(
    sandbox: SandboxClient, api: httpx.Client
) -> None:
    """A round robin of a team; a token that may not read the organization gets a 403."""
    sandbox.act('calendar', team=True, pooling_type='round_robin')
    assert listed(api, 'user') == []
    (found,) = listed(api, 'organization')
    assert (found['pooling_type'], found['profile']['type']) == ('round_robin', 'Team')
    sandbox.act('calendly-token', admin=False)
    organization = api.get('users/me').json()['resource']['current_organization']
    assert api.get('event_types', params={'organization': organization}).status_code == 403


def test_an_event_type_says_what_was_changed(
    sandbox: SandboxClient, api: httpx.Client, page_client: httpx.Client
) -> None:
    """Payment, length and deletion; the page of a deleted one does not exist."""
    sandbox.act('calendar', is_paid=True, minutes=240, duration_options=[60, 240], deleted=True)
    found = event_type(api)
    assert (found['is_paid'], found['duration'], found['duration_options']) == (True, 240, [60, 240])
    assert found['deleted_at']
    assert page_client.get(sandbox.calendly_link).status_code == 404


def test_a_token_may_be_revoked_or_lack_a_scope(sandbox: SandboxClient, api: httpx.Client) -> None:
    """The two bodies as documented: 401 without details, 403 with the missing scope."""
    sandbox.act('calendly-token', missing_scopes=['scheduling_links:write'])
    answer = api.post('scheduling_links', json={})
    assert (answer.status_code, answer.json()['title']) == (403, 'Insufficient scope')
    assert answer.json()['required_scopes'] == ['scheduling_links:write']
    sandbox.act('calendly-token', revoked=True)
    answer = api.get('users/me')
    assert answer.status_code == 401
    assert answer.json() == {'title': 'Unauthenticated', 'message': 'The access token is invalid'}


def test_a_link_that_was_not_used_expires(
    sandbox: SandboxClient, api: httpx.Client, page_client: httpx.Client
) -> None:
    """After ninety days the page says so; before, it has times."""
    address = single_use(api)
    assert page_client.get(address).status_code == 200
    sandbox.act('clock', ahead=91 * 86_400)
    assert page_client.get(address).status_code == 410


def test_a_meeting_may_have_another_length_and_event_type(sandbox: SandboxClient, api: httpx.Client) -> None:
    """Whoever books another event type of the host, or another of its lengths, is seen by both."""
    invitee = sandbox.book(
        sandbox.calendly_link, name='Pat', email='p@example.com', minutes=240, other_event_type=True
    )
    event = api.get(invitee['event']).json()['resource']
    times = [datetime.fromisoformat(event[name]) for name in ('start_time', 'end_time')]
    assert times[1] - times[0] == timedelta(hours=4)
    assert event['event_type'] != event_type(api)['uri']


def test_a_time_that_was_offered_can_be_booked_a_little_later(
    sandbox: SandboxClient, page_client: httpx.Client
) -> None:
    """Its notice may end while the page is open; an hour later it is gone."""
    first = re.findall(r'start=([^&"]+)', page_client.get(sandbox.calendly_link).text)[0]
    start = datetime.fromisoformat(unquote(first))
    notice = start - datetime.now(UTC)
    ahead = (notice - timedelta(hours=2) + timedelta(minutes=5)).total_seconds()
    sandbox.act('clock', ahead=ahead)
    assert first not in page_client.get(sandbox.calendly_link).text
    path = f'{sandbox.calendly_link}?start={first}'
    assert 'Schedule Event' in page_client.get(path).text
    sandbox.act('clock', ahead=ahead + 3600)
    assert 'Schedule Event' not in page_client.get(path).text
