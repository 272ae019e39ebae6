"""The check against a server that is not the shop: what it sends is not believed, and has an end."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import httpx

from services.check.domain import check_domain, check_redirect
from services.check.finding import Level
from services.check.proof import Side, prove
from services.settings import parse_settings

HEAD = b'HTTP/1.1 200 OK\r\n'
OK = HEAD + b'Content-Length: 2\r\n\r\nok'
MEGABYTES = 8 * 2**20
"""More than what two sockets hold of what nobody reads."""


class Stranger:
    """A server that answers each path as it is told; what it is sent is kept."""

    def __init__(self, answer: Callable[[str], bytes | None]) -> None:
        self.answer = answer
        self.asked = b''
        self.sent = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Serve until the block ends; yield the address."""
        server = await asyncio.start_server(self._handle, '127.0.0.1', 0)
        async with server:
            yield f'http://127.0.0.1:{server.sockets[0].getsockname()[1]}'

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b'\r\n\r\n')
            self.asked += head
            answer = self.answer(head.split()[1].decode())
            writer.write(answer or HEAD + b'\r\n{')
            while answer is None and self.sent < 10 * MEGABYTES:
                writer.write(b' ' * 65536)
                await writer.drain()
                self.sent += 65536
        writer.close()


def answer_with(data: object) -> bytes:
    """Return an answer that is JSON."""
    body = json.dumps(data).encode()
    return HEAD + b'Content-Length: %d\r\n\r\n' % len(body) + body


async def test_an_answer_without_an_end_is_left(settings_env: dict[str, str]) -> None:
    """A few thousand bytes are read of it, whatever was asked for."""
    for endless in ('/healthz', '/healthz/seen'):
        stranger = Stranger(lambda path, endless=endless: None if path == endless else OK)  # type: ignore[misc]
        async with stranger.running() as url:
            settings = parse_settings(settings_env | {'DOMAIN': url})
            found = await check_domain(settings, instance='the id')
        assert Level.WRONG in {each.level for each in found}
        assert 0 < stranger.sent < MEGABYTES
    stranger = Stranger(lambda _: None)
    async with stranger.running() as url, httpx.AsyncClient() as http:
        (finding,) = await check_redirect(f'{url}/robots.txt', http)
    assert finding.level is Level.WRONG
    assert stranger.sent < MEGABYTES


async def test_the_health_of_the_shop_has_an_end_and_may_be_missing(settings_env: dict[str, str]) -> None:
    """A shop that has proven itself may be behind something else for another path."""
    stranger = Stranger(lambda _: b'')

    def answer(health: bytes | None, path: str) -> bytes | None:
        nonces = re.findall(rb'(?i)paidslot-nonce: (\S+)', stranger.asked)
        seen = {'proof': prove('the id', nonces[-1].decode() if nonces else '', Side.SHOP)}
        return health if path == '/readyz' else answer_with(seen) if path == '/healthz/seen' else OK

    for health in (None, b'', OK, answer_with([]), answer_with({'parts': ['ok']})):
        stranger.answer = partial(answer, health)
        async with stranger.running() as url:
            settings = parse_settings(settings_env | {'DOMAIN': url})
            found = await check_domain(settings, instance='the id')
        assert 'it is this shop: it has the same database' in [each.text for each in found]
        assert {each.part for each in found} == {'domain'}
    assert b'/readyz' in stranger.asked
    assert stranger.sent < MEGABYTES


async def test_a_stranger_is_not_believed_and_never_gets_the_id(settings_env: dict[str, str]) -> None:
    """Whatever JSON it answers, also the proof that it was just sent."""
    seen = {'scheme': 'https', 'client_ip': '127.0.0.1', 'forwarded_for': ''}
    stranger = Stranger(lambda _: b'')

    def answer(path: str) -> bytes:
        if path != '/healthz/seen':
            return OK
        (_, _, proof) = stranger.asked.lower().rpartition(b'paidslot-proof: ')
        return answer_with(next(answers) | {'proof': proof.partition(b'\r')[0].decode()})

    stranger.answer = answer
    async with stranger.running() as url:
        settings = parse_settings(settings_env | {'DOMAIN': url})
        for data in ({}, seen):
            answers: Iterator[dict[str, str]] = iter([dict(data)])
            found = await check_domain(settings, instance='the-id-of-the-database')
            assert [each.level for each in found if 'another database' in each.text] == [Level.WRONG]
            assert not any('the same database' in each.text for each in found)
    assert b'paidslot-nonce: ' in stranger.asked.lower()
    assert b'the-id-of-the-database' not in stranger.asked
