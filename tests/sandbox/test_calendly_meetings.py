"""What happens to a meeting at the sandbox's Calendly after it was booked."""

import json
from typing import Any

import httpx
import pytest

from services.sandbox.calendly import bookings, other_events
from tests.sandbox.receiver import Receiver
from tests.sandbox_client import SandboxClient


def book(sandbox: SandboxClient) -> dict[str, Any]:
    """Book a meeting; return its invitee."""
    return sandbox.book(sandbox.calendly_link, name='Pat', email='pat@example.com')


def test_the_host_cancels_once_by_the_api(
    sandbox: SandboxClient, api: httpx.Client, receiver: Receiver
) -> None:
    """`POST …/cancellation` returns who canceled, and `invitee.canceled` is sent once."""
    invitee = book(sandbox)
    cancellation = f'{invitee["event"]}/cancellation'
    first = api.post(cancellation, json={'reason': 'storm'})
    assert (first.status_code, first.json()['resource']['canceler_type']) == (201, 'host')
    assert api.get(invitee['uri']).json()['resource']['cancellation'] == first.json()['resource']
    again = api.post(cancellation, json={})
    assert again.status_code == 403
    assert again.json() == {'title': 'Permission Denied', 'message': 'Event is already canceled'}
    assert set(receiver.types(2)) == {'invitee.created', 'invitee.canceled'}
    assert [item['type'] for item in sandbox.state()['deliveries']] == list(bookings.EVENTS)


def test_why_the_host_may_not_cancel(sandbox: SandboxClient, api: httpx.Client) -> None:
    """A token without the right, a meeting that has begun, one that is unknown, a reason that is too long."""
    cancellation = f'{book(sandbox)["event"]}/cancellation'
    assert api.post(cancellation, json={'reason': 'x' * 10_001}).status_code == 400
    sandbox.act('calendly-token', may_cancel=False)
    assert api.post(cancellation, json={}).json() == {
        'title': 'Permission Denied',
        'message': 'You are not allowed to cancel this event',
    }
    sandbox.act('calendly-token', may_cancel=True)
    sandbox.act('clock', ahead=30 * 86_400)
    refused = api.post(cancellation, json={})
    assert refused.status_code == 403
    assert refused.json() == {'title': 'Permission Denied', 'message': 'Event in the past'}
    assert api.post('scheduled_events/nope/cancellation', json={}).status_code == 404
    sandbox.act('calendly-token', missing_scopes=['scheduled_events:write'])
    assert api.post(cancellation, json={}).json()['required_scopes'] == ['scheduled_events:write']


def test_a_no_show_is_noted_and_taken_back(
    sandbox: SandboxClient, api: httpx.Client, receiver: Receiver
) -> None:
    """It can be read, is part of the invitee, and both changes are sent to who subscribed to them."""
    kinds = [kind for kind in other_events.KINDS if kind.startswith('invitee_no_show')]
    sandbox.act('webhooks', calendly=receiver.url, calendly_events=kinds)
    invitee = book(sandbox)
    made = api.post('invitee_no_shows', json={'invitee': invitee['uri']})
    assert made.status_code == 201
    mark = made.json()['resource']
    assert (mark['invitee'], set(mark)) == (invitee['uri'], {'uri', 'invitee', 'created_at'})
    assert api.get(mark['uri']).json()['resource'] == mark
    noted = api.get(invitee['uri']).json()['resource']['no_show']
    assert noted == {'uri': mark['uri'], 'created_at': mark['created_at']}
    assert api.post('invitee_no_shows', json={'invitee': invitee['uri']}).status_code == 400
    bodies = [json.loads(receiver.next()[0])]
    assert api.delete(mark['uri']).status_code == 204
    assert [answer.status_code for answer in (api.get(mark['uri']), api.delete(mark['uri']))] == [404, 404]
    assert api.get(invitee['uri']).json()['resource']['no_show'] is None
    bodies.append(json.loads(receiver.next()[0]))
    assert [body['event'] for body in bodies] == kinds
    assert [body['payload']['no_show'] for body in bodies] == [noted, None]
    assert bodies[0]['payload']['scheduled_event']['uri'] == invitee['event']


@pytest.mark.parametrize(('body', 'status'), [({}, 400), ({'invitee': 'https://x.test/invitees/1'}, 404)])
def test_a_no_show_is_of_a_known_invitee(api: httpx.Client, body: dict[str, str], status: int) -> None:
    """Without an invitee the request is bad; an unknown one is not found."""
    assert api.post('invitee_no_shows', json=body).status_code == status


def test_the_link_to_join_one_meeting_comes_later(sandbox: SandboxClient, api: httpx.Client) -> None:
    """Until it is pushed the location has no link; the other meeting waits on."""
    sandbox.act('calendar', link_status='processing')
    first, second = book(sandbox), book(sandbox)
    before = api.get(first['event']).json()['resource']
    assert before['location'] == {'type': 'google_conference', 'status': 'processing', 'data': None}
    sandbox.act('location', invitee=first['uri'], status='pushed')
    after = api.get(first['event']).json()['resource']
    assert after['location']['status'] == 'pushed'
    assert after['location']['join_url'].startswith('http')
    assert after['updated_at'] > before['updated_at']
    assert api.get(second['event']).json()['resource']['location']['status'] == 'processing'


def test_calendly_may_take_money_itself(
    sandbox: SandboxClient, api: httpx.Client, receiver: Receiver
) -> None:
    """For a paid event type when it is booked; for any other by an action of the test."""
    payment = {'provider': 'stripe', 'currency': 'EUR', 'amount': '99.5', 'terms': None, 'successful': True}
    invitee = book(sandbox)
    receiver.next()
    assert invitee['payment'] is None
    sandbox.act('calendly-payment', invitee=invitee['uri'], amount='99.5', currency='EUR')
    taken = api.get(invitee['uri']).json()['resource']['payment']
    assert taken.pop('external_id').startswith('ch_')
    assert taken == payment
    sandbox.act('calendar', is_paid=True)
    book(sandbox)
    assert json.loads(receiver.next()[0])['payload']['payment']['successful'] is True


@pytest.mark.parametrize('method', ['api', 'instant_book'])
def test_how_a_meeting_was_booked_is_told(sandbox: SandboxClient, api: httpx.Client, method: str) -> None:
    """A page's booking has no method; a test can book by another."""
    assert book(sandbox)['scheduling_method'] is None
    other = sandbox.book(sandbox.calendly_link, name='P', email='p@example.com', scheduling_method=method)
    assert api.get(other['uri']).json()['resource']['scheduling_method'] == method
