"""Which scopes the token lacks: one request for each, about something that does not exist or is only read."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.errors import CalendarRefused
from services.scheduling.api import API, CalendlyApi, has_status
from services.scheduling.check import required_scopes

NOTHING = '00000000-0000-0000-0000-000000000000'
"""No object of Calendly has this id: a request for it is refused as unknown, or for a missing scope."""
SCOPES: Mapping[str, str] = {
    'event_types:read': 'find the event type',
    'scheduling_links:write': 'give each order a link that books once',
    'scheduled_events:read': 'read who has booked',
    'availability:read': 'show the free times',
    'shares:write': 'take back unused links',
    'scheduled_events:write': 'cancel the meeting of a refunded order',
    'webhooks:read': 'check the webhook subscription',
}
"""Which scopes the shop uses besides ``users:read``, and what for; README lists the same."""


class Scopes:
    """What the token may do."""

    def __init__(self, api: CalendlyApi) -> None:
        self._api = api

    async def whose_token(self) -> str:
        """Return the name of the user whose token it is.

        Raises:
            CalendarUnavailable: Calendly does not answer, or refuses the token.
        """
        return str((await self._api.me()).get('name') or 'an unnamed user')

    async def lacks(self, scope: str) -> bool:
        """Whether the token lacks a scope; Calendly names what is missing when it refuses a request.

        Raises:
            CalendarUnavailable: Calendly does not answer, or refuses the token.
        """
        me = await self._api.me()
        method, path, options = _request(scope, me)
        try:
            await self._api.ask(method, path, patient=True, **options)
        except CalendarRefused as error:
            if has_status(error, 401):
                raise
            return bool(required_scopes(error))
        return False


def _request(scope: str, me: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Return a request that needs a scope and changes nothing."""
    user, nothing = str(me['uri']), f'{API}/event_types/{NOTHING}'
    soon = datetime.now(UTC) + timedelta(hours=1)
    hour = {'start_time': _written(soon), 'end_time': _written(soon + timedelta(hours=1))}
    subscriptions = {'organization': str(me['current_organization']), 'scope': 'user', 'user': user}
    requests: Mapping[str, tuple[str, str, dict[str, Any]]] = {
        'event_types:read': ('GET', '/event_types', {'params': {'user': user, 'count': '1'}}),
        'scheduling_links:write': (
            'POST',
            '/scheduling_links',
            {'json': {'max_event_count': 1, 'owner': nothing, 'owner_type': 'EventType'}},
        ),
        'scheduled_events:read': ('GET', '/scheduled_events', {'params': {'user': user, 'count': '1'}}),
        'availability:read': (
            'GET',
            '/event_type_available_times',
            {'params': {'event_type': nothing} | hour},
        ),
        'shares:write': ('DELETE', f'/shares/{NOTHING}', {}),
        'scheduled_events:write': ('POST', f'/scheduled_events/{NOTHING}/cancellation', {'json': {}}),
        'webhooks:read': ('GET', '/webhook_subscriptions', {'params': subscriptions | {'count': '1'}}),
    }
    return requests[scope]


def _written(time: datetime) -> str:
    return time.strftime('%Y-%m-%dT%H:%M:%SZ')
