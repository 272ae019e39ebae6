"""The launcher's process: a warm interpreter that forks one shop for each line it reads.

A shop is ``main.py serve`` in a process of its own. Only the imports are done before the fork, while there is
neither a thread nor an event loop. Run: ``python -m tests.crash.launcher``.
"""

import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import main as product
from services.ledger import effects as ledger_effects
from services.reconciler import effects
from tests.crash.kill_points import KillPoints, install

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

# An effect whose process was killed waits for its lease; a test should not wait for two minutes.
EFFECT_LEASE, EFFECT_INTERVAL = timedelta(seconds=3), 0.5


def main() -> None:
    """Fork a shop for each line on stdin and print its process id; kill the last one at the end of stdin."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
    for name in LATE_IMPORTS:
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


def _become_shop(options: dict[str, Any]) -> NoReturn:
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        folder = Path(options['folder'])
        log = os.open(folder / 'shop.log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
            os.dup2(file, number)
        os.environ.clear()
        os.environ.update(options['environment'])
        os.chdir(folder)
        ledger_effects.LEASE, effects.EVERY = EFFECT_LEASE, EFFECT_INTERVAL
        if options['kill_points']:
            install(KillPoints(folder))
        product.main(['serve'])
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


if __name__ == '__main__':
    main()
