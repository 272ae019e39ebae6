"""Stripe's event destinations, listed (https://docs.stripe.com/api/v2/core/event_destinations).

They are made by `POST /actions/event-destination`. Each receives snapshots or thin events.
"""

from datetime import UTC, datetime

from services.sandbox.state import SandboxState, new_id
from services.sandbox.types import Json

KIND = 'v2.core.event_destination'
URL = 'webhook_endpoint.url'


def create(state: SandboxState, url: str, events: list[str], payload: str, *, is_enabled: bool) -> Json:
    """Make a destination; thin events have `v1.` in front of their names."""
    now = f'{datetime.fromtimestamp(state.timestamp(), UTC):%Y-%m-%dT%H:%M:%S}.000Z'
    prefix = 'v1.' if payload == 'thin' else ''
    destination: Json = {
        'id': new_id('ed_test_'), 'object': KIND, 'created': now, 'updated': now, 'description': '',
        'enabled_events': [prefix + kind for kind in events], 'event_payload': payload,
        'events_from': ['@self'], 'livemode': False, 'metadata': {}, 'name': 'A destination',
        'status': 'enabled' if is_enabled else 'disabled', 'type': 'webhook_endpoint',
        'webhook_endpoint': {'url': url},
    }  # fmt: skip
    if payload == 'snapshot':
        destination['snapshot_api_version'] = state.config.api_version
    if not is_enabled:
        destination['status_details'] = {'disabled': {'reason': 'user'}}
    state.tables[KIND][destination['id']] = destination
    state.webhook_secrets[destination['id']] = state.config.stripe_webhook_secret
    return destination


def listing(state: SandboxState, _: str, params: Json) -> Json:
    """`GET /v2/core/event_destinations`: the URL only where `include` names it."""
    found = list(state.tables[KIND].values())[: params.get('limit', 20)]
    if URL not in params.get('include', ()):
        found = [item | {'webhook_endpoint': {}} for item in found]
    return {'data': found, 'next_page_url': None, 'previous_page_url': None}


def subscribed(state: SandboxState, kind: str) -> list[Json]:
    """Return the enabled destinations that receive a kind of event, each with its `url`."""
    return [
        item | {'url': item['webhook_endpoint']['url']}
        for item in state.tables[KIND].values()
        if item['status'] == 'enabled' and {'*', kind, f'v1.{kind}'} & set(item['enabled_events'])
    ]
