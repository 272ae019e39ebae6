"""The endpoints for machines: starting a payment by JSON, whether the shop is well, and its counters."""

import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from services.checkout import Checkout
from services.endpoints.request_body import read_body
from services.errors import BadRequest, ShopError, UnknownOffer, UnsupportedType
from services.metrics import CONTENT_TYPE, Metrics
from services.orders import Cause

LIMIT = 4 * 1024  # bytes
LOOPBACK, LOOPBACK_6 = '127.0.0.0/8', '::1/128'
FORWARDED = ('forwarded', 'x-forwarded-', 'x-real-ip', 'via')
"""What proxies add to a request, by the beginnings of the names."""
NO_STORE = {'Cache-Control': 'no-store'}


def checkout_router(checkout: Checkout, offer: str) -> APIRouter:
    """Make POST /api/create-checkout-session.

    Args:
        checkout: what it starts.
        offer: the slug of the one offer for sale.
    """
    router = APIRouter()

    @router.post('/api/create-checkout-session')
    async def create_checkout_session(request: Request) -> Response:
        """Open a session; the body is ``{"offer"?: slug}``, or empty."""
        _require_offer(_json_object(await read_body(request, LIMIT), request), offer)
        browser_id = getattr(request.state, 'browser_id', '')
        client = request.client.host if request.client else ''
        session = await checkout.start(browser_id=browser_id, because=Cause.API, client_ip=client)
        return JSONResponse({'id': session.id, 'url': session.url}, headers=NO_STORE)

    return router


def health_router(health: Callable[[], Awaitable[dict[str, str]]]) -> APIRouter:
    """Make GET and HEAD /healthz and /readyz.

    Args:
        health: tells what is wrong with each part, '' where nothing is.
    """
    router = APIRouter()

    @router.api_route('/healthz', methods=['GET', 'HEAD'])
    async def healthz() -> Response:
        """Say that the process answers."""
        return PlainTextResponse('ok', headers=NO_STORE)

    @router.api_route('/readyz', methods=['GET', 'HEAD'])
    async def readyz() -> Response:
        """Say whether orders can be taken, with a reason for each part."""
        parts = await health()
        body = {'ready': not parts['ledger'], 'parts': {name: why or 'ok' for name, why in parts.items()}}
        return JSONResponse(body, status_code=503 if parts['ledger'] else 200, headers=NO_STORE)

    return router


def metrics_router(metrics: Metrics, *, trusted: str) -> APIRouter:
    """Make GET /metrics, which exists only for this machine and the operator's own networks.

    Args:
        metrics: what is shown.
        trusted: addresses and networks, with commas in between, that may ask besides this machine. Who comes
            through a proxy asks for somebody else, and is told that there is no such address.
    """
    router = APIRouter()
    networks = [ipaddress.ip_network(part) for part in (LOOPBACK, LOOPBACK_6, *trusted.split(','))]

    @router.get('/metrics')
    async def read_metrics(request: Request) -> Response:
        """Write the counters down for Prometheus."""
        client = request.client.host if request.client else ''
        forwarded = any(name.startswith(FORWARDED) for name in request.headers)
        if forwarded or not _lies_in(client, networks):
            raise HTTPException(404)
        return Response(metrics.text(), headers=NO_STORE | {'Content-Type': CONTENT_TYPE})

    return router


def problem(error: ShopError) -> Response:
    """Write an error for a machine: ``{"error": {"code", "message"}}`` with its status."""
    headers = dict(NO_STORE)
    if error.retry_after:
        headers['Retry-After'] = str(error.retry_after)
    body = {'error': {'code': error.code, 'message': error.words, 'id': error.id}}
    return JSONResponse(body, status_code=error.status, headers=headers)


def _lies_in(client: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return False
    if address.version == 6:
        address = address.ipv4_mapped or address
    return any(address in network for network in networks)


def _json_object(body: bytes, request: Request) -> dict[str, Any]:
    if not body.strip():
        return {}
    kind = request.headers.get('content-type', '').replace(' ', '').replace('"', '').lower()
    if kind not in ('application/json', 'application/json;charset=utf-8'):
        raise UnsupportedType
    try:
        data = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise BadRequest('The body is not JSON.') from error
    if not isinstance(data, dict):
        raise BadRequest('The body must be a JSON object such as {"offer": "session"}.')
    return data


def _require_offer(data: dict[str, Any], offer: str) -> None:
    unknown = sorted(set(data) - {'offer'})
    if unknown:
        raise BadRequest('The body may only hold "offer".')
    wanted = data.get('offer', offer)
    if not isinstance(wanted, str):
        raise BadRequest('"offer" must be a text.')
    if wanted != offer:
        raise UnknownOffer
