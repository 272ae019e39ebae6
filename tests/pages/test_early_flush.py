"""What can be seen of a page is on its way before the scripts, in one stream that every browser reads."""

import asyncio
import weakref

import brotli
import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.pages.customer import Customer
from ui.middleware.early_flush import MARK, EarlyFlushMiddleware

PAGE = [(b'x-nicegui-content', b'page'), (b'content-length', b'99')]
BROTLI = [(b'accept-encoding', b'gzip, br')]


class Line:
    """The way to a browser: what has been sent, and a place to wait for it."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.has_body = asyncio.Event()

    async def send(self, message: Message) -> None:
        """Take what is sent."""
        self.sent.append(message)
        if message['type'] == 'http.response.body':
            self.has_body.set()

    @property
    def bodies(self) -> list[bytes]:
        """The parts of the body."""
        return [message['body'] for message in self.sent[1:]]


def answering(*bodies: bytes, headers: list[tuple[bytes, bytes]]) -> EarlyFlushMiddleware:
    """An application that answers in these parts, and waits for an hour between seen and scripts."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({'type': 'http.response.start', 'status': 200, 'headers': headers})
        for number, body in enumerate(bodies, 1):
            await send({'type': 'http.response.body', 'body': body, 'more_body': number < len(bodies)})

    return EarlyFlushMiddleware(app, moment=3600)


async def never() -> Message:
    """Nothing is asked of the browser."""
    raise AssertionError('read')


async def test_the_paint_is_sent_first() -> None:
    """While the scripts still wait, the browser can read all that is to be seen."""
    line = Line()
    app = answering(b'<p>seen</p>' + MARK + b'<script>', headers=PAGE)
    answering_it = asyncio.create_task(app({'type': 'http', 'headers': BROTLI}, never, line.send))
    await line.has_body.wait()
    assert brotli.Decompressor().process(b''.join(line.bodies)) == b'<p>seen</p>'
    assert line.sent[0]['headers'] == [
        PAGE[0],
        (b'content-encoding', b'br'),
        (b'vary', b'Accept-Encoding'),
    ]
    answering_it.cancel()


async def test_nothing_of_a_sent_page_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds on to the way out, as NiceGUI does for a page's life, does not hold half a megabyte."""
    compressors: list[weakref.ref[brotli.Compressor]] = []
    ways: list[Send] = []

    class Compressor(brotli.Compressor):  # type: ignore[misc]
        def __init__(self, *, quality: int) -> None:
            compressors.append(weakref.ref(self))

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        ways.append(send)
        await send({'type': 'http.response.start', 'status': 200, 'headers': PAGE})
        await send({'type': 'http.response.body', 'body': b'seen' + MARK})

    monkeypatch.setattr('brotli.Compressor', Compressor)
    line = Line()
    await EarlyFlushMiddleware(app, moment=0)({'type': 'http', 'headers': BROTLI}, never, line.send)
    assert brotli.decompress(b''.join(line.bodies)) == b'seen' + MARK
    assert ways
    assert [compressor() for compressor in compressors] == [None]


async def test_both_parts_are_one_page(customer: Customer) -> None:
    """Read to the end, a painted page is whole, and the same for a browser without Brotli."""
    for accepted in ('gzip, br', 'gzip', 'identity'):
        answer = await customer.http.get('/', headers={'accept-encoding': accepted})
        assert answer.headers['vary'] == 'Accept-Encoding'
        assert answer.headers.get('content-encoding', 'identity') == accepted.rpartition(' ')[2]
        painted, mark, scripts = answer.content.partition(MARK)
        assert b'action="/checkout"' in painted
        assert b'<script defer' not in painted
        assert mark
        assert scripts.rstrip().endswith(b'</html>')


@pytest.mark.parametrize(
    ('headers', 'accepted', 'bodies'),
    [
        (PAGE, BROTLI, (b'a page', b' left to the browser')),
        (PAGE, [(b'accept-encoding', b'gzip')], (b'a' + MARK, b'b')),
        ([], BROTLI, (b'no page' + MARK,)),
        (PAGE, BROTLI, (b'',)),
    ],
    ids=['not painted', 'no Brotli', 'no page', 'empty'],
)
async def test_other_answers_pass(
    headers: list[tuple[bytes, bytes]], accepted: list[tuple[bytes, bytes]], bodies: tuple[bytes, ...]
) -> None:
    """What has nothing painted, or is for a browser without Brotli, goes on as it is and at once."""
    line = Line()
    await answering(*bodies, headers=headers)({'type': 'http', 'headers': accepted}, never, line.send)
    assert line.sent[0]['headers'] == headers
    assert line.bodies == list(bodies)
