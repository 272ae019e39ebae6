"""Runs a sandbox on a port of its own, in a thread, until the block ends."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import uvicorn
from starlette.applications import Starlette

from services.sandbox.app import create_app
from services.sandbox.config import SandboxConfig
from services.sandbox.state import SandboxState


@dataclass(frozen=True)
class Running:
    """A sandbox that answers: where, with what settings, and its memory for assertions."""

    config: SandboxConfig
    environment: SandboxState

    @property
    def base(self) -> str:
        """The public address."""
        return self.config.base


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(config: SandboxConfig | None = None, port: int | None = None) -> Iterator[Running]:
    """Serve on 127.0.0.1; `config.base` is set to fit the port."""
    number = port or free_port()
    config = replace(config or SandboxConfig(), base=f'http://127.0.0.1:{number}')
    app = create_app(config)
    server = _server(app, number)
    thread = threading.Thread(target=server.run, name='sandbox', daemon=True)
    thread.start()
    try:
        _wait(server, thread)
        yield Running(config, app.state.sandbox)
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def _server(app: Starlette, port: int) -> uvicorn.Server:
    settings = uvicorn.Config(
        app, host='127.0.0.1', port=port, log_level='warning', access_log=False, timeout_graceful_shutdown=1
    )
    return uvicorn.Server(settings)


def _wait(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + 10
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError('the sandbox did not start')
        time.sleep(0.005)
