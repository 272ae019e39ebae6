"""The webhook endpoints: signed deliveries from Stripe and Calendly.

A delivery that failed is answered 500, so that the sender comes back.
"""

import logging
import time
from collections.abc import Awaitable

from fastapi import APIRouter, Request, Response

from services.endpoints.request_body import read_body
from services.errors import BadRequest, ShopError
from services.inbox import Inbox, Outcome
from services.ledger import Delivery, Source
from services.metrics import Metrics
from services.orders import Cause
from services.payments import RELEVANT, named_by, signed_event
from services.scheduling import signed_update

log = logging.getLogger(__name__)

BODY_LIMIT = 256 * 1024  # bytes; Stripe's and Calendly's deliveries are a few KiB
INVITEE_EVENTS = frozenset({'invitee.created', 'invitee.canceled'})
ANSWERS = {
    Outcome.HANDLED: 'thank you',
    Outcome.KNOWN: 'known already',
    Outcome.FOREIGN: 'not for this shop',
    Outcome.FAILED: 'please deliver this again later',
}


def stripe_router(secret: str, inbox: Inbox, metrics: Metrics) -> APIRouter:
    """Make POST /webhooks/stripe.

    Args:
        secret: the endpoint's signing secret; without one the endpoint must not be made.
        inbox: records and processes deliveries.
        metrics: counts them.
    """
    router = APIRouter()

    async def receive(body: bytes, signature: str) -> Outcome:
        event_id, kind, object_id = named_by(signed_event(body, signature, secret))
        if not object_id or kind not in RELEVANT:
            return Outcome.FOREIGN
        # The event only names an object. What is true of it is read at Stripe.
        delivery = Delivery(Source.STRIPE, event_id, kind, payload=object_id)
        return await inbox.receive(delivery, because=Cause.WEBHOOK)

    @router.post('/webhooks/stripe')
    async def stripe(request: Request) -> Response:
        """Receive a delivery of Stripe."""
        body, signature = await read_body(request, BODY_LIMIT), request.headers.get('stripe-signature', '')
        return await _answer(metrics, Source.STRIPE, receive(body, signature))

    return router


def calendly_router(key: str, inbox: Inbox, metrics: Metrics) -> APIRouter:
    """Make POST /webhooks/calendly.

    Args:
        key: the subscription's signing key; without one the endpoint must not be made.
        inbox: records and processes deliveries.
        metrics: counts them.
    """
    router = APIRouter()

    async def receive(body: bytes, signature: str) -> Outcome:
        event_id, kind, _ = signed_update(body, signature, key)
        if kind not in INVITEE_EVENTS:
            return Outcome.FOREIGN
        delivery = Delivery(Source.CALENDLY, event_id, kind, payload=body.decode())
        return await inbox.receive(delivery, because=Cause.WEBHOOK)

    @router.post('/webhooks/calendly')
    async def calendly(request: Request) -> Response:
        """Receive a delivery of Calendly."""
        signature = request.headers.get('calendly-webhook-signature', '')
        body = await read_body(request, BODY_LIMIT)
        return await _answer(metrics, Source.CALENDLY, receive(body, signature))

    return router


async def _answer(metrics: Metrics, source: Source, received: Awaitable[Outcome]) -> Response:
    """Answer a delivery by its outcome, and count it.

    Raises:
        BadRequest: it is not a signed delivery. It is logged: the secret may be wrong, or a clock.
    """
    begun, outcome = time.perf_counter(), Outcome.FAILED
    try:
        outcome = await received
    except BadRequest as error:
        outcome = Outcome.REFUSED
        log.warning('a delivery at /webhooks/%s was refused: %s (%s)', source, error, error.__cause__)
        raise
    except ShopError:
        pass  # the inbox has logged and stored it
    finally:
        metrics.delivery(source, outcome)
        metrics.answered(source, time.perf_counter() - begun)
    return Response(ANSWERS[outcome], status_code=500 if outcome is Outcome.FAILED else 200)
