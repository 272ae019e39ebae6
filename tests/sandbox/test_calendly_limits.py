"""The sandbox's limit of Calendly API calls, and how many it counted."""

import httpx
import pytest

from tests.sandbox.calendly import event_type
from tests.sandbox_client import SandboxClient

NAMES = ('x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset')


def limits(answer: httpx.Response) -> list[int]:
    """Return limit, remaining calls and seconds until the reset."""
    return [int(answer.headers[name]) for name in NAMES]


@pytest.mark.parametrize(('plan', 'limit'), [('free', 50), ('paid', 500)])
def test_the_plan_decides_how_many_calls_a_minute_has(
    sandbox: SandboxClient, api: httpx.Client, plan: str, limit: int
) -> None:
    """The call after the last one is refused; after the seconds until the reset all are free again."""
    assert sandbox.act('calendly-plan', plan=plan) == {'plan': plan, 'limit': limit}
    answers = [api.get('users/me') for _ in range(limit)]
    assert {answer.status_code for answer in answers} == {200}
    assert [limits(answer)[1] for answer in answers] == list(range(limit - 1, -1, -1))
    refused = api.get('users/me')
    assert (refused.status_code, refused.json()['title']) == (429, 'Too Many Requests')
    assert limits(refused)[:2] == [limit, 0]
    seconds = limits(refused)[2]
    assert 0 < seconds <= 60
    sandbox.act('clock', ahead=seconds)
    assert limits(api.get('users/me')) == [limit, limit - 1, 60]


def test_every_answer_of_the_api_has_the_headers(sandbox: SandboxClient, api: httpx.Client) -> None:
    """Answers with and without a body, and every refusal; the booking page has none."""
    share = api.post('shares', json={'event_type': event_type(api)['uri']}).json()['resource']
    sandbox.fault('GET /users/*', 'fail', status=503)
    answers = [
        api.get('users/me'), api.delete(share['uri']), api.get('event_types'), api.get('shares/x'),
        api.get('users/me', headers={'Authorization': 'Bearer other'}),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [503, 204, 400, 404, 401]
    remaining = [limits(answer)[1] for answer in answers]
    assert remaining == list(range(remaining[0], remaining[0] - 5, -1))
    assert NAMES[0] not in httpx.get(sandbox.calendly_link, trust_env=False).headers


def test_a_refusal_can_be_injected(sandbox: SandboxClient, api: httpx.Client) -> None:
    """It says that nothing remains, and when to ask again."""
    sandbox.fault('GET /users/me', 'fail', status=429, retry_after=7)
    refused = api.get('users/me')
    assert (refused.status_code, limits(refused)[1:]) == (429, [0, 7])
    assert api.get('users/me').status_code == 200


def test_the_calls_are_counted_by_path_and_minute(sandbox: SandboxClient, api: httpx.Client) -> None:
    """All that arrived count, refused and lost ones too; ids are left out of a path, booking pages too."""
    event = event_type(api)['uri']
    sandbox.clear_calls()
    api.get('users/me')
    api.get(event)
    sandbox.act('clock', ahead=60)
    sandbox.fault('GET /event_types', 'reset')
    with pytest.raises(httpx.TransportError):
        api.get('event_types')
    api.get('event_types')
    httpx.get(sandbox.calendly_link, trust_env=False)
    sandbox.act('clock', ahead=30)
    sandbox.act('calendly-token', revoked=True)
    api.get('users/me')
    paths = {'GET /users/me': 2, 'GET /event_types/{uuid}': 1, 'GET /event_types': 2}
    expected = {'total': 5, 'by_path': paths, 'most_in_a_minute': 3, 'plan': 'paid', 'limit': 500}
    assert sandbox.calls() == expected
    sandbox.clear_calls()
    assert sandbox.calls()['total'] == 0
