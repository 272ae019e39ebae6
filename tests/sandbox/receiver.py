"""A server that receives the sandbox's webhooks."""

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.sandbox_client import SandboxClient

Delivery = tuple[bytes, str]


class Receiver:
    """A server that receives webhooks; it responds with `statuses` first and with 200 afterwards."""

    def __init__(self) -> None:
        self.deliveries: queue.Queue[Delivery] = queue.Queue()
        self.statuses: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.server = ThreadingHTTPServer(('127.0.0.1', 0), self._handler())
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        """The URL for deliveries."""
        return f'http://127.0.0.1:{self.server.server_port}/hook'

    def next(self) -> Delivery:
        """Return the body and the signature of the next delivery."""
        return self.deliveries.get(timeout=10)

    def types(self, count: int) -> list[str]:
        """Return the types of the next deliveries, in order of arrival."""
        bodies = [json.loads(self.next()[0]) for _ in range(count)]
        return [body.get('type') or body['event'] for body in bodies]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers['Content-Length']))
                names = ('Stripe-Signature', 'Calendly-Webhook-Signature')
                receiver.deliveries.put(
                    (body, next(self.headers[name] for name in names if name in self.headers))
                )
                receiver.gate.wait(10)
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        return Handler


@contextmanager
def receiving(sandbox: SandboxClient) -> Iterator[Receiver]:
    """Receive the webhooks of both services until the block ends."""
    server = Receiver()
    sandbox.act('webhooks', stripe=server.url, calendly=server.url)
    yield server
    server.gate.set()
    sandbox.reset()
    server.server.shutdown()
    server.server.server_close()
