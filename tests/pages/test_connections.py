"""Silent and half-open connections do not stop the shop."""

import logging
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from tests.processes import free_port, wait_until
from ui import connections

HALF = b'GET / HTTP/1.1\r\nHost: shop\r\nX-Slow: '


@contextmanager
def serving(limit: int) -> Iterator[int]:
    """Serve an application that says ok, with bounded connections; yields the port."""
    port = free_port()
    app = PlainTextResponse('ok')
    config = uvicorn.Config(
        app, host='127.0.0.1', port=port, http=connections.bounded(limit), log_config=None, lifespan='off'
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, seconds=10, why='the server did not start')
        yield port
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture
def opened() -> Iterator[Callable[[int, bytes], socket.socket]]:
    """Open connections that send only this; they are closed after the test."""
    with ExitStack() as stack:

        def connect(port: int, sent: bytes) -> socket.socket:
            connection = stack.enter_context(socket.create_connection(('127.0.0.1', port), timeout=10))
            connection.sendall(sent)
            return connection

        yield connect


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has closed a connection without an answer."""
    with suppress(ConnectionResetError):
        return connection.recv(100) == b''
    return True


def answers(port: int) -> bool:
    """Whether a new request is answered."""
    return httpx.get(f'http://127.0.0.1:{port}/', trust_env=False).text == 'ok'


@pytest.mark.parametrize('sent', [b'', HALF, b'GET / HTTP/1.1\r\nHost: shop\r\n\r\n' + HALF])
def test_headers_must_arrive_in_time(
    opened: Callable[[int, bytes], socket.socket], monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """Nothing sent, half a request, half a request after a whole one: the connection is closed."""
    monkeypatch.setattr(connections, 'HEADER_TIMEOUT', 0.3)
    with serving(50) as port:
        connection = opened(port, sent)
        if sent.count(b'GET') == 2:
            assert connection.recv(10_000).endswith(b'ok')
        assert is_closed(connection)


def test_silent_connections_make_room(
    opened: Callable[[int, bytes], socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    """Three times as many half-open connections as may be open: the oldest go, new requests are answered."""
    with caplog.at_level(logging.WARNING), serving(20) as port:
        held = [opened(port, HALF) for _ in range(60)]
        assert all(answers(port) for _ in range(5))
        assert is_closed(held[0])
    assert len([line for line in caplog.messages if 'connections are open' in line]) == 1


def test_a_connection_too_many_is_told(opened: Callable[[int, bytes], socket.socket]) -> None:
    """Where all others are at work the new one gets a 503, and the others stay."""
    with serving(3) as port:
        busy = [opened(port, b'GET / HTTP/1.1\r\nHost: shop\r\n\r\n') for _ in range(3)]
        assert all(connection.recv(10_000).endswith(b'ok') for connection in busy)
        assert opened(port, b'').recv(10_000).startswith(b'HTTP/1.1 503')


def test_the_soft_limit_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    """To the hard limit; the log says it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))
    try:
        with caplog.at_level(logging.INFO):
            fits = connections.raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert fits == min(hard - connections.RESERVED, connections.MOST)
    assert caplog.messages == [f'the limit of open files was raised from 1024 to {hard}']
