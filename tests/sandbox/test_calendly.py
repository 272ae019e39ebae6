"""Calendly's sandbox: its API as documented, and its booking page by plain forms."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.sandbox_client import SandboxClient


@pytest.fixture
def api(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    """A client of the API with the token."""
    headers = {'Authorization': f'Bearer {sandbox.settings["CALENDLY_TOKEN"]}'}
    with httpx.Client(base_url=f'{sandbox.base}/calendly/', headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def browser(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    """A browser without a token who follows redirects."""
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        yield client


def user(api: httpx.Client) -> str:
    """The host's address."""
    return str(api.get('users/me').json()['resource']['uri'])


def event_type(api: httpx.Client) -> dict[str, Any]:
    """The one event type."""
    found: dict[str, Any] = api.get('event_types', params={'user': user(api)}).json()['collection'][0]
    return found


def single_use(api: httpx.Client) -> str:
    """A new single-use link."""
    body = {'max_event_count': 1, 'owner': event_type(api)['uri'], 'owner_type': 'EventType'}
    answer = api.post('scheduling_links', json=body)
    assert answer.status_code == 201
    return str(answer.json()['resource']['booking_url'])


def links(page: httpx.Response) -> list[str]:
    """The addresses of the times on a booking page."""
    return [unescape(found) for found in re.findall(r'href="([^"]*start=[^"]*)"', page.text)]


def hidden(page: httpx.Response) -> dict[str, str]:
    """The hidden inputs of a page."""
    found = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    return {name: unescape(value) for name, value in found}


def booked(browser: httpx.Client, address: str) -> httpx.Response:
    """Choose the first time on a booking page and schedule it."""
    details = browser.get(links(browser.get(address))[0])
    filled = dict(re.findall(r'<input id="(\w+)" name="\w+" value="([^"]*)"', details.text))
    typed = {name: unescape(value) for name, value in filled.items()}
    return browser.post(str(details.url).partition('?')[0], data=hidden(details) | typed)


def test_a_link_works_once(sandbox: SandboxClient, api: httpx.Client, browser: httpx.Client) -> None:
    """It books what its query prefills, carries `utm_content`, and then is no longer valid."""
    query = 'name=Pat%20Doe&email=pat%2B1%40example.com&utm_content=b-1&a1=%2B12025550123'
    address = f'{single_use(api)}?{query}'
    assert 'You are scheduled' in booked(browser, address).text
    gone = browser.get(address)
    assert (gone.status_code, 'This link is no longer valid' in gone.text) == (410, True)
    event = api.get('scheduled_events', params={'user': user(api)}).json()['collection'][0]
    invitee = api.get(f'{event["uri"]}/invitees').json()['collection'][0]
    assert (invitee['name'], invitee['email']) == ('Pat Doe', 'pat+1@example.com')
    assert (invitee['tracking']['utm_content'], invitee['text_reminder_number']) == ('b-1', '+12025550123')
    assert event['location']['join_url'].startswith('http')
    assert [mail['to'] for mail in sandbox.state()['outbox']] == ['pat+1@example.com']


def test_the_page_may_be_framed_unless_the_fault_forbids_it(
    sandbox: SandboxClient, browser: httpx.Client
) -> None:
    """No header stands against a frame; with the fault one does."""
    address = f'{sandbox.calendly_link}?embed_type=Inline&embed_domain=shop.test'
    free = browser.get(address)
    assert 'x-frame-options' not in free.headers
    assert 'frame-ancestors' not in free.headers['content-security-policy']
    sandbox.act('calendar', framed=False)
    assert browser.get(address).headers['x-frame-options'] == 'DENY'


def test_what_a_link_prefills_is_escaped(sandbox: SandboxClient, browser: httpx.Client) -> None:
    """Markup in the query is shown as text, in both steps."""
    page = browser.get(sandbox.calendly_link, params={'name': '"><script>', 'utm_content': '<script>'})
    details = browser.get(links(page)[0])
    assert '<script>' not in page.text + details.text
    assert hidden(details)['utm_content'] == '<script>'


def test_a_taken_time_is_refused(sandbox: SandboxClient, browser: httpx.Client) -> None:
    """Two people choose one time; the second is told, and nothing is booked twice."""
    address = f'{sandbox.calendly_link}?name=Pat&email=pat%40example.com'
    details = browser.get(links(browser.get(address))[0])
    typed = hidden(details) | {'name': 'Pat', 'email': 'pat@example.com'}
    assert 'You are scheduled' in browser.post(sandbox.calendly_link, data=typed).text
    assert 'no longer available' in browser.post(sandbox.calendly_link, data=typed).text
    assert len(sandbox.state()['invitees']) == 1


def test_a_booking_wants_a_name_and_an_address(sandbox: SandboxClient, browser: httpx.Client) -> None:
    """Without a usable e-mail the form comes back and nothing is booked."""
    details = browser.get(links(browser.get(sandbox.calendly_link))[0])
    answer = browser.post(sandbox.calendly_link, data=hidden(details) | {'name': 'Pat', 'email': 'pat'})
    assert answer.status_code == 422
    assert sandbox.state()['invitees'] == []


def test_the_time_zone_can_be_chosen(sandbox: SandboxClient, browser: httpx.Client) -> None:
    """The same first time is another hour in another zone."""
    east = browser.get(sandbox.calendly_link, params={'timezone': 'America/New_York'})
    west = browser.get(sandbox.calendly_link, params={'timezone': 'America/Los_Angeles'})
    starts = [re.findall(r'<time datetime="([^"]+)">([^<]+)', page.text)[0] for page in (east, west)]
    assert starts[0][0] == starts[1][0]
    hours = [datetime.strptime(text, '%I:%M%p').hour for _, text in starts]
    assert (hours[0] - hours[1]) % 24 == 3


def test_a_cancelled_booking_is_told_everywhere(
    sandbox: SandboxClient, api: httpx.Client, browser: httpx.Client
) -> None:
    """The cancel page works once; event and invitee say who cancelled, and the time is free again."""
    invitee = sandbox.book(sandbox.calendly_link, name='Pat', email='pat@example.com')
    assert 'Cancel event' in browser.get(invitee['cancel_url']).text
    assert 'Cancellation confirmed' in browser.post(invitee['cancel_url'], data={'reason': 'ill'}).text
    assert browser.post(invitee['cancel_url']).status_code == 410
    now = api.get(invitee['uri']).json()['resource']
    assert (now['status'], now['rescheduled']) == ('canceled', False)
    assert (now['cancellation']['canceler_type'], now['cancellation']['reason']) == ('invitee', 'ill')
    event = api.get(invitee['event']).json()['resource']
    assert (event['status'], event['invitees_counter']['active']) == ('canceled', 0)


def test_a_host_cancels_by_the_api_once(sandbox: SandboxClient, api: httpx.Client) -> None:
    """`POST …/cancellation` says who and why; a second one is refused."""
    invitee = sandbox.book(sandbox.calendly_link, name='Pat', email='pat@example.com')
    first = api.post(f'{invitee["event"]}/cancellation', json={'reason': 'storm'})
    assert (first.status_code, first.json()['resource']['canceler_type']) == (201, 'host')
    assert api.post(f'{invitee["event"]}/cancellation', json={}).status_code == 403


def test_a_reschedule_makes_a_new_invitee_without_tracking(
    sandbox: SandboxClient, api: httpx.Client, browser: httpx.Client
) -> None:
    """The old one is cancelled as rescheduled, each names the other, and the tracking is empty."""
    old = sandbox.book(f'{sandbox.calendly_link}?utm_content=b-1', name='Pat', email='pat@example.com')
    details = browser.get(links(browser.get(old['reschedule_url']))[0])
    assert 'You are scheduled' in browser.post(old['reschedule_url'], data=hidden(details)).text
    before = api.get(old['uri']).json()['resource']
    after = api.get(before['new_invitee']).json()['resource']
    assert (before['status'], before['rescheduled'], after['old_invitee']) == ('canceled', True, old['uri'])
    assert set(after['tracking'].values()) == {None}
    assert (after['status'], after['email']) == ('active', 'pat@example.com')


def test_events_are_filtered_and_paged(sandbox: SandboxClient, api: httpx.Client) -> None:
    """By address, state and start, two at a time; a page's address leads to the next."""
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


def test_free_times_span_a_week_at_most(sandbox: SandboxClient, api: httpx.Client) -> None:
    """Within seven days ahead the booked time is missing; longer or past spans are refused."""
    start = datetime.fromisoformat(sandbox.state()['now']) + timedelta(minutes=1)

    def times(days: int, offset: int = 0) -> httpx.Response:
        begin = start + timedelta(days=offset)
        span = {'start_time': begin.isoformat(), 'end_time': (begin + timedelta(days=days)).isoformat()}
        return api.get('event_type_available_times', params={'event_type': event_type(api)['uri'], **span})

    free = [item['start_time'] for item in times(7).json()['collection']]
    sandbox.book(sandbox.calendly_link, name='Pat', email='pat@example.com')
    assert [item['start_time'] for item in times(7).json()['collection']] == free[1:]
    assert [times(8).status_code, times(1, -2).status_code] == [400, 400]


@pytest.mark.parametrize(
    ('path', 'status'),
    [
        ('event_types', 400), ('event_types?user=https://api.calendly.com/users/other', 403),
        ('scheduled_events/nope', 404), ('event_types/nope', 404),
        ('scheduled_events?user={user}&count=101', 400),
    ],
)  # fmt: skip
def test_a_refusal_has_title_and_message(api: httpx.Client, path: str, status: int) -> None:
    """Each refusal has Calendly's shape; a bad argument is named in its details."""
    answer = api.get(path.format(user=quote(user(api), safe='')))
    assert answer.status_code == status
    assert {'title', 'message'} <= set(answer.json())
    assert ('details' in answer.json()) == (status == 400)


def test_without_the_token_nothing_is_told(sandbox: SandboxClient, browser: httpx.Client) -> None:
    """A missing or wrong token is 401."""
    for headers in ({}, {'Authorization': 'Bearer other'}):
        answer = browser.get(f'{sandbox.base}/calendly/users/me', headers=headers)
        assert (answer.status_code, answer.json()['title']) == (401, 'Unauthenticated')


def test_subscriptions_are_made_listed_and_deleted(api: httpx.Client) -> None:
    """The signing key is never shown, and one address has one subscription."""
    me = api.get('users/me').json()['resource']
    where = {'organization': me['current_organization'], 'user': me['uri'], 'scope': 'user'}
    body = where | {'url': 'https://shop.test/hook', 'events': ['invitee.created'], 'signing_key': 'hush'}
    made = api.post('webhook_subscriptions', json=body)
    assert (made.status_code, 'hush' in made.text) == (201, False)
    assert api.post('webhook_subscriptions', json=body).status_code == 409
    listed = api.get('webhook_subscriptions', params=where).json()['collection']
    assert [item['callback_url'] for item in listed] == ['https://shop.test/hook']
    assert api.delete(listed[0]['uri']).status_code == 204
    assert api.get('webhook_subscriptions', params=where).json()['collection'] == []


def test_an_inactive_event_type_cannot_be_booked(
    sandbox: SandboxClient, api: httpx.Client, browser: httpx.Client
) -> None:
    """The page is gone, the API says inactive, and a wrong address never was one."""
    sandbox.act('calendar', active=False)
    assert browser.get(sandbox.calendly_link).status_code == 404
    assert event_type(api)['active'] is False
    assert browser.get(f'{sandbox.base}/calendly/d/nope/coaching').status_code == 404
