"""A warm interpreter that forks one shop for each line it reads.

A shop is ``main.py serve`` in a process of its own. Only the imports are done before the fork, while there is
neither a thread nor an event loop: they take most of the time of a start. Run: ``python -m tests.launcher``.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import main as product

# What a shop imports only when it is needed. Without this each fork would import it again.
LATE_IMPORTS = (
    'anyio._backends._asyncio',
    'httpcore._backends.anyio',
    'starlette_compress._brotli',
    'stripe._price_service',
    'uvicorn.lifespan.on',
    'uvicorn.loops.auto',
    'uvicorn.protocols.http.auto',
    'uvicorn.protocols.websockets.wsproto_impl',
)


def fork_shops(prepare: Callable[[Mapping[str, Any]], object]) -> list[int]:
    """Fork a shop for each line on stdin and print its process id; returns the ids at the end of stdin.

    Args:
        prepare: called in each shop before it starts, with the options of the line.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
    for name in LATE_IMPORTS:
        import_module(name)
    shops: list[int] = []
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _become_shop(json.loads(line), prepare)
        shops.append(pid)
        print(pid, flush=True)
    return shops


def _become_shop(options: Mapping[str, Any], prepare: Callable[[Mapping[str, Any]], object]) -> NoReturn:
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(Path(options['log']), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
            os.dup2(file, number)
        os.environ.clear()
        os.environ.update(options['environment'])
        os.chdir(options['folder'])
        sys.argv = [str(product.__file__), 'serve']
        prepare(options)
        product.main(['serve'])
        os._exit(0)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else int(bool(end.code)))
    except BaseException:
        traceback.print_exc()
        os._exit(1)


if __name__ == '__main__':
    fork_shops(lambda _options: None)
