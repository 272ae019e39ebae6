"""The problem watch: what is wrong with the shop for a while becomes an alert to the operator."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.background import Background
from services.errors import ShopError
from services.ledger import Alert, Ledger
from services.orders import AlertKind

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds
LASTING = timedelta(minutes=15)  # so long a problem must last


@dataclass(frozen=True)
class Problem:
    """What is wrong with a part of the shop.

    Attributes:
        part: the name of the part.
        text: the problem and its remedy.
        urgent: whether the operator is told at once.
    """

    part: str
    text: str
    urgent: bool = False


async def _none() -> Iterable[Problem]:
    return ()


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
        self._problems: Callable[[], Awaitable[Iterable[Problem]]] = _none
        self._background = Background(self._run)

    def start(self, problems: Callable[[], Awaitable[Iterable[Problem]]]) -> None:
        """Begin at once, and go on until stopped.

        Args:
            problems: returns what is wrong now.
        """
        self._problems = problems
        self._background.start()

    async def stop(self) -> None:
        """Stop, wherever it is."""
        await self._background.stop()

    async def check(self, found: Iterable[Problem]) -> None:
        """Take the problems of now; alerts are written down for the urgent, and for what has lasted long."""
        now, problems = self._clock(), {problem.part: problem for problem in found}
        self._since = {part: self._since.get(part, now) for part in problems}
        self._told &= set(problems)
        for part, problem in problems.items():
            if part not in self._told and (problem.urgent or now - self._since[part] >= LASTING):
                key = f'problem.{part}.{now:%Y-%m-%d}'
                await self._ledger.mails.report(
                    Alert(key, AlertKind.PROBLEM, None, f'{part}: {problem.text}')
                )
                self._told.add(part)

    async def _run(self) -> None:
        while True:
            try:
                await self.check(await self._problems())
            except Exception as error:  # whatever it is: the next check tries again
                if not (isinstance(error, ShopError) and error.is_logged):
                    log.exception('looking for problems failed unexpectedly')
            await asyncio.sleep(EVERY)
