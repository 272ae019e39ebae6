"""Run a sandbox in a thread, on its own port."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import uvicorn

from services.sandbox import SandboxConfig, create_app


@contextmanager
def running(config: SandboxConfig | None = None) -> Iterator[SandboxConfig]:
    """Serve a sandbox on a free port of 127.0.0.1 until the block ends; yield its configuration."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    config = replace(config or SandboxConfig(), base=f'http://127.0.0.1:{port}')
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(config), host='127.0.0.1', port=port, log_level='warning', access_log=False,
            timeout_graceful_shutdown=1,
        )
    )  # fmt: skip
    thread = threading.Thread(target=server.run, name='sandbox', daemon=True)
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield config
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + 10
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError('the sandbox did not start')
        time.sleep(0.005)
