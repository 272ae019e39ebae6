"""The endpoints where Stripe and Calendly knock: signed deliveries, noted before they are worked, settled after.

A delivery that could not be worked keeps its error and is answered 500, so that the sender comes back.
"""

import logging
import time
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response

from services.endpoints.request_body import read_body
from services.errors import BadRequest, ShopError, reported
from services.fulfilment import Fulfilment
from services.ledger import Delivery, Ledger
from services.metrics import Metrics
from services.payments import RELEVANT, named_by, signed_event
from services.scheduling import signed_update

log = logging.getLogger(__name__)

LIMIT = 256 * 1024  # bytes; Stripe's and Calendly's deliveries are a few KiB
INVITEE_EVENTS = frozenset({'invitee.created', 'invitee.canceled'})
ANSWERS = {
    'handled': 'thank you',
    'known': 'known already',
    'foreign': 'not for this shop',
    'failed': 'please deliver this again later',
}


def stripe_router(secret: str, ledger: Ledger, fulfilment: Fulfilment, metrics: Metrics) -> APIRouter:
    """Make POST /webhooks/stripe.

    Args:
        secret: the endpoint's signing secret; without one the endpoint must not be made.
        ledger: where deliveries are noted.
        fulfilment: what they lead to.
        metrics: where they are counted.
    """
    router = APIRouter()

    async def deliver(body: bytes, signature: str) -> str:
        event_id, kind, named = named_by(signed_event(body, signature, secret))
        if not named or kind not in RELEVANT:
            return 'foreign'
        delivery = Delivery('stripe', event_id, kind, payload=named)
        return await _work(ledger, delivery, lambda: fulfilment.process(delivery, because='webhook'))

    @router.post('/webhooks/stripe')
    async def stripe(request: Request) -> Response:
        """Take one id from the event and nothing else; the rest is read at Stripe."""
        signature = request.headers.get('stripe-signature', '')
        return await _answer(metrics, 'stripe', deliver(await read_body(request, LIMIT), signature))

    return router


def calendly_router(key: str, ledger: Ledger, fulfilment: Fulfilment, metrics: Metrics) -> APIRouter:
    """Make POST /webhooks/calendly.

    Args:
        key: the subscription's signing key; without one the endpoint must not be made.
        ledger: where deliveries are noted.
        fulfilment: what they lead to.
        metrics: where they are counted.
    """
    router = APIRouter()

    async def deliver(body: bytes, signature: str) -> str:
        event_id, kind, meeting = signed_update(body, signature, key)
        if kind not in INVITEE_EVENTS:
            return 'foreign'
        delivery = Delivery('calendly', event_id, kind, payload=body.decode())
        return await _work(
            ledger, delivery, lambda: fulfilment.book(meeting, because='webhook', handles=delivery)
        )

    @router.post('/webhooks/calendly')
    async def calendly(request: Request) -> Response:
        """Write the meeting down at its order."""
        signature = request.headers.get('calendly-webhook-signature', '')
        return await _answer(metrics, 'calendly', deliver(await read_body(request, LIMIT), signature))

    return router


async def _answer(metrics: Metrics, source: str, delivered: Awaitable[str]) -> Response:
    """Answer a delivery with what it came to, and count it.

    Raises:
        BadRequest: it is no delivery; the operator is told why, since the secret may be wrong, or a clock.
    """
    begun, outcome = time.perf_counter(), 'failed'
    try:
        outcome = await delivered
    except BadRequest as error:
        outcome = 'refused'
        log.warning('a delivery at /webhooks/%s was refused: %s (%s)', source, error, error.__cause__)
        raise
    finally:
        metrics.delivery(source, outcome)
        metrics.answered(source, time.perf_counter() - begun)
    return Response(ANSWERS[outcome], status_code=500 if outcome == 'failed' else 200)


async def _work(ledger: Ledger, delivery: Delivery, work: Callable[[], Awaitable[object]]) -> str:
    try:
        with reported(f'delivery {delivery.kind}'):
            if await ledger.record(delivery):
                return 'known'
            await work()
    except ShopError as error:
        await _keep_error(ledger, delivery, error)
        return 'failed'
    return 'handled'


async def _keep_error(ledger: Ledger, delivery: Delivery, error: ShopError) -> None:
    """Keep why it failed, unless the ledger itself is what failed: the sender comes back either way."""
    try:
        with reported('keeping the error of a delivery'):
            await ledger.mark_handled(delivery, error=f'{error.code} [error {error.id}]')
    except ShopError:
        return
