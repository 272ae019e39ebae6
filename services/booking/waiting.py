"""The open pages whose customers wait for news from Calendly."""

import asyncio
import enum
from contextlib import suppress


class WaitsFor(enum.Enum):
    """What a page waits for."""

    BOOKING = 'a booking'
    CHANGE = 'a change of its meeting'


class WaitingPages:
    """Pages enter when they begin to wait for something, and leave when they have it or are closed."""

    def __init__(self) -> None:
        self._pages: dict[object, WaitsFor] = {}
        self._changed = asyncio.Event()

    def enter(self, page: object, what: WaitsFor) -> None:
        """Count a page; one that is counted already waits for this now."""
        if self._pages.get(page) is not what:
            self._pages[page] = what
            self._changed.set()

    def leave(self, page: object) -> None:
        """Count a page no more."""
        self._pages.pop(page, None)

    def any(self, what: WaitsFor) -> bool:
        """Whether a page waits for this."""
        return what in self._pages.values()

    async def changed(self, *, seconds: float) -> None:
        """Wait until a page begins to wait for something, or for this long."""
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
