"""Starts shops quickly: a warm interpreter that forks a shop for each line it reads.

A shop is ``main.py serve`` in a process of its own; only the imports are done before the fork, while there is
neither a thread nor a loop. Run: ``python -m tests.crash.launcher``.
"""

import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import main as product
from tests.crash.points import Points, install

# What a shop imports only when it is needed, which would be once in the life of each.
LATE = (
    'anyio._backends._asyncio',
    'httpcore._backends.anyio',
    'starlette_compress._brotli',
    'stripe._price_service',
    'uvicorn.lifespan.on',
    'uvicorn.loops.auto',
    'uvicorn.protocols.http.auto',
    'uvicorn.protocols.websockets.wsproto_impl',
)


def main() -> None:
    """Fork a shop for each line on stdin, tell its process id; at the end of stdin end what still runs."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are buried by the kernel
    for name in LATE:
        import_module(name)
    shops: list[int] = []
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _become_shop(json.loads(line))
        shops.append(pid)
        print(pid, flush=True)
    for pid in shops[-1:]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _become_shop(told: dict[str, Any]) -> NoReturn:
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        folder = Path(told['folder'])
        log = os.open(folder / 'shop.log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
            os.dup2(file, number)
        os.environ.clear()
        os.environ.update(told['environment'])
        os.chdir(folder)
        if told['watched']:
            install(Points(folder))
        product.main(['serve'])
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


if __name__ == '__main__':
    main()
