"""Whether the operator has stopped selling, and the words for customers; one switch for all processes."""

import asyncio
import time
from collections.abc import Callable

from services.errors import LedgerUnavailable, SellingStopped
from services.ledger import Ledger, Switch

SWITCH = 'selling stopped'
READ_EVERY = 3.0  # seconds for which pages use what was read last
LONGEST_TEXT = 1000  # characters


class Selling:
    """The stop-selling switch."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Make it; nothing is read yet.

        Args:
            ledger: where the switch is.
            clock: seconds, from any beginning.
        """
        self._ledger = ledger
        self._clock = clock
        self._stop: Switch | None = None
        self._read_at = -READ_EVERY
        self._one_at_a_time = asyncio.Lock()
        self._subscribers: set[Callable[[], object]] = set()

    @property
    def stop_as_known(self) -> Switch | None:
        """The stop as it was read last, None while we are selling."""
        return self._stop

    async def check(self) -> None:
        """Let a customer on; reads the switch each time.

        Raises:
            SellingStopped: with the operator's words.
        """
        if stop := await self._read():
            raise SellingStopped(stop.text)

    async def check_as_known(self) -> None:
        """Let a customer on by what was read within the last seconds; ``check`` must follow.

        Raises:
            SellingStopped: with the operator's words; never by what was read earlier.
        """
        if await self.stop_for_page():
            await self.check()

    async def is_on(self) -> bool:
        """Whether we are selling; reads the switch each time."""
        return await self._read() is None

    async def stop_for_page(self) -> Switch | None:
        """Return the stop as it was within the last seconds, None while we are selling.

        While the database does not work it stays as it was: a page must not fail for it.
        """
        async with self._one_at_a_time:
            if self._clock() >= self._read_at + READ_EVERY:
                try:
                    await self._read()
                except LedgerUnavailable:
                    self._read_at = self._clock()
        return self._stop

    async def stop(self, text: str, *, actor: str) -> None:
        """Stop selling in every process, and have the open sessions closed; or change the text.

        The sessions come second: one that was opened before the switch is found then, and who opens one
        after it reads the switch again.

        Args:
            text: what customers read in place of the pay button.
            actor: who stopped it.
        """
        line = f'selling stopped: {text}'
        await self._ledger.switches.set(SWITCH, is_on=True, text=text, actor=actor, line=line)
        await self._ledger.orders.check_open_now()
        await self._read()

    async def resume(self, *, actor: str) -> None:
        """Sell again, in every process; the text is kept for the next time.

        Args:
            actor: who decided it.
        """
        if (stop := await self._read()) is None:
            return
        line = 'selling again'
        await self._ledger.switches.set(SWITCH, is_on=False, text=stop.text, actor=actor, line=line)
        await self._read()

    async def last_text(self) -> str:
        """Return the text of the last stop, '' if there was none."""
        switch = await self._ledger.switches.find(SWITCH)
        return switch.text if switch else ''

    def subscribe(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call something after each change that this process makes or reads; returns what ends that."""
        self._subscribers.add(callback)
        return lambda: self._subscribers.discard(callback)

    async def _read(self) -> Switch | None:
        switch = await self._ledger.switches.find(SWITCH)
        self._read_at = self._clock()
        before, self._stop = self._stop, switch if switch and switch.is_on else None
        if self._stop != before:
            for callback in tuple(self._subscribers):
                callback()
        return self._stop
