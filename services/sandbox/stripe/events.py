"""Stripe's events: recorded when something happens, and sent to the webhook endpoint."""

import json

from services.sandbox.state import Event, SandboxState, new_id
from services.sandbox.types import Json
from services.sandbox.webhooks import Delivery


def record(state: SandboxState, kind: str, item: Json) -> Event:
    """Record an event, and send it if the endpoint subscribes to its type."""
    event = Event(new_id('evt_1'), state.timestamp(), kind, json.dumps(item))
    state.events[event.id] = event
    if state.stripe_webhook and kind in state.config.stripe_events:
        event.delivery = _delivery(state, event)
        state.webhooks.send(event.delivery)
    while len(state.events) > state.config.max_closed:
        del state.events[next(iter(state.events))]
    return event


def _delivery(state: SandboxState, event: Event) -> Delivery:
    body = json.dumps(view(state, event, pending=1), indent=2).encode()
    url = str(state.stripe_webhook)
    return Delivery('stripe', event.id, event.type, url, state.config.stripe_webhook_secret, body)


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
    return event.delivery is None or event.delivery.state == 'delivered'
