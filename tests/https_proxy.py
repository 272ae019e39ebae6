"""An https proxy in front of a shop, in a thread, that can be set up wrongly; and its certificates."""

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.processes import free_port, wait_until

CUSTOMER = '198.51.100.9'
"""The address that the proxy says its clients have (RFC 5737)."""
NAME = 'localhost'
KEY = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes')


@dataclass
class ProxySetup:
    """How the proxy works; a test changes it between two requests.

    Attributes:
        certificate: the name of the one it shows: right, expired, other name, self-signed.
        forwarded_for: what becomes of X-Forwarded-For: set, append, pass on, or drop.
        says_https: whether X-Forwarded-Proto is set.
        passes_upgrade: whether a websocket can be opened.
        customer: the address that it says its client has.
        between: what stands between two addresses in X-Forwarded-For.
        source: the address that it connects to the shop from.
        answer: what it answers by itself, b'' for what the shop answers.
    """

    certificate: str = 'right'
    forwarded_for: str = 'set'
    says_https: bool = True
    passes_upgrade: bool = True
    customer: str = CUSTOMER
    between: str = ', '
    source: str = '127.0.0.1'
    answer: bytes = b''


class HttpsProxy:
    """Forwards one request of each connection."""

    def __init__(self, folder: Path, upstream: int) -> None:
        self.port = free_port()
        self.upstream = upstream
        self.setup = ProxySetup()
        self.authority, self._contexts = make_certificates(folder)

    @property
    def url(self) -> str:
        """The address of the shop behind it."""
        return f'https://{NAME}:{self.port}'

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve in a thread until the block ends."""
        loop, started, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

        async def serve() -> None:
            first = self._contexts['right']
            first.sni_callback = self._choose
            async with await asyncio.start_server(self._handle, '127.0.0.1', self.port, ssl=first):
                started.set()
                await stop.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=[serve()], daemon=True)
        thread.start()
        wait_until(started.is_set, seconds=10, why='the proxy did not start')
        try:
            yield
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(timeout=10)
            loop.close()

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._contexts[self.setup.certificate]

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = self._changed(await reader.readuntil(b'\r\n\r\n'))
            if self.setup.answer:
                writer.write(self.setup.answer)
            else:
                await self._forward(head, reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def _forward(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        where = ('127.0.0.1', self.upstream)
        to_shop = await asyncio.open_connection(*where, local_addr=(self.setup.source, 0))
        to_shop[1].write(head)
        body = asyncio.create_task(_copy(reader, to_shop[1]))
        await _copy(to_shop[0], writer)
        body.cancel()
        to_shop[1].close()

    def _changed(self, head: bytes) -> bytes:
        """Return the head of a request as the proxy passes it on."""
        request, *lines = head.decode('latin-1').removesuffix('\r\n\r\n').split('\r\n')
        headers = [line.split(': ', 1) for line in lines]
        is_socket = any(name.lower() == 'upgrade' for name, _ in headers)
        given = [value for name, value in headers if name.lower() == 'x-forwarded-for']
        dropped = {'x-forwarded-for', 'x-forwarded-proto'}
        if not (is_socket and self.setup.passes_upgrade):
            dropped |= {'connection', 'upgrade'}
            headers.append(['Connection', 'close'])
            dropped.discard('connection')
            headers = [each for each in headers if each[0].lower() != 'connection' or each[1] == 'close']
        headers = [each for each in headers if each[0].lower() not in dropped]
        chain = {
            'set': [self.setup.customer],
            'append': [*given, self.setup.customer],
            'pass on': given,
            'drop': [],
        }[self.setup.forwarded_for]
        if chain:
            headers.append(['X-Forwarded-For', self.setup.between.join(chain)])
        if self.setup.says_https:
            headers.append(['X-Forwarded-Proto', 'https'])
        return '\r\n'.join([request, *(': '.join(each) for each in headers), '', '']).encode('latin-1')


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


def make_certificates(folder: Path) -> tuple[Path, dict[str, ssl.SSLContext]]:
    """Make an authority and certificates of it, right and wrong ones; return its file and them by name."""
    authority, key = folder / 'authority.pem', folder / 'authority.key'
    _openssl('req', '-x509', *KEY, '-keyout', key, '-out', authority, '-days', '2', '-subj', '/CN=Tests')
    contexts = {}
    for name, host, days in (
        ('right', NAME, '90'),
        ('expired', NAME, '-1'),
        ('other name', 'shop.test', '90'),
        ('self-signed', NAME, '90'),
    ):
        file = folder / f'{name}.pem'
        alternative = f'subjectAltName=DNS:{host}'
        subject = ('-keyout', file.with_suffix('.key'), '-subj', f'/CN={host}')
        if name == 'self-signed':
            _openssl('req', '-x509', *KEY, *subject, '-out', file, '-days', days, '-addext', alternative)
        else:
            request, extension = file.with_suffix('.csr'), file.with_suffix('.ext')
            extension.write_text(alternative)
            _openssl('req', *KEY, *subject, '-out', request)
            signed = ('-CA', authority, '-CAkey', key, '-days', days, '-extfile', extension)
            _openssl('x509', '-req', '-in', request, *signed, '-out', file)
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[name].load_cert_chain(file, file.with_suffix('.key'))
    return authority, contexts


def _openssl(*arguments: object) -> None:
    subprocess.run(['openssl', *map(str, arguments)], check=True, capture_output=True)  # noqa: S607
