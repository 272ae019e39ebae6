"""A proxy that refuses some requests, as company networks do; it stands between one browser and the shop."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer

REFUSAL = b'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'


class Relay(ThreadingTCPServer):
    """Passes one request per connection on, unless its head holds what is refused."""

    daemon_threads = True

    def __init__(self, port: int, upstream: int, refused: bytes) -> None:
        super().__init__(('127.0.0.1', port), _Passing)
        self.upstream = upstream
        self.refused = refused


class _Passing(StreamRequestHandler):
    server: Relay

    def handle(self) -> None:
        """Pass a request on and its answer back."""
        head = b''
        while not head.endswith(b'\r\n\r\n') and (line := self.rfile.readline()):
            head += line
        if self.server.refused in head or not head:
            self.wfile.write(REFUSAL)
            return
        with socket.create_connection(('127.0.0.1', self.server.upstream)) as upstream:
            # Each request comes on a connection of its own, or the second one would not be looked at.
            upstream.sendall(head.replace(b'Connection: keep-alive', b'Connection: close'))
            threading.Thread(target=self._send_on, args=[upstream], daemon=True).start()
            with suppress(ConnectionError):  # browsers leave pages whenever they like
                while part := upstream.recv(65536):
                    self.wfile.write(part)

    def _send_on(self, upstream: socket.socket) -> None:
        with suppress(OSError, ValueError):  # the answer may be complete already, and everything closed
            while part := self.rfile.read1(65536):
                upstream.sendall(part)
            upstream.shutdown(socket.SHUT_RDWR)


@contextmanager
def refusing(refused: bytes, *, port: int, upstream: int) -> Iterator[None]:
    """Run a proxy on a port of 127.0.0.1 in front of another one."""
    with Relay(port, upstream, refused) as relay:
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        yield
        relay.shutdown()
