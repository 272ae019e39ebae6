"""The endpoints for monitoring: whether it answers, how it is reached, whether orders can be taken."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from services.check.proof import NONCE, PROOF, Side, is_proven, prove
from services.endpoints.errors import NO_STORE
from services.health import Check, ready


def health_router(
    health: Callable[[], Awaitable[list[Check]]], instance: Callable[[], Awaitable[str]]
) -> APIRouter:
    """Make GET and HEAD /healthz and /readyz, and GET /healthz/seen.

    Args:
        health: runs the checks.
        instance: returns the id of the database.
    """
    router = APIRouter()

    @router.api_route('/healthz', methods=['GET', 'HEAD'])
    async def healthz() -> Response:
        """Say that the process answers."""
        return PlainTextResponse('ok', headers=NO_STORE)

    @router.get('/healthz/seen')
    async def seen(request: Request) -> Response:
        """Say how a request arrived here, to who proves to know the id of the database, and prove it too."""
        given, nonce, known = request.headers.get(PROOF, ''), request.headers.get(NONCE, ''), await instance()
        if not is_proven(given, known, nonce, Side.CHECK):
            raise HTTPException(404)
        return JSONResponse(
            {
                'proof': prove(known, nonce, Side.SHOP),
                'scheme': request.url.scheme,
                'client_ip': request.client.host if request.client else '',
                'forwarded_for': ', '.join(request.headers.getlist('x-forwarded-for')),
            },
            headers=NO_STORE,
        )

    @router.api_route('/readyz', methods=['GET', 'HEAD'])
    async def readyz() -> Response:
        """Say whether orders can be taken, with the problem of each part."""
        checks = await health()
        body = {
            'ready': ready(checks),
            'parts': {check.name: check.problem or check.note or 'ok' for check in checks},
        }
        return JSONResponse(body, status_code=200 if ready(checks) else 503, headers=NO_STORE)

    return router
