"""Reading a request's body: never more than the endpoint takes, and never for longer."""

import asyncio

from fastapi import Request
from starlette.requests import ClientDisconnect

from services.errors import BodyTooLarge, BodyTooSlow, UnsupportedType

BODY_TIMEOUT = 10.0  # seconds


async def read_body(request: Request, limit: int, *, timeout: float = BODY_TIMEOUT) -> bytes:  # noqa: ASYNC109
    """Read a request's body.

    Args:
        request: the request, its body not read yet.
        limit: how many bytes the endpoint takes.
        timeout: the seconds in which the whole body must arrive.

    Raises:
        BodyTooLarge: it is longer; the rest is not read.
        BodyTooSlow: it did not arrive in time, or the sender disconnected.
        UnsupportedType: it is compressed.
    """
    if request.headers.get('content-encoding', 'identity') != 'identity':
        raise UnsupportedType
    length = request.headers.get('content-length', '0')
    if not length.isdecimal() or int(length) > limit:
        raise BodyTooLarge
    try:
        async with asyncio.timeout(timeout):
            return await _read(request, limit)
    except (TimeoutError, ClientDisconnect) as error:
        raise BodyTooSlow from error


async def _read(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise BodyTooLarge
    return bytes(body)
