"""The JSON endpoint that starts a payment."""

import json
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from services.checkout import Checkout
from services.endpoints.errors import NO_STORE
from services.endpoints.request_body import read_body
from services.errors import BadRequest, UnknownOffer, UnsupportedType
from services.orders import Cause

LIMIT = 4 * 1024  # bytes


def checkout_router(checkout: Checkout, offer: str) -> APIRouter:
    """Make POST /api/create-checkout-session.

    Args:
        checkout: opens the checkout session.
        offer: the slug of the one offer for sale.
    """
    router = APIRouter()

    @router.post('/api/create-checkout-session')
    async def create_checkout_session(request: Request) -> Response:
        """Open a checkout session; the body is ``{"offer"?: slug}``, or empty."""
        _require_offer(_json_object(await read_body(request, LIMIT), request), offer)
        browser_id = getattr(request.state, 'browser_id', '')
        client = request.client.host if request.client else ''
        session = await checkout.start(
            browser_id=browser_id,
            because=Cause.API,
            client_ip=client,
            known_browser=getattr(request.state, 'browser_is_known', False),
        )
        return JSONResponse({'id': session.id, 'url': session.url}, headers=NO_STORE)

    return router


def _json_object(body: bytes, request: Request) -> dict[str, Any]:
    if not body.strip():
        return {}
    content_type = request.headers.get('content-type', '').replace(' ', '').replace('"', '').lower()
    if content_type not in ('application/json', 'application/json;charset=utf-8'):
        raise UnsupportedType
    try:
        data = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise BadRequest('The body is not JSON.') from error
    if not isinstance(data, dict):
        raise BadRequest('The body must be a JSON object such as {"offer": "session"}.')
    return data


def _require_offer(data: dict[str, Any], offer: str) -> None:
    if set(data) - {'offer'}:
        raise BadRequest('The body may only hold "offer".')
    wanted = data.get('offer', offer)
    if not isinstance(wanted, str):
        raise BadRequest('"offer" must be a string.')
    if wanted != offer:
        raise UnknownOffer
