"""Reading what strangers send: never more than a endpoint asks for."""

import asyncio

from fastapi import Request
from starlette.requests import ClientDisconnect

from services.errors import BodyTooLarge, BodyTooSlow, UnsupportedType

PATIENCE = 10.0  # seconds a body may take to arrive


async def read_body(request: Request, limit: int, *, time_limit: float = PATIENCE) -> bytes:
    """Read a request's body.

    Args:
        request: the request, its body not read yet.
        limit: how many bytes the endpoint takes.
        time_limit: seconds the whole body may take to arrive.

    Raises:
        BodyTooLarge: it is longer; the rest is not read.
        BodyTooSlow: it did not arrive in time, or the sender left.
        UnsupportedType: it is compressed.
    """
    if request.headers.get('content-encoding', 'identity') != 'identity':
        raise UnsupportedType
    length = request.headers.get('content-length', '0')
    if not length.isdecimal() or int(length) > limit:
        raise BodyTooLarge
    try:
        async with asyncio.timeout(time_limit):
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
