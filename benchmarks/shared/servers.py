"""Start the processes that are measured, and read how much memory and processor time they use."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.processes import ROOT, Server, free_port

SHOP = [str(ROOT / 'main.py'), 'serve']


def new_server(
    name: str,
    arguments: list[str],
    parent: Path,
    settings: Mapping[str, str],
    *,
    health: str = '/healthz',
) -> Server:
    """Prepare a server on a free port, in a new folder; it is not started yet.

    Args:
        name: of its log file.
        arguments: what Python runs, such as ``SHOP``.
        parent: the folder in which its own is made.
        settings: its environment; they win over the address and the database, which are set here.
        health: the path that answers 200 once the server is ready.
    """
    port = free_port()
    folder = parent / f'{name}-{port}'
    folder.mkdir(parents=True)
    own = {
        'HOST': '127.0.0.1',
        'PORT': str(port),
        'DOMAIN': f'http://127.0.0.1:{port}',
        'SITE_FILE': str(ROOT / 'site.toml'),
        'DATABASE_URL': f'sqlite:///{folder}/shop.db',  # the default is in the checkout, and stays
    }
    return Server(name, arguments, port=port, health=health, folder=folder, environment=own | dict(settings))


def new_sandbox(parent: Path, *arguments: str) -> Server:
    """Prepare the sandbox of Stripe and Calendly as a process; it is not started yet.

    Args:
        parent: the folder in which its own is made.
        arguments: further ones of its command.
    """
    port = free_port()
    folder = parent / f'sandbox-{port}'
    folder.mkdir(parents=True)
    own = [f'--port={port}', f'--smtp-port={free_port()}']
    command = ['-m', 'services.sandbox', *own, *arguments]
    return Server('sandbox', command, port=port, health='/faults', folder=folder)


def sandbox_settings(sandbox: Server) -> dict[str, str]:
    """Read the settings of a shop that a running sandbox has printed."""
    return dict(re.findall(r'^([A-Z_]+)=(.*)$', sandbox.log(), re.MULTILINE))


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[Server]:
    """Run a server for as long as the block lasts, without blocking the event loop."""
    try:
        await asyncio.to_thread(server.start)
        yield server
    finally:
        await asyncio.to_thread(server.stop)


def memory(server: Server) -> float:
    """Return the resident memory of a running process in MiB (Linux)."""
    found = re.search(r'^VmRSS:\s+(\d+)', Path(f'/proc/{server.pid}/status').read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def cpu_seconds(server: Server) -> float:
    """Return the processor time that a running process and its children have used so far (Linux)."""
    children = Path(f'/proc/{server.pid}/task/{server.pid}/children').read_text().split()
    ticks = sum(sum(map(int, _stat(pid)[11:13])) for pid in (str(server.pid), *children))
    return ticks / os.sysconf('SC_CLK_TCK')


def _stat(pid: str) -> list[str]:
    """Read the fields of ``/proc/<pid>/stat`` from the state on (proc_pid_stat(5))."""
    return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
