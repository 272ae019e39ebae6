"""Work that goes on beside the pages until it is stopped."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any


class Background:
    """Runs one function that never returns."""

    def __init__(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._run = run
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop it, wherever it is."""
        if self._running:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
