"""Stripe's events: written down when something happens, and sent to the endpoint."""

import json

from services.sandbox.problems import Json
from services.sandbox.state import Event, SandboxState, new_id
from services.sandbox.webhooks import Delivery


def record(state: SandboxState, kind: str, thing: Json) -> Event:
    """Write an event down and hand it to the webhooks where the endpoint listens for its type."""
    event = Event(new_id('evt_1'), state.timestamp(), kind, json.dumps(thing))
    state.events[event.id] = event
    if state.stripe_webhook and kind in state.config.stripe_events:
        event.delivery = _delivery(state, event)
        state.webhooks.send(event.delivery)
    while len(state.events) > state.config.keep_settled:
        del state.events[next(iter(state.events))]
    return event


def _delivery(state: SandboxState, event: Event) -> Delivery:
    body = json.dumps(view(state, event, pending=1), indent=2).encode()
    url = str(state.stripe_webhook)
    return Delivery('stripe', event.id, event.type, url, state.config.stripe_webhook_secret, body)


def view(state: SandboxState, event: Event, pending: int | None = None) -> Json:
    """The event as the API shows it."""
    return {
        'id': event.id, 'object': 'event', 'api_version': state.config.api_version, 'created': event.created,
        'data': {'object': json.loads(event.data)}, 'livemode': False,
        'pending_webhooks': int(not delivered(event)) if pending is None else pending,
        'request': {'id': None, 'idempotency_key': None}, 'type': event.type,
    }  # fmt: skip


def delivered(event: Event) -> bool:
    """Whether nothing of this event is still to be delivered; true as well where nobody listens."""
    return event.delivery is None or event.delivery.state == 'delivered'
