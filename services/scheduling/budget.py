"""How often Calendly may be asked: fifty times a minute on the Free plan, by everything that uses the token.

Developer.calendly.com, rate limits: each answer has ``X-RateLimit-Limit``, which a paid plan raises,
``X-RateLimit-Remaining`` and ``X-RateLimit-Reset``, the seconds until the count begins anew.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable

import httpx

from services.errors import CalendarBusy

log = logging.getLogger(__name__)

CALLS, MINUTE = 50, 60.0  # in any sixty seconds, unless Calendly announces another number
RESERVE = 15  # of the fifty, for the links that customers wait for; the others never get more on any plan
UNTOLD_PAUSE = 10.0  # seconds after a 429 that does not say how long to wait
LONGEST_PAUSE = 300.0  # seconds that an answer may ask for


class CallBudget:
    """Counts the calls of this process, and heeds what Calendly says of all that use the token.

    A call counts from its start until a minute after its answer, so that Calendly receives no more than that
    in any minute, however long each one is on its way.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Make it.

        Args:
            clock: seconds that only grow.
        """
        self._clock = clock
        self._limit = CALLS
        self._running = 0
        self._ended: deque[float] = deque()
        self._remaining = 0  # until the reset, as far as Calendly has said
        self._reset_at = self._paused_until = self._logged_at = -LONGEST_PAUSE

    async def take(self, *, patient: bool = False) -> None:
        """Begin a call.

        Args:
            patient: wait for a turn, and leave the reserve to customers.

        Raises:
            CalendarBusy: there is no turn now, and the caller does not wait.
        """
        while wait := self.seconds_until_free(patient=patient):
            if not patient:
                self._log(
                    f'its {self._limit} requests a minute are used; the next is possible in {wait:.0f} s'
                )
                raise CalendarBusy(f'no request to Calendly for {wait:.0f} seconds: its limit is reached')
            await asyncio.sleep(wait)
        self._running += 1
        self._remaining -= 1

    def end(self, answer: httpx.Response | None) -> None:
        """End a call.

        Args:
            answer: what Calendly answered; None when there was no answer.
        """
        now = self._clock()
        self._running -= 1
        self._ended.append(now)
        if answer is None:
            return
        self._limit = _number(answer, 'X-RateLimit-Limit') or self._limit
        remaining = _number(answer, 'X-RateLimit-Remaining')
        reset = _number(answer, 'X-RateLimit-Reset')
        if remaining is not None and reset is not None:
            # Calendly may not have counted those that are on their way.
            self._remaining, self._reset_at = remaining - self._running, now + min(reset, LONGEST_PAUSE)
        if answer.status_code == 429:
            pause = reset if reset is not None else _number(answer, 'Retry-After')
            self._paused_until = now + (UNTOLD_PAUSE if pause is None else min(pause, LONGEST_PAUSE))
            self._log(f'it asks for no more requests for {self._paused_until - now:.0f} s')

    def seconds_until_free(self, *, patient: bool) -> float:
        """Return how long to wait for a turn, 0 when there is one now.

        Args:
            patient: whether the reserve is left to others.
        """
        now, reserve = self._clock(), RESERVE if patient else 0
        limit = max(min(self._limit, CALLS) - RESERVE, 1) if patient else self._limit
        while self._ended and self._ended[0] <= now - MINUTE:
            self._ended.popleft()
        if now < self._paused_until:
            return self._paused_until - now
        too_many = self._running + len(self._ended) - limit
        if too_many >= 0:
            # At least a moment, so that whoever waits for calls on their way does not spin.
            ended = self._ended[too_many] if too_many < len(self._ended) else now - MINUTE
            return max(ended + MINUTE - now, 0.1)
        if now < self._reset_at and self._remaining <= reserve:
            return self._reset_at - now
        return 0

    def _log(self, what: str) -> None:
        if self._clock() >= self._logged_at + MINUTE:
            self._logged_at = self._clock()
            log.warning('the limit of Calendly: %s', what)


def _number(answer: httpx.Response, header: str) -> int | None:
    """Return a header that is a whole number; None where it is missing or none."""
    value = answer.headers.get(header, '').strip()
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 12 else None
