"""The sandbox's shares: single-use links that are listed, changed and deleted, as Calendly documents them."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.sandbox.calendly import booked, event_type, links, user
from tests.sandbox_client import SandboxClient


def make(api: httpx.Client, **more: Any) -> dict[str, Any]:
    """Create a share and return it."""
    answer = api.post('shares', json={'event_type': event_type(api)['uri'], **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()['resource']
    return made


def url_of(share: dict[str, Any]) -> str:
    """Return the address of a share's booking page."""
    (link,) = share['scheduling_links']
    return str(link['booking_url'])


def listed(api: httpx.Client, **query: str) -> list[dict[str, Any]]:
    """Return the first page of the user's shares."""
    found: list[dict[str, Any]] = api.get('shares', params={'user': user(api), **query}).json()['collection']
    return found


def test_a_share_has_its_link_in_a_list_and_the_effective_settings(api: httpx.Client) -> None:
    """What is not sent comes from the event type; an unknown field is dropped."""
    share, event = make(api, name='For Pat', invented=True), event_type(api)
    assert (share['status'], share['contact']) == ('active', None)
    assert share['scheduling_links'][0]['owner'] == event['uri']
    override = share['share_override']
    assert (override['name'], override['duration']) == ('For Pat', event['duration'])
    assert override['availability_rule']['timezone'] == 'America/New_York'
    assert 'invented' not in override


def test_a_share_books_once_and_stays_booked(
    sandbox: SandboxClient, api: httpx.Client, page_client: httpx.Client
) -> None:
    """The page is that of a single-use link; canceling the booking does not revive the link."""
    share = make(api)
    address = f'{url_of(share)}?name=Pat&email=pat%40example.com&utm_content=b-1'
    assert 'You are scheduled' in booked(page_client, address).text
    assert [item['status'] for item in listed(api)] == ['booked']
    (invitee,) = sandbox.state()['invitees']
    sandbox.act('cancel', invitee=invitee['uri'])
    assert [item['status'] for item in listed(api)] == ['booked']
    assert links(page_client.get(address)) == []


def test_a_share_can_be_deleted_until_it_is_booked(
    sandbox: SandboxClient, api: httpx.Client, page_client: httpx.Client
) -> None:
    """A deleted one has no times, cannot be booked by a page that is open, and is not listed."""
    share, other = make(api), make(api)
    address = f'{url_of(share)}?name=Pat&email=pat%40example.com'
    details = page_client.get(links(page_client.get(address))[0])
    deleted = api.delete(share['uri'])
    assert (deleted.status_code, deleted.content) == (204, b'')
    assert links(page_client.get(address)) == []
    assert page_client.post(str(details.url).partition('?')[0], data={'start': 'x'}).status_code == 404
    assert [item['uri'] for item in listed(api)] == [other['uri']]
    assert api.delete(share['uri']).status_code == 404
    sandbox.book(url_of(other), name='Pat', email='pat@example.com')
    refused = api.delete(other['uri'])
    assert (refused.status_code, refused.json()['title']) == (400, 'Invalid Argument')
    assert [item['status'] for item in listed(api)] == ['booked']


def test_a_share_expires(sandbox: SandboxClient, api: httpx.Client, page_client: httpx.Client) -> None:
    """By its age, by its own period, or by an action of the test; it can be deleted, not changed."""
    old, other = make(api), make(api)
    today = datetime.fromisoformat(sandbox.state()['now'])
    days = {'start_date': f'{today:%Y-%m-%d}', 'end_date': f'{today + timedelta(days=9):%Y-%m-%d}'}
    ended = make(api, period_type='fixed', **days)
    assert sandbox.act('expire-link', url=url_of(other)) == {'expired': True}
    assert links(page_client.get(url_of(other))) == []
    sandbox.act('clock', ahead=11 * 86_400)
    status = {item['uri']: item['status'] for item in listed(api)}
    assert [status[item['uri']] for item in (old, ended, other)] == ['active', 'expired', 'expired']
    sandbox.act('clock', ahead=80 * 86_400)
    assert {item['status'] for item in listed(api)} == {'expired'}
    assert api.patch(old['uri'], json={'name': 'x'}).status_code == 400
    assert api.delete(old['uri']).status_code == 204


def test_a_share_can_be_changed(sandbox: SandboxClient, api: httpx.Client) -> None:
    """What is omitted stays, null goes back to the event type's value, and `duration` is what is booked."""
    sandbox.act('calendar', duration_options=[60, 90])
    share = make(api, name='For Pat', duration=90)
    changed = api.patch(share['uri'], json={'name': None}).json()['resource']
    assert changed['share_override']['name'] == event_type(api)['name']
    assert changed['share_override']['duration'] == 90
    invitee = sandbox.book(url_of(share), name='Pat', email='pat@example.com')
    event = api.get(invitee['event']).json()['resource']
    start, end = (datetime.fromisoformat(event[name]) for name in ('start_time', 'end_time'))
    assert end - start == timedelta(minutes=90)
    assert api.patch(share['uri'], json={'name': 'x'}).status_code == 400


def test_a_period_leaves_out_the_other_times(
    sandbox: SandboxClient, api: httpx.Client, page_client: httpx.Client
) -> None:
    """A share for two days from now on shows those only, and no other time can be booked with it."""
    share = make(api, period_type='moving', max_booking_time=2 * 24 * 60)
    until = datetime.fromisoformat(sandbox.state()['now']) + timedelta(days=2)
    free = api.get(
        'event_type_available_times',
        params={
            'event_type': event_type(api)['uri'],
            'start_time': until.isoformat(),
            'end_time': (until + timedelta(days=7)).isoformat(),
        },
    ).json()['collection']
    assert f'start={free[-1]["start_time"][:10]}' not in page_client.get(url_of(share)).text
    with pytest.raises(AssertionError, match='no longer available'):
        sandbox.book(url_of(share), name='Pat', email='p@example.com', start=free[-1]['start_time'])


def test_shares_are_listed_newest_first_with_filters_and_pages(
    sandbox: SandboxClient, api: httpx.Client
) -> None:
    """By creation time, event type and pages; links of `POST /scheduling_links` are not in the list."""
    body = {'max_event_count': 1, 'owner': event_type(api)['uri'], 'owner_type': 'EventType'}
    assert api.post('scheduling_links', json=body).status_code == 201
    made = [make(api)['uri'] for _ in range(3)]
    sandbox.act('clock', ahead=3600)
    late = make(api)
    assert [item['uri'] for item in listed(api)] == [late['uri'], *reversed(made)]
    assert [item['uri'] for item in listed(api, sort='created_at:asc')] == [*made, late['uri']]
    assert [item['uri'] for item in listed(api, min_created_at=late['created_at'])] == [late['uri']]
    assert [item['uri'] for item in listed(api, max_created_at=late['created_at'])] == made[::-1]
    assert listed(api, event_type='https://api.calendly.com/event_types/other') == []
    first = api.get('shares', params={'user': user(api), 'count': '3'}).json()
    second = api.get(first['pagination']['next_page']).json()
    assert [len(page['collection']) for page in (first, second)] == [3, 1]
    assert second['pagination']['next_page_token'] is None


@pytest.mark.parametrize(
    ('how', 'parameter'),
    [
        ({'name': 'x' * 56}, 'name'), ({'duration': 45}, 'duration'), ({'duration': 0}, 'duration'),
        ({'duration_options': [1, 2, 3, 4, 5]}, 'duration_options'),
        ({'period_type': 'fixed', 'start_date': '2030-01-01'}, 'end_date'),
        ({'period_type': 'moving'}, 'max_booking_time'), ({'period_type': 'soon'}, 'period_type'),
    ],
)  # fmt: skip
def test_settings_outside_the_documents_are_refused(
    sandbox: SandboxClient, api: httpx.Client, how: dict[str, Any], parameter: str
) -> None:
    """Each is a 400 that names the parameter."""
    sandbox.act('calendar', duration_options=[60, 90])
    answer = api.post('shares', json={'event_type': event_type(api)['uri'], **how})
    assert answer.status_code == 400
    assert [item['parameter'] for item in answer.json()['details']] == [parameter]


@pytest.mark.parametrize(
    'change',
    [{'pooling_type': kind} for kind in ('round_robin', 'collective', 'multi_pool')] + [{'kind': 'group'}],
)
def test_only_one_on_one_event_types_have_shares(
    sandbox: SandboxClient, api: httpx.Client, change: dict[str, str]
) -> None:
    """An event type of a team or a group is refused in Calendly's format; it has single-use links."""
    event = event_type(api)['uri']
    sandbox.act('calendar', **change)
    refused = api.post('shares', json={'event_type': event})
    assert (refused.status_code, refused.json()['title']) == (400, 'Invalid Argument')
    assert refused.json()['details'][0]['parameter'] == 'event_type'
    body = {'max_event_count': 1, 'owner': event, 'owner_type': 'EventType'}
    assert api.post('scheduling_links', json=body).status_code == 201


def test_shares_need_their_scopes(sandbox: SandboxClient, api: httpx.Client) -> None:
    """Writing includes reading: without `shares:write` the list can be read, without the other nothing."""
    share, me = make(api), user(api)
    sandbox.act('calendly-token', missing_scopes=['shares:write'])
    assert api.get('shares', params={'user': me}).status_code == 200
    refused = api.delete(share['uri'])
    assert (refused.status_code, refused.json()['required_scopes']) == (403, ['shares:write'])
    sandbox.act('calendly-token', missing_scopes=['shares:read'])
    assert api.get('shares', params={'user': me}).json()['required_scopes'] == ['shares:read']
    assert api.post('shares', json={}).status_code == 403


def test_what_is_not_documented_is_unknown(api: httpx.Client) -> None:
    """One share cannot be read, and nobody else's are listed."""
    share = make(api)
    answer = api.get(share['uri'])
    assert (answer.status_code, answer.json()['title']) == (404, 'Resource Not Found')
    assert api.get('shares').status_code == 400
    other = api.get('shares', params={'user': 'https://api.calendly.com/users/other'})
    assert other.status_code == 403
