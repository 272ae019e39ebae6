"""The endpoints for monitoring: whether it answers, how it is reached, whether orders can be taken."""

import secrets
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from services.endpoints.errors import NO_STORE
from services.health import Check, ready

INSTANCE = 'paidslot-instance'


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
        """Say how a request arrived here, to whoever knows the id of the database, such as the check."""
        given = request.headers.get(INSTANCE, '')
        if not given or not secrets.compare_digest(given.encode(), (await instance()).encode()):
            raise HTTPException(404)
        return JSONResponse(
            {
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
