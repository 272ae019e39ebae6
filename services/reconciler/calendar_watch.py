"""The calendar watch: checks every few minutes that what is sold can be booked.

It runs beside the rounds of the reconciler: Calendly's silence must not delay what is read from Stripe.
"""

import asyncio
import logging
from contextlib import suppress

from services.scheduling import CalendarProblem, Scheduling

log = logging.getLogger(__name__)

EVERY = 300.0  # seconds; a check makes two or three of the fifty requests that Calendly allows in a minute
AFTER_SILENCE = 30.0  # seconds until the next check when Calendly did not answer


class CalendarWatch:
    """Keeps the result of the last check, and logs when a problem begins and when it is over."""

    def __init__(self, scheduling: Scheduling, *, minutes: int) -> None:
        """Make it; nothing runs yet.

        Args:
            scheduling: checks the calendar.
            minutes: the length that is sold.
        """
        self._scheduling = scheduling
        self._minutes = minutes
        self._running: asyncio.Task[None] | None = None
        self.problem: CalendarProblem | None = None
        self.was_checked = False

    def start(self) -> None:
        """Check at once, and again every few minutes until stopped."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop, wherever it is."""
        if self._running:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def check(self) -> CalendarProblem | None:
        """Check once; a log line says what changed."""
        before, self.problem = self.problem, await self._scheduling.check(self._minutes)
        self.was_checked = True
        if self.problem and (
            before is None or before.certain != self.problem.certain or self._is_new(before)
        ):
            level = logging.ERROR if self.problem.certain else logging.WARNING
            log.log(level, 'the calendar: %s. %s', self.problem.problem, self.problem.remedy)
        elif before and self.problem is None:
            log.info('the calendar is all right again')
        return self.problem

    def _is_new(self, before: CalendarProblem) -> bool:
        """Whether the operator has something else to do; words of one silence may vary."""
        return bool(self.problem and self.problem.certain and self.problem != before)

    async def _run(self) -> None:
        while True:
            try:
                await self.check()
            except Exception:  # whatever it is: the next check tries again
                log.exception('checking the calendar failed unexpectedly')
            is_silent = self.problem is not None and not self.problem.certain
            await asyncio.sleep(AFTER_SILENCE if is_silent else EVERY)
