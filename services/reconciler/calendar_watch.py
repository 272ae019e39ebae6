"""The calendar watch: checks every few minutes that what is sold can be booked.

It runs beside the rounds of the reconciler: Calendly's silence must not delay what is read from Stripe.
"""

import asyncio
import logging

from services.availability import Availability
from services.background import Background
from services.scheduling import NOTHING_FREE, CalendarProblem, Scheduling

log = logging.getLogger(__name__)

EVERY = 300.0  # seconds; a check makes three or four of the fifty requests that Calendly allows in a minute
AFTER_SILENCE = 30.0  # seconds until the next check when Calendly did not answer


class CalendarWatch:
    """Keeps the result of the last check, and logs when a problem begins and when it is over."""

    def __init__(self, scheduling: Scheduling, availability: Availability, *, minutes: int) -> None:
        """Make it; nothing runs yet.

        Args:
            scheduling: checks the calendar.
            availability: knows whether a time is free.
            minutes: the length that is sold.
        """
        self._scheduling = scheduling
        self._availability = availability
        self._minutes = minutes
        self._background = Background(self._run)
        self._found: CalendarProblem | None = None
        self._logged: CalendarProblem | None = None
        self.was_checked = False

    @property
    def problem(self) -> CalendarProblem | None:
        """What the last check found, or that no time is free, as the pages say it now."""
        return self._found or (NOTHING_FREE if self._availability.nothing_free else None)

    def start(self) -> None:
        """Check at once, and again every few minutes until stopped."""
        self._background.start()

    async def stop(self) -> None:
        """Stop, wherever it is."""
        await self._background.stop()

    async def check(self) -> CalendarProblem | None:
        """Check once; a log line says what changed."""
        self._found = await self._scheduling.check(self._minutes)
        if self._found is None:
            await self._availability.refresh()
        self.was_checked = True
        before, self._logged = self._logged, self.problem
        if self.problem and (
            before is None or before.certain != self.problem.certain or self._is_new(before)
        ):
            log.log(self.problem.level, 'the calendar: %s. %s', self.problem.problem, self.problem.remedy)
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
