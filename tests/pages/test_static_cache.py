"""What travels is small: answers are compressed, the framework's files once and as small as they get."""

import asyncio
import gzip
from pathlib import Path

import brotli
import nicegui
import pytest
from nicegui import background_tasks

from tests.pages.customer import Customer
from ui.middleware.static_cache import FOREVER

FILE = f'{FOREVER}static/nicegui.js'
CONTENT = (Path(nicegui.__file__).parent / 'static' / 'nicegui.js').read_bytes()


async def raw(customer: Customer, path: str, encoding: str) -> tuple[str, bytes]:
    """The encoding of an answer and its bytes as they travelled."""
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
    """Nothing is compressed for who has not asked for it."""
    encoding, body = await raw(customer, FILE, 'br;q=0, identity')
    assert encoding == ''
    assert body == CONTENT


async def test_a_file_gets_smaller(customer: Customer) -> None:
    """A file is sent compressed at once, and a moment later as small as Brotli can make it."""
    encoding, first = await raw(customer, FILE, 'gzip, deflate, br, zstd')
    assert encoding == 'br'
    assert brotli.decompress(first) == CONTENT
    await asyncio.gather(*(task for task in background_tasks.running_tasks if FILE in task.get_name()))
    _, second = await raw(customer, FILE, 'gzip, deflate, br, zstd')
    assert brotli.decompress(second) == CONTENT
    assert len(second) < len(first)


async def test_a_file_for_who_has_no_brotli(customer: Customer) -> None:
    """What is kept for others does not reach a browser that cannot read it."""
    await raw(customer, FILE, 'br')
    encoding, body = await raw(customer, FILE, 'gzip')
    assert encoding == 'gzip'
    assert gzip.decompress(body) == CONTENT


@pytest.mark.parametrize(
    'path', ['static/no-such-file.js', 'static/x/%2E%2E/nicegui.js', 'static//nicegui.js']
)
async def test_only_proper_addresses_are_kept(customer: Customer, path: str) -> None:
    """What is no file, or a file by another name, is answered as ever and fills no memory."""
    answer = await customer.http.get(f'{FOREVER}{path}', headers={'accept-encoding': 'br'})
    assert answer.status_code in (200, 404)
    assert not [task for task in background_tasks.running_tasks if 'compress' in task.get_name()]
