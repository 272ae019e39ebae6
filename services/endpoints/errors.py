"""The JSON of an error."""

from fastapi import Response
from fastapi.responses import JSONResponse

from services.errors import ShopError

NO_STORE = {'Cache-Control': 'no-store'}


def error_response(error: ShopError) -> Response:
    """Answer ``{"error": {"code", "message", "id"}}`` with the error's status."""
    headers = dict(NO_STORE)
    if error.retry_after:
        headers['Retry-After'] = str(error.retry_after)
    body = {'error': {'code': error.code, 'message': error.words, 'id': error.id}}
    return JSONResponse(body, status_code=error.status, headers=headers)
