"""One request for all who want the same thing at the same moment."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar('T')


class SharedCall(Generic[T]):
    """Joins callers: while one of them waits for an answer, the others wait for the same one."""

    def __init__(self) -> None:
        self._running: asyncio.Task[T] | None = None

    async def run(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what is asked, or raise what it raises; nobody asks twice at once.

        Args:
            ask: makes the call.
        """
        if self._running is None:
            self._running = asyncio.create_task(ask())
            self._running.add_done_callback(self._end)
        return await asyncio.shield(self._running)

    def _end(self, task: asyncio.Task[T]) -> None:
        self._running = None
        with suppress(asyncio.CancelledError):
            task.exception()  # callers that are gone do not fetch it
