"""Stripe's webhook endpoints: made, listed, changed and deleted (https://docs.stripe.com/api/webhook_endpoints).

The secret is in the answer to the creation only. Endpoints of this API always receive snapshots. The endpoint
of the configuration is one of them, with a known secret; its `stripe_payload` may be thin.
"""

import re

from services.sandbox.state import SandboxState, new_id
from services.sandbox.stripe.errors import StripeError, not_found
from services.sandbox.types import Json

KIND = 'webhook_endpoint'
CONFIGURED = 'we_1SandboxConfigured'
MOST = 16  # of an account (https://docs.stripe.com/webhooks)
EVENT_NAME = re.compile(r'\*|[a-z_]+(\.[a-z_]+)+')


def create(state: SandboxState, _: str, params: Json) -> Json:
    """`POST /v1/webhook_endpoints`: the only answer with the secret."""
    if len(state.tables[KIND]) >= MOST:
        raise StripeError(f'You have reached the maximum of {MOST} test webhook endpoints.')
    _check_events(params['enabled_events'])
    key, secret = new_id('we_1'), new_id('whsec_', 32)
    state.webhook_secrets[key] = secret
    state.tables[KIND][key] = _view(state, key, params)
    return state.tables[KIND][key] | {'secret': secret}


def update(state: SandboxState, key: str, params: Json) -> Json:
    """`POST /v1/webhook_endpoints/{id}`."""
    endpoint = _get(state, key)
    if 'enabled_events' in params:
        _check_events(params['enabled_events'])
    if 'disabled' in params:
        endpoint['status'] = 'disabled' if params['disabled'] else 'enabled'
    endpoint |= {
        name: params[name] for name in ('url', 'enabled_events', 'description', 'metadata') if name in params
    }
    return dict(endpoint)


def delete(state: SandboxState, key: str, _: Json) -> Json:
    """`DELETE /v1/webhook_endpoints/{id}`."""
    _get(state, key)
    del state.tables[KIND][key], state.webhook_secrets[key]
    return {'id': key, 'object': KIND, 'deleted': True}


def configure(state: SandboxState, url: str | None) -> None:
    """Make the endpoint of the configuration, with another URL, or remove it."""
    state.tables[KIND].pop(CONFIGURED, None)
    if url:
        params = {'url': url, 'enabled_events': list(state.config.stripe_events)}
        state.tables[KIND][CONFIGURED] = _view(state, CONFIGURED, params)
        state.webhook_secrets[CONFIGURED] = state.config.stripe_webhook_secret


def configured_url(state: SandboxState) -> str | None:
    """Return the URL of the configured endpoint, None where there is none."""
    endpoint = state.tables[KIND].get(CONFIGURED)
    return str(endpoint['url']) if endpoint else None


def subscribed(state: SandboxState, kind: str) -> list[Json]:
    """Return the enabled endpoints that receive a kind of event."""
    return [
        endpoint
        for endpoint in state.tables[KIND].values()
        if endpoint['status'] == 'enabled' and {'*', kind} & set(endpoint['enabled_events'])
    ]


def _get(state: SandboxState, key: str) -> Json:
    if key not in state.tables[KIND]:
        raise not_found(KIND, key, KIND)
    return state.tables[KIND][key]


def _check_events(kinds: list[str]) -> None:
    for index, kind in enumerate(kinds):
        if not EVENT_NAME.fullmatch(kind):
            raise StripeError(f'Invalid event: {kind}', param=f'enabled_events[{index}]')


def _view(state: SandboxState, key: str, params: Json) -> Json:
    return {
        'id': key, 'object': KIND, 'api_version': params.get('api_version'), 'application': None,
        'created': state.timestamp(), 'description': params.get('description'), 'livemode': False,
        'enabled_events': params['enabled_events'], 'metadata': params.get('metadata', {}),
        'status': 'enabled', 'url': params['url'],
    }  # fmt: skip
