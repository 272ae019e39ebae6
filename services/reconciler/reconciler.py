"""The reconciler: compares the ledger with Stripe, round after round.

It has no queue. Each round compares the ledger with Stripe's current data, so it does not matter which
delivery was lost or why. Any number of processes may share one database: doing a thing twice has no effect.
"""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Protocol

from services.background import Background
from services.errors import ShopError
from services.ledger import Ledger
from services.metrics import Metrics
from services.orders import Cause

log = logging.getLogger(__name__)

CATCHING_UP = 1.0  # seconds between two rounds while there is more to do


class Task(Protocol):
    """One part of every round."""

    name: str

    async def run(self) -> bool:
        """Do the work that is due, within bounds; returns whether there is more to do."""
        ...


class Reconciler:
    """Runs its tasks in rounds; a round that is cut off anywhere is simply begun again."""

    def __init__(self, tasks: tuple[Task, ...], *, ledger: Ledger, metrics: Metrics, every: float) -> None:
        """Make it; nothing runs yet.

        Args:
            tasks: the parts of a round, in order.
            ledger: counts the moves that the tasks cause.
            metrics: where repairs are counted.
            every: seconds between two rounds.
        """
        self._tasks = tasks
        self._ledger = ledger
        self._metrics = metrics
        self._every = every
        self._failing: dict[str, str] = {}
        self._wanted = asyncio.Event()
        self._background = Background(self._run)

    @property
    def problem(self) -> str:
        """Which tasks have failed in the last round and why, '' when all went well."""
        return '; '.join(f'{name} ({why or "see the log"})' for name, why in self._failing.items())

    def start(self) -> None:
        """Begin with a round at once, and go on until stopped."""
        self._background.start()

    async def stop(self) -> None:
        """Stop, wherever it is."""
        await self._background.stop()

    def hurry(self) -> None:
        """Begin the next round at once."""
        self._wanted.set()

    async def round(self) -> bool:
        """Run every task once; returns whether there is more to do."""
        moves = self._ledger.orders.moves
        before, begun = moves[Cause.RECONCILER], time.monotonic()
        more = [await self._run_task(task) for task in self._tasks]
        repaired = moves[Cause.RECONCILER] - before
        if repaired:
            log.info('reconciled: orders were moved %d times', repaired)
            self._metrics.repaired('order', repaired)
        if self._failing:
            self._metrics.round_failed()
        else:
            self._metrics.round_done(time.monotonic() - begun)
        return any(more)

    async def _run(self) -> None:
        while True:
            more = await self.round()
            with suppress(TimeoutError):
                async with asyncio.timeout(CATCHING_UP if more else self._every):
                    await self._wanted.wait()
            self._wanted.clear()

    async def _run_task(self, task: Task) -> bool:
        """Run one task; its failure stops neither the others nor the next round."""
        try:
            more = await task.run()
        except Exception as error:  # whatever it is: the next round tries again
            self._log_failure(task.name, error)
            return False
        if self._failing.pop(task.name, ''):
            log.info('reconciling %s works again', task.name)
        return more

    def _log_failure(self, name: str, error: Exception) -> None:
        """Log a failure when it begins, and not again in each round while it is the same."""
        if isinstance(error, ShopError) and error.is_logged:
            self._failing[name] = ''
            return
        what = error.code if isinstance(error, ShopError) else f'{type(error).__name__}: {error}'
        if self._failing.get(name) == what:
            return
        self._failing[name] = what
        if isinstance(error, ShopError):
            log.log(error.level, 'reconciling %s failed: %s: %s', name, error.code, error)
        else:
            log.error('reconciling %s failed unexpectedly', name, exc_info=error)
