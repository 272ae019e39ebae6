"""Reading what strangers send: never more than a door asks for."""

from fastapi import Request

from services.errors import BodyTooLarge


async def read_body(request: Request, limit: int) -> bytes:
    """Read a request's body.

    Args:
        request: the request, its body not read yet.
        limit: how many bytes the door takes.

    Raises:
        BodyTooLarge: it is longer; the rest is not read.
    """
    if int(request.headers.get('content-length', '0') or 0) > limit:
        raise BodyTooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise BodyTooLarge
    return bytes(body)
