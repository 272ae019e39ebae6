"""Stripe's events: written down when something happens, and sent to the endpoint."""

import json

from services.sandbox.problems import Json
from services.sandbox.state import Event, World, new_id
from services.sandbox.webhooks import Parcel


def record(world: World, kind: str, thing: Json) -> Event:
    """Write an event down and hand it to the courier where the endpoint listens for its type."""
    event = Event(new_id('evt_1'), world.timestamp(), kind, json.dumps(thing))
    world.events[event.id] = event
    if world.stripe_webhook and kind in world.config.stripe_events:
        event.parcel = _parcel(world, event)
        world.courier.send(event.parcel)
    while len(world.events) > world.config.keep_settled:
        del world.events[next(iter(world.events))]
    return event


def _parcel(world: World, event: Event) -> Parcel:
    body = json.dumps(view(world, event, pending=1), indent=2).encode()
    url = str(world.stripe_webhook)
    return Parcel('stripe', event.id, event.type, url, world.config.stripe_webhook_secret, body)


def view(world: World, event: Event, pending: int | None = None) -> Json:
    """The event as the API shows it."""
    return {
        'id': event.id, 'object': 'event', 'api_version': world.config.api_version, 'created': event.created,
        'data': {'object': json.loads(event.data)}, 'livemode': False,
        'pending_webhooks': int(not delivered(event)) if pending is None else pending,
        'request': {'id': None, 'idempotency_key': None}, 'type': event.type,
    }  # fmt: skip


def delivered(event: Event) -> bool:
    """Whether nothing of this event is still to be delivered; true as well where nobody listens."""
    return event.parcel is None or event.parcel.state == 'delivered'
