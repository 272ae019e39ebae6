"""The answers and deliveries of the sandbox's Calendly against our description of its calls."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from tests.contract.calendly import CALENDLY, check_answer, check_delivery, check_http_answer, scopes
from tests.sandbox.calendly import event_type, user
from tests.sandbox.receiver import Receiver
from tests.sandbox_client import SandboxClient


class Api:
    """A client whose every answer must be as described; it remembers which operations succeeded."""

    def __init__(self, sandbox: SandboxClient) -> None:
        headers = {'Authorization': f'Bearer {sandbox.settings["CALENDLY_TOKEN"]}'}
        base = f'{sandbox.base}/calendly'
        hooks: dict[str, list[Callable[[httpx.Response], None]]] = {
            'response': [partial(check_http_answer, base), self._note]
        }
        self.http = httpx.Client(base_url=f'{base}/', headers=headers, event_hooks=hooks, trust_env=False)
        self.succeeded: set[str] = set()

    def _note(self, response: httpx.Response) -> None:
        request = response.request
        path = request.url.path.removeprefix('/calendly')
        if response.is_success:
            self.succeeded.add(f'{request.method} {CALENDLY.operation(request.method, path)[0]}')

    def get_all(self, uris: list[str]) -> None:
        """Read each of these resources; all must exist."""
        assert [self.http.get(uri).status_code for uri in uris] == [200] * len(uris)


@pytest.fixture
def checked(sandbox: SandboxClient) -> Iterator[Api]:
    """Return the client that checks every answer."""
    api = Api(sandbox)
    yield api
    api.http.close()


def me(checked: Api) -> dict[str, str]:
    """Return user, organization and the scope `user`, as subscriptions want them."""
    found = checked.http.get('users/me').json()['resource']
    return {'user': found['uri'], 'organization': found['current_organization'], 'scope': 'user'}


def read_meeting(checked: Api, invitee: dict[str, Any]) -> None:
    """Read a meeting in all ways."""
    owner = {'user': user(checked.http), 'count': '1'}
    checked.get_all([invitee['uri'], invitee['event'], f'{invitee["event"]}/invitees'])
    assert checked.http.get('scheduled_events', params=owner).status_code == 200


def test_every_operation_is_answered_as_described(sandbox: SandboxClient, checked: Api) -> None:
    """One success of each operation that is described, and none is left out."""
    api, mine = checked.http, me(checked)
    event = event_type(api)['uri']
    start = datetime.fromisoformat(sandbox.state()['now']) + timedelta(minutes=5)
    span = {'start_time': start.isoformat(), 'end_time': (start + timedelta(days=31)).isoformat()}
    api.get(event)
    api.get('event_type_available_times', params={'event_type': event, **span})
    api.post('scheduling_links', json={'max_event_count': 1, 'owner': event, 'owner_type': 'EventType'})
    share = api.post('shares', json={'event_type': event}).json()['resource']
    api.get('shares', params={'user': mine['user']})
    api.patch(share['uri'], json={'name': 'For Pat'})
    api.delete(share['uri'])
    invitee = sandbox.book(sandbox.calendly_link, name='Pat', email='pat@example.com', phone='+12025550123')
    read_meeting(checked, invitee)
    mark = api.post('invitee_no_shows', json={'invitee': invitee['uri']}).json()['resource']
    api.get(mark['uri'])
    api.delete(mark['uri'])
    api.post(f'{invitee["event"]}/cancellation', json={'reason': 'ill'})
    api.post('event_types', json={'name': 'An hour', 'owner': mine['user'], 'duration': 60})
    body = mine | {'url': 'https://shop.test/hook', 'events': ['invitee.created']}
    made = api.post('webhook_subscriptions', json=body).json()['resource']
    api.get('webhook_subscriptions', params=mine)
    api.get(made['uri'])
    api.delete(made['uri'])
    described = {
        f'{method.upper()} {path}'
        for path, methods in CALENDLY.spec['paths'].items()
        for method in methods
        if method != 'parameters'
    }
    assert checked.succeeded == described


@pytest.mark.parametrize(
    'change',
    [
        {'pooling_type': 'round_robin', 'team': True}, {'is_paid': True}, {'deleted': True},
        {'active': False}, {'duration_options': [30, 60], 'minutes': 30}, {'location': 'outbound_call'},
        {'location': 'physical'}, {'location': 'zoom_conference', 'link_status': 'processing'},
    ],
)  # fmt: skip
def test_each_event_type_is_as_described(
    sandbox: SandboxClient, checked: Api, change: dict[str, Any]
) -> None:
    """The event type in the list and alone, its meetings, and its shares or their refusal."""
    event, organization = event_type(checked.http)['uri'], me(checked)['organization']
    invitee = sandbox.book(sandbox.calendly_link, name='Pat', email='pat@example.com')
    sandbox.act('calendar', **change)
    if change.get('is_paid'):
        invitee = sandbox.book(sandbox.calendly_link, name='Pat', email='pat@example.com')
    checked.get_all([event])
    assert checked.http.get('event_types', params={'organization': organization}).status_code == 200
    refused = 'deleted' in change or 'active' in change or 'team' in change
    made = checked.http.post('shares', json={'event_type': event})
    assert made.status_code == (404 if {'deleted', 'active'} & set(change) else 400 if refused else 201)
    checked.get_all([invitee['event'], invitee['uri']])


@pytest.mark.parametrize('state', 'booked moved canceled no-show paid by-API pushed-late'.split())
def test_each_state_of_a_meeting_is_as_described(
    sandbox: SandboxClient, checked: Api, receiver: Receiver, state: str
) -> None:
    """What is read of it, and what the subscriptions are told of it."""
    sandbox.act('calendar', link_status='processing')
    how = {'scheduling_method': 'api'} if state == 'by-API' else {}
    link = f'{sandbox.calendly_link}?utm_content=b-1'
    invitee = sandbox.book(link, name='Pat', email='pat@example.com', **how)
    uri = invitee['uri']
    if state == 'moved':
        read_meeting(checked, sandbox.act('reschedule', invitee=uri))
    elif state == 'canceled':
        sandbox.act('cancel', invitee=uri, reason='ill')
    elif state == 'no-show':
        checked.http.post('invitee_no_shows', json={'invitee': uri})
    elif state == 'paid':
        sandbox.act('calendly-payment', invitee=uri, amount=150, currency='EUR')
    elif state == 'pushed-late':
        sandbox.act('location', invitee=uri, status='pushed')
    read_meeting(checked, invitee)
    expected = {'moved': 3, 'canceled': 2}.get(state, 1)
    bodies = [json.loads(receiver.next()[0]) for _ in range(expected)]
    assert [check_delivery(body) for body in bodies] == [[]] * expected


@pytest.mark.parametrize(
    'kind',
    [
        'invitee_no_show.created', 'invitee_no_show.deleted', 'event_type.created', 'event_type.updated',
        'event_type.deleted',
    ],
)  # fmt: skip
def test_each_delivery_is_as_described(sandbox: SandboxClient, receiver: Receiver, kind: str) -> None:
    """Also those that are about no booking."""
    sandbox.act('webhooks', calendly=receiver.url, calendly_events=[kind])
    invitee = sandbox.book(sandbox.calendly_link, name='Pat', email='pat@example.com')
    assert sandbox.act('calendly-event', event=kind, invitee=invitee['uri']) == {'sent': 1}
    assert check_delivery(json.loads(receiver.next()[0])) == []


def test_each_state_of_a_share_and_a_subscription_is_as_described(
    sandbox: SandboxClient, checked: Api
) -> None:
    """Active, booked and expired shares with settings of their own; failing and disabled subscriptions."""
    mine, event = me(checked), event_type(checked.http)['uri']
    rule = {'rules': [{'type': 'date', 'date': '2030-01-01', 'intervals': []}], 'timezone': 'UTC'}
    settings: list[dict[str, Any]] = [
        {},
        {'period_type': 'unlimited', 'hide_location': True, 'availability_rule': rule},
        {'period_type': 'fixed', 'start_date': '2020-01-01', 'end_date': '2020-01-02'},
    ]
    body = {'event_type': event}
    made = [checked.http.post('shares', json=body | each).json()['resource'] for each in settings]
    sandbox.book(made[0]['scheduling_links'][0]['booking_url'], name='Pat', email='p@example.com')
    found = checked.http.get('shares', params={'user': mine['user']}).json()['collection']
    assert [item['status'] for item in found] == ['expired', 'active', 'booked']
    refused = [checked.http.patch(made[0]['uri'], json={}), checked.http.delete(made[0]['uri'])]
    assert [answer.status_code for answer in refused] == [400, 400]
    sandbox.send_webhooks_to('http://127.0.0.1:9')
    sandbox.act('subscriptions', failing=True, disabled=True)
    (item,) = checked.http.get('webhook_subscriptions', params=mine).json()['collection']
    assert (item['state'], item['retry_started_at'] is None) == ('disabled', False)


@pytest.mark.parametrize('status', [400, 401, 403, 404, 429, 500, 503])
def test_an_error_is_as_described(sandbox: SandboxClient, checked: Api, status: int) -> None:
    """Whatever the status, the body has title and message, and the headers are there."""
    sandbox.fault('GET /users/me', 'fail', status=status)
    assert checked.http.get('users/me').status_code == status


def test_each_operation_needs_the_scope_that_is_described(sandbox: SandboxClient, checked: Api) -> None:
    """Without it each call is refused, and the answer names exactly this scope."""
    for path, methods in CALENDLY.spec['paths'].items():
        for method in set(methods) - {'parameters'}:
            sandbox.act('calendly-token', missing_scopes=scopes(method, path))
            url = path.strip('/').replace('{', '').replace('}', '')
            answer = checked.http.request(method, url, json=None if method in ('get', 'delete') else {})
            assert answer.status_code == 403
            assert answer.json()['required_scopes'] == scopes(method, path)


def test_the_check_finds_missing_unknown_and_mistyped_fields(checked: Api) -> None:
    """The check itself can fail: on a field that is missing, added or of another type, and on a header."""
    good = checked.http.get('users/me')
    user = good.json()['resource']
    without = {key: value for key, value in user.items() if key != 'uri'}

    def check(resource: Any) -> list[str]:
        return CALENDLY.check_response('/users/me', 200, {'resource': resource})

    assert check(user) == []
    assert check(without) == ["resource: 'uri' is a required property"]
    assert 'invented' in check(user | {'invented': 1})[0]
    assert check(user | {'created_at': 'yesterday'})[0].startswith('resource.created_at: ')
    assert check(user | {'name': None})[0].startswith('resource.name: ')
    headers = {key: value for key, value in good.headers.items() if key != 'x-ratelimit-reset'}
    assert check_answer('GET', '/users/me', 200, headers, good.content) == ['X-RateLimit-Reset: missing']
    assert CALENDLY.check_response('/shares/1', 204, {}, 'DELETE') != []
