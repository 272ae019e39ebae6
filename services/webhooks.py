"""The doors where Stripe and Calendly knock: signed deliveries, noted before they are worked, settled after.

A delivery that could not be worked keeps its error and is answered 500, so that the sender comes back.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from services.bodies import read_body
from services.errors import BadRequest, ShopError, reported
from services.fulfilment import Fulfilment
from services.ledger import Delivery, Ledger
from services.payments import signed_event
from services.scheduling import signed_meeting

log = logging.getLogger(__name__)

LIMIT = 256 * 1024  # bytes; Stripe's and Calendly's deliveries are a few KiB
SESSION_EVENTS = frozenset(
    f'checkout.session.{name}'
    for name in ('completed', 'expired', 'async_payment_succeeded', 'async_payment_failed')
)
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
        """Take the session's id from the event and nothing else; the rest is read at Stripe."""
        body = await read_body(request, LIMIT)
        event = signed_event(body, request.headers.get('stripe-signature', ''), secret)
        event_id, kind, session_id = _named_by(event)
        if kind not in SESSION_EVENTS:
            return Response('not for this shop')
        delivery = Delivery('stripe', event_id, kind)
        return await _work(
            ledger, delivery, lambda: fulfilment.fulfil(session_id, because='webhook', settles=delivery)
        )

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
        event_id, kind, meeting = signed_meeting(body, header, key)
        if kind not in INVITEE_EVENTS:
            return Response('not for this shop')
        delivery = Delivery('calendly', event_id, kind)
        return await _work(
            ledger, delivery, lambda: fulfilment.book(meeting, because='webhook', settles=delivery)
        )

    return router


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


def _named_by(event: dict[str, Any]) -> tuple[str, str, str]:
    """Return the event's id and type and the id of the object it names.

    Raises:
        BadRequest: it is signed, but no event.
    """
    try:
        named = event['data']['object'].get('id', '')
        event_id, kind = event['id'], event['type']
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequest('This is not an event.') from error
    if not all(isinstance(part, str) for part in (event_id, kind, named)):
        raise BadRequest('This is not an event.')
    return event_id, kind, named
