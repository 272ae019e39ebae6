"""Imports modules while effects are refused: ``python importing.py FOLDER MODULE…`` prints problems as JSON.

The libraries are imported first, since they may do as they like. The events are those of Python's audit hooks
(docs.python.org/3/library/audit_events.html).
"""

import importlib
import json
import os
import sys
import threading
from pathlib import Path

LIBRARIES = (
    'alembic.command babel fastapi httpx icalendar limits nicegui psycopg pydantic sqlalchemy stripe uvicorn'
)
REFUSED = (
    'socket.connect', 'socket.bind', 'socket.getaddrinfo', 'socket.sendto', 'sqlite3.connect',
    'subprocess.Popen', 'os.system', 'os.exec', 'os.fork', 'os.forkpty', 'os.posix_spawn', 'os.spawn',
    'os.mkdir', 'os.remove', 'os.rename', 'os.rmdir', 'os.link', 'os.symlink', 'os.truncate', 'os.chmod',
    'os.chdir', 'os.putenv', 'os.unsetenv', 'os.kill', 'tempfile.mkstemp', 'tempfile.mkdtemp',
)  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Refused(BaseException):
    """An import had an effect; no handler for ordinary exceptions may hide it."""


def refuse_effects(folder: Path) -> None:
    """Raise from now on whenever something is sent, started, written, or read of the folder but its code."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in REFUSED:
            raise Refused(event)
        if event == 'open':
            path, _, flags = arguments
            ours = isinstance(path, str) and Path(path).resolve().is_relative_to(folder)
            if isinstance(flags, int) and flags & WRITING:
                raise Refused(f'{path} is written')
            if ours and not str(path).endswith(('.py', '.pyc')):
                raise Refused(f'{path} is read')

    def no_thread(_thread: threading.Thread) -> None:
        raise Refused('a thread is started')  # only newer versions of Python have an event for it

    sys.addaudithook(hook)
    threading.Thread.start = no_thread  # type: ignore[method-assign, assignment]


def problems_of(name: str) -> list[str]:
    """Import a module and say what it did besides."""
    from nicegui import app

    routes = len(app.routes)
    try:
        importlib.import_module(name)
    except Refused as effect:
        return [f'{name}: {effect}']
    return [f'{name}: a route is registered'] if len(app.routes) != routes else []


def main(folder: Path, names: list[str]) -> None:
    """Import the libraries, then the modules, and print the problems."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    for library in LIBRARIES.split():
        importlib.import_module(library)
    refuse_effects(folder)
    found = [problem for name in names for problem in problems_of(name)]
    print(json.dumps(found))


if __name__ == '__main__':
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
