"""Stripe's events: recorded when something happens, and sent to the webhook endpoint."""

import json
from datetime import UTC, datetime

from services.sandbox.state import Event, SandboxState, new_id
from services.sandbox.stripe import event_destinations, webhook_endpoints
from services.sandbox.types import Json
from services.sandbox.webhooks import Delivery

URLS = {
    'checkout.session': '/v1/checkout/sessions', 'charge': '/v1/charges', 'refund': '/v1/refunds',
    'dispute': '/v1/disputes', 'radar.early_fraud_warning': '/v1/radar/early_fraud_warnings',
    'review': '/v1/reviews',
}  # fmt: skip
"""Where the API has the objects that a thin event may be about."""


def record(state: SandboxState, kind: str, item: Json) -> Event:
    """Record an event, and send it to the endpoints that subscribe to it: as a snapshot, thin, or both."""
    event = Event(new_id('evt_1'), state.timestamp(), kind, json.dumps(item))
    state.events[event.id] = event
    for endpoint in webhook_endpoints.subscribed(state, kind):
        payload = state.stripe_payload if endpoint['id'] == webhook_endpoints.CONFIGURED else 'snapshot'
        if payload in ('thin', 'both') and item['object'] in URLS:
            event.deliveries.append(_send(state, endpoint, thin(state, kind, event.created, item)))
        if payload in ('snapshot', 'both'):
            event.deliveries.append(_send(state, endpoint, view(state, event, pending=1)))
    for destination in event_destinations.subscribed(state, kind):
        if destination['event_payload'] == 'snapshot':
            event.deliveries.append(_send(state, destination, view(state, event, pending=1)))
        elif item['object'] in URLS:
            event.deliveries.append(_send(state, destination, thin(state, kind, event.created, item)))
    while len(state.events) > state.config.max_closed:
        del state.events[next(iter(state.events))]
    return event


def ping(state: SandboxState) -> Json:
    """Send what `POST /v2/core/event_destinations/{id}/ping` makes Stripe send."""
    endpoint = state.tables[webhook_endpoints.KIND].get(webhook_endpoints.CONFIGURED)
    if endpoint is None:
        raise ValueError('there is no webhook')
    destination = {'id': new_id('ed_test_'), 'object': 'v2.core.event_destination'}
    related = {'id': destination['id'], 'type': destination['object']}
    related['url'] = f'/v2/core/event_destinations/{destination["id"]}'
    body = _notification(state, 'v2.core.event_destination.ping', state.timestamp(), related)
    return _send(state, endpoint, body).view()


def thin(state: SandboxState, kind: str, created: int, item: Json) -> Json:
    """Return the thin event of something that happened (https://docs.stripe.com/event-destinations)."""
    name = item['object']
    related = {'id': item['id'], 'type': name, 'url': f'{URLS[name]}/{item["id"]}'}
    return _notification(state, f'v1.{kind}', created, related)


def _notification(state: SandboxState, kind: str, created: int, related: Json) -> Json:
    time = datetime.fromtimestamp(created, UTC)
    return {
        'id': new_id('evt_test_65'), 'object': 'v2.core.event', 'type': kind, 'livemode': False,
        'created': f'{time:%Y-%m-%dT%H:%M:%S}.000Z', 'related_object': related,
    }  # fmt: skip


def _send(state: SandboxState, endpoint: Json, body: Json) -> Delivery:
    data, secret = json.dumps(body, indent=2).encode(), state.webhook_secrets[endpoint['id']]
    delivery = Delivery('stripe', body['id'], body['type'], endpoint['url'], secret, data)
    state.webhooks.send(delivery)
    return delivery


def view(state: SandboxState, event: Event, pending: int | None = None) -> Json:
    """Return the event as JSON (https://docs.stripe.com/api/events/object)."""
    return {
        'id': event.id, 'object': 'event', 'api_version': state.config.api_version, 'created': event.created,
        'data': {'object': json.loads(event.data)}, 'livemode': False,
        'pending_webhooks': int(not delivered(event)) if pending is None else pending,
        'request': {'id': None, 'idempotency_key': None}, 'type': event.type,
    }  # fmt: skip


def delivered(event: Event) -> bool:
    """Whether no delivery of this event is pending; also true without an endpoint."""
    return all(delivery.state == 'delivered' for delivery in event.deliveries)
