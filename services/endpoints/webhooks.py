"""The webhook endpoints: signed deliveries from Stripe and Calendly.

Signature first, then the kind, then the rest: a signed delivery of a kind that the shop does not use is
answered 200. One that failed is answered 500 to Stripe, which comes back for days. Calendly disables a
subscription that fails for a day, so a delivery of Calendly that was recorded is answered 200 (decision 60).
"""

import time
from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, Request, Response

from services.endpoints.refusals import Refusals
from services.endpoints.request_body import read_body
from services.errors import BadRequest, ShopError
from services.inbox import Inbox, Outcome
from services.ledger import Delivery, Source
from services.metrics import Metrics
from services.orders import Cause
from services.payments import RELEVANT, kind_of, named_by, signed_event
from services.scheduling import check_signature, read_id, read_kind

BODY_LIMIT = 256 * 1024  # bytes; Stripe's and Calendly's deliveries are a few KiB
INVITEE_EVENTS = frozenset({'invitee.created', 'invitee.canceled'})
ANSWERS = {
    Outcome.HANDLED: 'thank you',
    Outcome.KNOWN: 'known already',
    Outcome.FOREIGN: 'not for this shop',
    Outcome.KEPT: 'kept',
    Outcome.FAILED: 'please deliver this again later',
}


def stripe_router(secrets: Sequence[str], inbox: Inbox, metrics: Metrics, refusals: Refusals) -> APIRouter:
    """Make POST /webhooks/stripe.

    Args:
        secrets: the endpoint's signing secrets; without one the endpoint must not be made.
        inbox: records and processes deliveries.
        metrics: counts them.
        refusals: logs those that are refused.
    """

    async def receive(body: bytes, signature: str) -> Outcome:
        event = signed_event(body, signature, secrets)
        if kind_of(event) not in RELEVANT:
            return Outcome.FOREIGN
        event_id, kind, object_id = named_by(event)
        if not object_id:
            return Outcome.FOREIGN
        # The event only names an object. What is true of it is read at Stripe.
        delivery = Delivery(Source.STRIPE, event_id, kind, payload=object_id)
        return await inbox.receive(delivery, because=Cause.WEBHOOK)

    return _router(Source.STRIPE, 'stripe-signature', receive, metrics, refusals)


def calendly_router(keys: Sequence[str], inbox: Inbox, metrics: Metrics, refusals: Refusals) -> APIRouter:
    """Make POST /webhooks/calendly.

    Args:
        keys: the subscription's signing keys; without one the endpoint must not be made.
        inbox: records and processes deliveries.
        metrics: counts them.
        refusals: logs those that are refused.
    """

    async def receive(body: bytes, signature: str) -> Outcome:
        check_signature(body, signature, keys)
        kind = read_kind(body)
        if kind not in INVITEE_EVENTS:
            return Outcome.FOREIGN
        delivery = Delivery(Source.CALENDLY, read_id(body), kind, payload=body.decode())
        return await inbox.keep(delivery, because=Cause.WEBHOOK)

    return _router(Source.CALENDLY, 'calendly-webhook-signature', receive, metrics, refusals)


def _router(
    source: Source,
    header: str,
    receive: Callable[[bytes, str], Awaitable[Outcome]],
    metrics: Metrics,
    refusals: Refusals,
) -> APIRouter:
    """Make the endpoint of a sender, also with a slash at the end of its URL: senders follow no redirect."""
    router = APIRouter()

    @router.post(f'/webhooks/{source}')
    @router.post(f'/webhooks/{source}/')
    async def webhook(request: Request) -> Response:
        """Receive a delivery."""
        body, signature = await read_body(request, BODY_LIMIT), request.headers.get(header, '')
        begun, outcome = time.perf_counter(), Outcome.FAILED
        try:
            outcome = await receive(body, signature)
        except BadRequest as error:
            outcome = Outcome.REFUSED
            refusals.log(source, error)
            raise
        except ShopError:
            pass  # the inbox has logged it, and stored it where it could
        finally:
            metrics.delivery(source, outcome)
            metrics.answered(source, time.perf_counter() - begun)
        refusals.accept(source)
        return Response(ANSWERS[outcome], status_code=500 if outcome is Outcome.FAILED else 200)

    return router
