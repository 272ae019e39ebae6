"""The visible part of a page is sent before the scripts, in one stream that every browser reads."""

import asyncio
import weakref

import brotli
import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.pages.customer import Customer
from ui.middleware.early_flush import MARK, EarlyFlushMiddleware

PAGE = [(b'x-nicegui-content', b'page'), (b'content-length', b'99')]
BROTLI = [(b'accept-encoding', b'gzip, br')]


class Connection:
    """The connection to a browser: what was sent, and an event to wait for."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.has_body = asyncio.Event()

    async def send(self, message: Message) -> None:
        """Record what is sent."""
        self.sent.append(message)
        if message['type'] == 'http.response.body':
            self.has_body.set()

    @property
    def bodies(self) -> list[bytes]:
        """The parts of the body, in order."""
        return [message['body'] for message in self.sent[1:]]


def answering(*bodies: bytes, headers: list[tuple[bytes, bytes]]) -> EarlyFlushMiddleware:
    """An application that sends these parts, with an hour between the visible part and the scripts."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({'type': 'http.response.start', 'status': 200, 'headers': headers})
        for number, body in enumerate(bodies, 1):
            await send({'type': 'http.response.body', 'body': body, 'more_body': number < len(bodies)})

    return EarlyFlushMiddleware(app, pause=3600)


async def never() -> Message:
    """The request body is never read."""
    raise AssertionError('read')


async def test_the_visible_part_is_sent_first() -> None:
    """Before the scripts are sent, the browser can decode the whole visible part."""
    connection = Connection()
    app = answering(b'<p>text</p>' + MARK + b'<script>', headers=PAGE)
    request = asyncio.create_task(app({'type': 'http', 'headers': BROTLI}, never, connection.send))
    await connection.has_body.wait()
    assert brotli.Decompressor().process(b''.join(connection.bodies)) == b'<p>text</p>'
    assert connection.sent[0]['headers'] == [
        PAGE[0],
        (b'content-encoding', b'br'),
        (b'vary', b'Accept-Encoding'),
    ]
    request.cancel()


async def test_a_sent_page_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    """NiceGUI keeps the send function as long as the page; the compressor, half a megabyte, is freed."""
    compressors: list[weakref.ref[brotli.Compressor]] = []
    sends: list[Send] = []

    class Compressor(brotli.Compressor):  # type: ignore[misc]
        def __init__(self, *, quality: int) -> None:
            compressors.append(weakref.ref(self))

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        sends.append(send)
        await send({'type': 'http.response.start', 'status': 200, 'headers': PAGE})
        await send({'type': 'http.response.body', 'body': b'text' + MARK})

    monkeypatch.setattr('brotli.Compressor', Compressor)
    connection = Connection()
    await EarlyFlushMiddleware(app, pause=0)({'type': 'http', 'headers': BROTLI}, never, connection.send)
    assert brotli.decompress(b''.join(connection.bodies)) == b'text' + MARK
    assert sends
    assert [compressor() for compressor in compressors] == [None]


async def test_both_parts_are_one_page(customer: Customer) -> None:
    """A server-rendered page is complete, and the same for a browser without Brotli."""
    for accepted in ('gzip, br', 'gzip', 'identity'):
        answer = await customer.http.get('/', headers={'accept-encoding': accepted})
        assert answer.headers['vary'] == 'Accept-Encoding'
        assert answer.headers.get('content-encoding', 'identity') == accepted.rpartition(' ')[2]
        visible, mark, scripts = answer.content.partition(MARK)
        assert b'action="/checkout"' in visible
        assert b'<script defer' not in visible
        assert mark
        assert scripts.rstrip().endswith(b'</html>')


@pytest.mark.parametrize(
    ('headers', 'accepted', 'bodies'),
    [
        (PAGE, BROTLI, (b'a page', b' for the browser alone')),
        (PAGE, [(b'accept-encoding', b'gzip')], (b'a' + MARK, b'b')),
        ([], BROTLI, (b'no page' + MARK,)),
        (PAGE, BROTLI, (b'',)),
    ],
    ids=['not rendered', 'no Brotli', 'no page', 'empty'],
)
async def test_other_answers_pass(
    headers: list[tuple[bytes, bytes]], accepted: list[tuple[bytes, bytes]], bodies: tuple[bytes, ...]
) -> None:
    """What is not server-rendered, or is for a browser without Brotli, is passed on at once, unchanged."""
    connection = Connection()
    await answering(*bodies, headers=headers)({'type': 'http', 'headers': accepted}, never, connection.send)
    assert connection.sent[0]['headers'] == headers
    assert connection.bodies == list(bodies)
