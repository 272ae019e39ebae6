"""Responses are compressed; NiceGUI's files are cached, as small as they get."""

import asyncio
import gzip
from pathlib import Path

import brotli
import httpx
import nicegui
import pytest
from nicegui import background_tasks

from tests.pages.customer import Customer
from ui.middleware.static_cache import STATIC

FILE = f'{STATIC}static/socket.io.min.js'
CONTENT = (Path(nicegui.__file__).parent / 'static' / 'socket.io.min.js').read_bytes()


async def raw(customer: Customer, path: str, encoding: str) -> tuple[str, bytes]:
    """Request a path; return the encoding and the bytes as they were sent."""
    async with customer.http.stream('GET', path, headers={'accept-encoding': encoding}) as answer:
        assert answer.headers['vary'] == 'Accept-Encoding'
        body = b''.join([part async for part in answer.aiter_raw()])
        assert int(answer.headers['content-length']) == len(body)
        return answer.headers.get('content-encoding', ''), body


@pytest.mark.parametrize(
    ('accepted', 'chosen'), [('gzip, br, zstd', 'zstd'), ('gzip, br', 'br'), ('gzip', 'gzip')]
)
async def test_a_page_is_compressed(customer: Customer, accepted: str, chosen: str) -> None:
    """A page comes in the best encoding that the browser knows."""
    encoding, body = await raw(customer, '/terms', accepted)
    assert encoding == chosen
    assert len(body) < len((await customer.http.get('/terms')).content) / 2


async def test_a_browser_that_knows_none_is_served(customer: Customer) -> None:
    """Nothing is compressed for a browser that accepts no encoding."""
    encoding, body = await raw(customer, FILE, 'br;q=0, identity')
    assert encoding == ''
    assert body == CONTENT


async def test_a_file_gets_smaller(customer: Customer) -> None:
    """A file is sent compressed at once, and later as small as Brotli can make it."""
    encoding, first = await raw(customer, FILE, 'gzip, deflate, br, zstd')
    assert encoding == 'br'
    assert brotli.decompress(first) == CONTENT
    await asyncio.gather(*(task for task in background_tasks.running_tasks if FILE in task.get_name()))
    _, second = await raw(customer, FILE, 'gzip, deflate, br, zstd')
    assert brotli.decompress(second) == CONTENT
    assert len(second) < len(first)


async def test_a_file_without_brotli(customer: Customer) -> None:
    """A cached file is not sent to a browser that cannot decode it."""
    await raw(customer, FILE, 'br')
    encoding, body = await raw(customer, FILE, 'gzip')
    assert encoding == 'gzip'
    assert gzip.decompress(body) == CONTENT


@pytest.mark.parametrize(
    'path', ['static/no-such-file.js', 'static/x/%2E%2E/nicegui.js', 'static//nicegui.js']
)
async def test_only_canonical_paths_are_cached(customer: Customer, path: str) -> None:
    """A missing file, or a file under another path, is answered normally and not cached."""
    answer = await customer.http.get(f'{STATIC}{path}', headers={'accept-encoding': 'br'})
    assert answer.status_code in (200, 404)
    assert not [task for task in background_tasks.running_tasks if 'compress' in task.get_name()]


async def test_a_browser_that_leaves_early(customer: Customer) -> None:
    """A browser that leaves while a file is read for the first time does not cut it off for the others."""
    transport = customer.http._transport
    assert isinstance(transport, httpx.ASGITransport)
    headers = [(b'host', b'test'), (b'accept-encoding', b'br')]
    about = {'type': 'http', 'method': 'GET', 'path': FILE, 'raw_path': FILE.encode(), 'query_string': b''}
    versions = {'asgi': {'version': '3.0', 'spec_version': '2.3'}, 'http_version': '1.1', 'scheme': 'http'}
    scope = {**about, **versions, 'headers': headers, 'client': ('127.0.0.1', 1), 'server': ('test', 80)}

    async def disconnected() -> dict[str, str]:
        return {'type': 'http.disconnect'}

    async def ignore(_message: object) -> None:
        pass

    await transport.app(scope, disconnected, ignore)
    _, body = await raw(customer, FILE, 'br')
    assert brotli.decompress(body) == CONTENT
