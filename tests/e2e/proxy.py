"""A proxy in front of the shop that refuses some requests, as proxies of company networks do."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer

REFUSAL = b'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'


class Proxy(ThreadingTCPServer):
    """Forwards one request per connection, unless its head contains what is refused."""

    daemon_threads = True

    def __init__(self, port: int, upstream: int, refused: bytes) -> None:
        super().__init__(('127.0.0.1', port), _Handler)
        self.upstream = upstream
        self.refused = refused


class _Handler(StreamRequestHandler):
    server: Proxy

    def handle(self) -> None:
        """Forward a request, and its response back."""
        head = b''
        while not head.endswith(b'\r\n\r\n') and (line := self.rfile.readline()):
            head += line
        if self.server.refused in head or not head:
            self.wfile.write(REFUSAL)
            return
        with socket.create_connection(('127.0.0.1', self.server.upstream)) as upstream:
            # One request per connection: a second one on the same connection would not be checked.
            upstream.sendall(head.replace(b'Connection: keep-alive', b'Connection: close'))
            threading.Thread(target=self._forward_body, args=[upstream], daemon=True).start()
            with suppress(ConnectionError):  # the browser has left the page
                while part := upstream.recv(65536):
                    self.wfile.write(part)

    def _forward_body(self, upstream: socket.socket) -> None:
        with suppress(OSError, ValueError):  # the response may be complete and both sockets closed
            while part := self.rfile.read1(65536):
                upstream.sendall(part)
            upstream.shutdown(socket.SHUT_RDWR)


@contextmanager
def run_proxy(refused: bytes, *, port: int, upstream: int) -> Iterator[None]:
    """Run a proxy on a port of 127.0.0.1 in front of another port."""
    with Proxy(port, upstream, refused) as relay:
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        yield
        relay.shutdown()
