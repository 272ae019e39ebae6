"""A proxy in front of the shop: it refuses some requests, or gives each to the next of several processes."""

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer

REFUSAL = b'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'


class Proxy(ThreadingTCPServer):
    """Forwards one request per connection, to the upstreams in turn, unless its head has what is refused."""

    daemon_threads = True
    request_queue_size = 100

    def __init__(self, port: int, upstreams: tuple[int, ...], refused: bytes | None) -> None:
        super().__init__(('127.0.0.1', port), _Handler)
        self.turns = itertools.cycle(upstreams)
        self.refused = refused


class _Handler(StreamRequestHandler):
    server: Proxy

    def handle(self) -> None:
        """Forward a request, and its response back."""
        head = b''
        while not head.endswith(b'\r\n\r\n') and (line := self.rfile.readline()):
            head += line
        refused = self.server.refused
        if not head or (refused is not None and refused in head):
            self.wfile.write(REFUSAL)
            return
        with suppress(ConnectionRefusedError):  # the process is down: the connection is closed
            self._forward(head)

    def _forward(self, head: bytes) -> None:
        with socket.create_connection(('127.0.0.1', next(self.server.turns))) as upstream:
            # One request per connection: a second one on the same connection would not be checked.
            upstream.sendall(head.replace(b'Connection: keep-alive', b'Connection: close'))
            threading.Thread(target=self._forward_body, args=[upstream], daemon=True).start()
            with suppress(ConnectionError):  # the browser has left the page
                while part := upstream.recv(65536):
                    self.wfile.write(part)
        with suppress(OSError):  # the browser learns at once that nothing more comes
            self.connection.shutdown(socket.SHUT_RDWR)

    def _forward_body(self, upstream: socket.socket) -> None:
        with suppress(OSError, ValueError):  # the response may be complete and both sockets closed
            while part := self.rfile.read1(65536):
                upstream.sendall(part)
            upstream.shutdown(socket.SHUT_RDWR)


@contextmanager
def run_proxy(refused: bytes | None, *, port: int, upstreams: tuple[int, ...]) -> Iterator[None]:
    """Run a proxy on a port of 127.0.0.1 in front of other ports, each in turn."""
    with Proxy(port, upstreams, refused) as relay:
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        yield
        relay.shutdown()
