"""The endpoints for monitoring: whether the process answers, and whether orders can be taken."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from services.endpoints.errors import NO_STORE
from services.health import Check, ready


def health_router(health: Callable[[], Awaitable[list[Check]]]) -> APIRouter:
    """Make GET and HEAD /healthz and /readyz.

    Args:
        health: runs the checks.
    """
    router = APIRouter()

    @router.api_route('/healthz', methods=['GET', 'HEAD'])
    async def healthz() -> Response:
        """Say that the process answers."""
        return PlainTextResponse('ok', headers=NO_STORE)

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
