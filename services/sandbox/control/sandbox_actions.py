"""The sandbox's clock, webhooks and reset; each function is `POST /actions/<name>`."""

from datetime import timedelta

from services.sandbox.calendly import bookings
from services.sandbox.clock import run_due
from services.sandbox.seed import seed
from services.sandbox.state import SandboxState
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
    """`{stripe?, calendly?}`: set the URLs of the webhooks; null stops them."""
    if 'stripe' in body:
        state.stripe_webhook = body['stripe']
    if 'calendly' in body:
        state.calendar.subscriptions.clear()
        if body['calendly']:
            bookings.subscribe_shop(state, body['calendly'])
    urls = [item.url for item in state.calendar.subscriptions.values()]
    return {'stripe': state.stripe_webhook, 'calendly': urls}


async def reset(state: SandboxState, body: Json) -> Json:
    """`{}`: delete everything and start again."""
    await state.close()
    state.clear()
    seed(state)
    return {}


ACTIONS = (clock, release, resend, webhooks, reset)
