"""The subscription watch: checks that Calendly's webhook subscription delivers bookings here.

It checks each day, and at once when the booking reader finds a booking that no delivery told of.
"""

import asyncio
import logging
from contextlib import suppress

from services.background import Background
from services.errors import CalendarRefused, CalendarUnavailable
from services.scheduling import CalendarProblem, Scheduling

log = logging.getLogger(__name__)

EVERY, SOON = 86_400.0, 300.0  # seconds between two checks: soon after silence, or while there is a problem


class SubscriptionWatch:
    """Keeps the result of the last check, and logs when a problem begins and when it is over."""

    def __init__(self, scheduling: Scheduling) -> None:
        """Make it; nothing runs yet.

        Args:
            scheduling: checks the subscription.
        """
        self._scheduling = scheduling
        self._background = Background(self._run)
        self._is_refused = False
        self._is_doubtful = asyncio.Event()
        self.problem: CalendarProblem | None = None

    def start(self) -> None:
        """Check at once, and again each day until stopped; without a token nothing can be checked."""
        if self._scheduling.makes_links:
            self._background.start()

    async def stop(self) -> None:
        """Stop, wherever it is."""
        await self._background.stop()

    def check_at_once(self) -> None:
        """Bring the next check forward, unless it is known already that nothing is delivered."""
        if self.problem is None and not self._is_refused:
            self._is_doubtful.set()

    async def check(self) -> bool:
        """Check once; returns whether Calendly answered."""
        try:
            problem = await self._scheduling.check_subscription()
        except CalendarRefused as error:
            if not self._is_refused:
                log.info('whether the webhook subscription works is not known: %s', error)
            self._is_refused, self.problem = True, None
            return True
        except CalendarUnavailable as error:
            log.info('the webhook subscription was not checked: %s', error)
            return False
        before, self.problem = self.problem, problem
        if problem and problem != before:
            log.warning('bookings: %s. %s', problem.problem, problem.remedy)
        elif before and problem is None:
            log.info('the webhook subscription works again')
        return True

    async def _run(self) -> None:
        while True:
            answered = False
            try:
                answered = await self.check()
            except Exception:  # whatever it is: the next check tries again
                log.exception('checking the webhook subscription failed unexpectedly')
            await self._pause(EVERY if answered and self.problem is None else SOON)

    async def _pause(self, seconds: float) -> None:
        """Wait for the next check; what makes the subscription doubtful brings it forward."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_doubtful.wait()
        self._is_doubtful.clear()
