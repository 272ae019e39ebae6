"""Run a sandbox in a thread, on its own port."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import uvicorn

from services.sandbox import SandboxConfig, create_app
from tests.processes import free_port, wait_until


@contextmanager
def running(config: SandboxConfig | None = None) -> Iterator[SandboxConfig]:
    """Serve a sandbox on a free port of 127.0.0.1 until the block ends; yield its configuration."""
    port = free_port()
    config = replace(config or SandboxConfig(), base=f'http://127.0.0.1:{port}', smtp_port=free_port())
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(config), host='127.0.0.1', port=port, log_level='warning', access_log=False,
            date_header=False,
            timeout_graceful_shutdown=1,
        )
    )  # fmt: skip
    thread = threading.Thread(target=server.run, name='sandbox', daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, seconds=10, why='the sandbox did not start')
        yield config
    finally:
        server.should_exit = True
        thread.join(timeout=10)
