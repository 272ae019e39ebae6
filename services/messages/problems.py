"""The problem watch: what is wrong with the shop for a while becomes an alert to the operator."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from services.errors import ShopError
from services.ledger import Alert, Ledger
from services.orders import AlertKind

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds
LASTING = timedelta(minutes=15)  # so long a problem must last

Problems = Callable[[], Awaitable[Iterable[tuple[str, str]]]]


class ProblemWatch:
    """Asks for the problems every minute; each is told once, and again if it is back on another day."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], datetime]) -> None:
        """Make it; nothing runs yet.

        Args:
            ledger: where alerts are written down.
            clock: the present time in UTC.
        """
        self._ledger = ledger
        self._clock = clock
        self._since: dict[str, datetime] = {}
        self._told: set[str] = set()
        self._running: asyncio.Task[None] | None = None

    def start(self, problems: Problems) -> None:
        """Begin at once, and go on until stopped.

        Args:
            problems: returns the name of each part that has a problem, and the problem with its remedy.
        """
        self._running = asyncio.create_task(self._run(problems))

    async def stop(self) -> None:
        """Stop, wherever it is."""
        if self._running:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def check(self, found: Iterable[tuple[str, str]]) -> None:
        """Take the problems of now; alerts are written down for what has lasted long enough."""
        now, problems = self._clock(), dict(found)
        self._since = {name: self._since.get(name, now) for name in problems}
        self._told &= set(problems)
        for name, text in problems.items():
            if name not in self._told and now - self._since[name] >= LASTING:
                key = f'problem.{name}.{now:%Y-%m-%d}'
                await self._ledger.mails.report(Alert(key, AlertKind.PROBLEM, None, f'{name}: {text}'))
                self._told.add(name)

    async def _run(self, problems: Problems) -> None:
        while True:
            try:
                await self.check(await problems())
            except Exception as error:  # whatever it is: the next check tries again
                if not (isinstance(error, ShopError) and error.is_logged):
                    log.exception('looking for problems failed unexpectedly')
            await asyncio.sleep(EVERY)
