"""The sandbox's webhook subscriptions at Calendly: who may make them, and how they fail."""

from typing import Any

import httpx
import pytest

from tests.processes import wait_until
from tests.sandbox.receiver import Receiver
from tests.sandbox_client import SandboxClient


def where(api: httpx.Client) -> dict[str, str]:
    """Return organization, user and scope."""
    me = api.get('users/me').json()['resource']
    return {'organization': me['current_organization'], 'user': me['uri'], 'scope': 'user'}


def create(api: httpx.Client, **more: Any) -> httpx.Response:
    """Create a subscription."""
    body = {'url': 'https://shop.test/hook', 'events': ['invitee.created'], 'signing_key': 'hush'}
    return api.post('webhook_subscriptions', json=where(api) | body | more)


def listed(api: httpx.Client) -> list[dict[str, Any]]:
    """Return the user's subscriptions."""
    found: list[dict[str, Any]] = api.get('webhook_subscriptions', params=where(api)).json()['collection']
    return found


def book(sandbox: SandboxClient) -> None:
    """Book a meeting."""
    sandbox.book(sandbox.calendly_link, name='Pat', email='pat@example.com')


def test_subscriptions_are_created_listed_and_deleted(api: httpx.Client) -> None:
    """The signing key is never shown, and a URL has one subscription at most."""
    made = create(api)
    assert (made.status_code, 'hush' in made.text) == (201, False)
    assert create(api).status_code == 409
    (found,) = listed(api)
    assert (found['callback_url'], found['state'], found['retry_started_at']) == (
        'https://shop.test/hook',
        'active',
        None,
    )
    assert api.get(found['uri']).json()['resource'] == found
    assert api.delete(found['uri']).status_code == 204
    assert listed(api) == []


@pytest.mark.parametrize('plan', ['free', 'paid'])
def test_every_plan_has_subscriptions(sandbox: SandboxClient, api: httpx.Client, plan: str) -> None:
    """Since November 2026 the Free plan too."""
    sandbox.act('calendly-plan', plan=plan)
    assert create(api).status_code == 201


@pytest.mark.parametrize('missing', ['organization', 'scope', 'user'])
def test_a_list_needs_organization_and_scope(api: httpx.Client, missing: str) -> None:
    """And the user, when the scope is the user; the 400 names what is missing."""
    query = {name: value for name, value in where(api).items() if name != missing}
    answer = api.get('webhook_subscriptions', params=query)
    assert (answer.status_code, answer.json()['details'][0]['parameter']) == (400, missing)


@pytest.mark.parametrize(
    ('scope', 'kind'),
    [
        ('webhooks:write', 'invitee.created'), ('scheduled_events:read', 'invitee.created'),
        ('event_types:read', 'event_type.updated'),
    ],
)  # fmt: skip
def test_a_subscription_needs_its_scopes(
    sandbox: SandboxClient, api: httpx.Client, scope: str, kind: str
) -> None:
    """Writing webhooks, and reading what each event is about."""
    sandbox.act('calendly-token', missing_scopes=[scope])
    refused = create(api, events=[kind])
    assert (refused.status_code, refused.json()['required_scopes']) == (403, [scope])
    sandbox.act('calendly-token', missing_scopes=['webhooks:read'])
    assert api.get('webhook_subscriptions', params=where(api)).status_code == 403


def test_failing_deliveries_are_seen_until_one_arrives(
    sandbox: SandboxClient, api: httpx.Client, receiver: Receiver
) -> None:
    """`retry_started_at` is set from the first failure to the first success."""
    receiver.statuses = [500, 302, 500]
    receiver.gate.clear()
    book(sandbox)
    receiver.next()
    assert listed(api)[0]['retry_started_at'] is None
    receiver.gate.set()
    wait_until(lambda: listed(api)[0]['retry_started_at'] is not None, seconds=5, why='no failure was noted')
    wait_until(lambda: not listed(api)[0]['retry_started_at'], seconds=5, why='no success was noted')
    assert listed(api)[0]['state'] == 'active'


def test_a_410_deletes_the_subscription(
    sandbox: SandboxClient, api: httpx.Client, receiver: Receiver
) -> None:
    """It is gone at once, nothing is retried, and the next event is sent to nobody."""
    receiver.statuses = [410]
    book(sandbox)
    receiver.next()
    wait_until(lambda: listed(api) == [], seconds=5, why='the subscription is still there')
    book(sandbox)
    assert [item['statuses'] for item in sandbox.state()['deliveries']] == [[410]]
    assert sandbox.state()['deliveries'][0]['state'] == 'failed'


def test_a_disabled_subscription_gets_nothing(
    sandbox: SandboxClient, api: httpx.Client, receiver: Receiver
) -> None:
    """It stays in the list; a test can stage that, failing deliveries, and its loss."""
    sandbox.act('subscriptions', failing=True)
    assert listed(api)[0]['retry_started_at'] is not None
    sandbox.act('subscriptions', failing=False, disabled=True)
    (found,) = listed(api)
    assert (found['state'], found['retry_started_at']) == ('disabled', None)
    book(sandbox)
    assert sandbox.state()['deliveries'] == []
    sandbox.act('subscriptions', deleted=True)
    assert listed(api) == []
