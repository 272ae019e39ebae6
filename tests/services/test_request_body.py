"""Reading a request's body: the limits in bytes and in seconds."""

import asyncio

import pytest
from fastapi import Request

from services.endpoints.request_body import read_body
from services.errors import BodyTooLarge, BodyTooSlow, UnsupportedType


def request(*chunks: bytes, ends: bool = True, **headers: str) -> Request:
    """Return a request whose body arrives in chunks, and which may never end."""
    waiting = [{'type': 'http.request', 'body': chunk, 'more_body': True} for chunk in chunks]
    if ends:
        waiting.append({'type': 'http.request', 'body': b'', 'more_body': False})

    async def receive() -> dict[str, object]:
        if waiting:
            return waiting.pop(0)
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    raw = [(name.replace('_', '-').encode(), value.encode()) for name, value in headers.items()]
    return Request({'type': 'http', 'headers': raw}, receive)


async def test_a_body_within_the_limits_is_read() -> None:
    """All chunks are joined, up to the last byte of the limit."""
    assert await read_body(request(b'ab', b'cd'), 4) == b'abcd'


async def test_a_body_that_is_too_long_is_refused() -> None:
    """It is refused by its announced length, or at the byte that is too many without reading on."""
    with pytest.raises(BodyTooLarge):
        await read_body(request(content_length='5'), 4)
    with pytest.raises(BodyTooLarge):
        await read_body(request(b'ab', b'cde', ends=False), 4)


async def test_a_body_that_is_too_slow_is_refused() -> None:
    """The whole body must arrive within the timeout that the endpoint sets."""
    with pytest.raises(BodyTooSlow):
        await read_body(request(b'ab', ends=False), 4, timeout=0.01)


async def test_a_compressed_body_is_refused() -> None:
    """A small compressed body could become a large one."""
    with pytest.raises(UnsupportedType):
        await read_body(request(b'ab', content_encoding='gzip'), 4)
