"""The sandbox's clock, webhooks and reset; each function is `POST /actions/<name>`."""

import json
from datetime import timedelta

from services.sandbox.calendly import bookings, other_events
from services.sandbox.clock import run_due
from services.sandbox.seed import seed
from services.sandbox.state import SandboxState
from services.sandbox.stripe import events, webhook_endpoints
from services.sandbox.types import Json


async def clock(state: SandboxState, body: Json) -> Json:
    """`{ahead}`: move the clock forward by this many seconds, or back by a negative number.

    Stripe's Date header and all its times follow.
    """
    state.clock_offset += timedelta(seconds=body.get('ahead', 0))
    run_due(state)
    return {'now': state.now().isoformat()}


async def release(state: SandboxState, body: Json) -> Json:
    """`{backwards?}`: send the held webhooks."""
    return {'released': state.webhooks.release(bool(body.get('backwards')))}


async def resend(state: SandboxState, body: Json) -> Json:
    """`{event}`: send an event once more, as from Stripe's dashboard."""
    deliveries = [delivery for delivery in state.webhooks.log if delivery.id == body.get('event')]
    if not deliveries:
        raise ValueError('no such delivery')
    state.webhooks.resend(deliveries[0])
    return deliveries[0].view()


async def webhooks(state: SandboxState, body: Json) -> Json:
    """`{stripe?, calendly?, stripe_payload?, calendly_events?}`: set the webhooks' URLs; null stops them.

    `stripe_payload` is `snapshot`, `thin` or `both`; `calendly_events` are the kinds to subscribe to.
    """
    if 'stripe' in body:
        webhook_endpoints.configure(state, body['stripe'])
    if body.get('stripe_payload', 'both') not in ('snapshot', 'thin', 'both'):
        raise ValueError('stripe_payload is snapshot, thin or both')
    state.stripe_payload = body.get('stripe_payload', state.stripe_payload)
    if 'calendly' in body:
        state.calendar.subscriptions.clear()
        if body['calendly']:
            bookings.subscribe_shop(state, body['calendly'], body.get('calendly_events'))
    urls = [item.url for item in state.calendar.subscriptions.values()]
    return {'stripe': webhook_endpoints.configured_url(state), 'calendly': urls}


async def ping(state: SandboxState, body: Json) -> Json:
    """`{}`: ping the webhook endpoint, as the operator does in Stripe's dashboard."""
    return events.ping(state)


async def thin_event(state: SandboxState, body: Json) -> Json:
    """`{event}`: return an event as Stripe would send it thin; it is not sent."""
    event = state.events[body['event']]
    return events.thin(state, event.type, event.created, json.loads(event.data))


async def calendly_event(state: SandboxState, body: Json) -> Json:
    """`{event, invitee?}`: let an event happen at Calendly that is no booking, such as `contact.created`."""
    return {'sent': other_events.send(state, body['event'], str(body.get('invitee', '')))}


async def smtp(state: SandboxState, body: Json) -> Json:
    """`{down?}`: close the SMTP port, so that connections are refused, or open it again."""
    state.mailbox.down = bool(body.get('down', state.mailbox.down))
    return {'down': state.mailbox.down, 'mails': state.mailbox.count}


async def reset(state: SandboxState, body: Json) -> Json:
    """`{}`: delete everything and start again."""
    await state.close()
    state.clear()
    seed(state)
    return {}


ACTIONS = (clock, release, resend, webhooks, ping, thin_event, calendly_event, smtp, reset)
