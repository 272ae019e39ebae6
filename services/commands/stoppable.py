"""Running what a command does so that SIGTERM stops it as gently as Ctrl-C does."""

import asyncio
import signal
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar('T')


def run_stoppable(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; SIGTERM cancels it, so that it closes what it has opened.

    An exception that a signal handler raises could end anywhere, also where it is ignored.

    Args:
        work: what to run.

    Raises:
        KeyboardInterrupt: it was stopped, by SIGTERM or Ctrl-C.
    """
    if threading.current_thread() is not threading.main_thread():  # signals do not come here
        return asyncio.run(work)

    async def run() -> T:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    before = signal.getsignal(signal.SIGTERM)
    try:
        return asyncio.run(run())
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error
    finally:
        signal.signal(signal.SIGTERM, before)
