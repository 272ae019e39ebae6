"""The doors where Stripe and Calendly knock: signed deliveries, noted before they are worked, settled after.

A delivery that could not be worked keeps its error and is answered 500, so that the sender comes back.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from fastapi import APIRouter, Request, Response

from services.bodies import read_body
from services.errors import BadRequest, ShopError, reported
from services.fulfilment import Fulfilment
from services.ledger import Delivery, Ledger
from services.payments import RELEVANT, named_by, signed_event
from services.scheduling import signed_meeting

log = logging.getLogger(__name__)

LIMIT = 256 * 1024  # bytes; Stripe's and Calendly's deliveries are a few KiB
INVITEE_EVENTS = frozenset({'invitee.created', 'invitee.canceled'})


def stripe_door(secret: str, ledger: Ledger, fulfilment: Fulfilment) -> APIRouter:
    """Make POST /webhooks/stripe.

    Args:
        secret: the endpoint's signing secret; without one the door must not be made.
        ledger: where deliveries are noted.
        fulfilment: what they lead to.
    """
    router = APIRouter()

    @router.post('/webhooks/stripe')
    async def stripe(request: Request) -> Response:
        """Take one id from the event and nothing else; the rest is read at Stripe."""
        body = await read_body(request, LIMIT)
        with _refusals_logged('stripe'):
            event = signed_event(body, request.headers.get('stripe-signature', ''), secret)
            event_id, kind, named = named_by(event)
        if not named or kind not in RELEVANT:
            return Response('not for this shop')
        delivery = Delivery('stripe', event_id, kind, parcel=named)
        return await _work(ledger, delivery, lambda: fulfilment.hear(delivery, because='webhook'))

    return router


def calendly_door(key: str, ledger: Ledger, fulfilment: Fulfilment) -> APIRouter:
    """Make POST /webhooks/calendly.

    Args:
        key: the subscription's signing key; without one the door must not be made.
        ledger: where deliveries are noted.
        fulfilment: what they lead to.
    """
    router = APIRouter()

    @router.post('/webhooks/calendly')
    async def calendly(request: Request) -> Response:
        """Write the meeting down at its order."""
        body = await read_body(request, LIMIT)
        header = request.headers.get('calendly-webhook-signature', '')
        with _refusals_logged('calendly'):
            event_id, kind, meeting = signed_meeting(body, header, key)
        if kind not in INVITEE_EVENTS:
            return Response('not for this shop')
        delivery = Delivery('calendly', event_id, kind, parcel=body.decode())
        return await _work(
            ledger, delivery, lambda: fulfilment.book(meeting, because='webhook', settles=delivery)
        )

    return router


@contextmanager
def _refusals_logged(door: str) -> Iterator[None]:
    """Tell the operator why a delivery was refused: the secret may be wrong, or a clock."""
    try:
        yield
    except BadRequest as error:
        log.warning('a delivery at /webhooks/%s was refused: %s (%s)', door, error, error.__cause__)
        raise


async def _work(ledger: Ledger, delivery: Delivery, work: Callable[[], Awaitable[object]]) -> Response:
    try:
        with reported(f'delivery {delivery.kind}'):
            if await ledger.note(delivery):
                return Response('known already')
            await work()
    except ShopError as error:
        await _keep_error(ledger, delivery, error)
        return Response('please deliver this again later', status_code=500)
    return Response('thank you')


async def _keep_error(ledger: Ledger, delivery: Delivery, error: ShopError) -> None:
    """Keep why it failed, unless the ledger itself is what failed: the sender comes back either way."""
    try:
        with reported('keeping the error of a delivery'):
            await ledger.settle(delivery, error=f'{error.code} [error {error.id}]')
    except ShopError:
        return
