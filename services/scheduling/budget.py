"""How often Calendly may be asked: fifty times a minute on the Free plan, by everything that uses the token.

Developer.calendly.com, rate limits: each answer has ``X-RateLimit-Limit``, which a paid plan raises,
``X-RateLimit-Remaining`` and ``X-RateLimit-Reset``, the seconds until the count begins anew.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

import httpx

from services.errors import CalendarBusy

log = logging.getLogger(__name__)

CALLS, MINUTE = 50, 60.0  # in any sixty seconds, unless Calendly announces another number
RESERVE, LEAST_RESERVE = 15, 5  # of them, for the links that customers wait for: at first, and always
OTHERS = CALLS - RESERVE  # what does not wait for a link, such as the reader, never gets more, on any plan
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
        self._running = {False: 0, True: 0}  # calls on their way, by whether they are patient
        self._ended: deque[tuple[float, bool]] = deque()  # when, and whether it was patient
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
        self._running[patient] += 1
        self._remaining -= 1

    def end(self, answer: httpx.Response | None, *, patient: bool = False) -> None:
        """End a call.

        Args:
            answer: what Calendly answered; None when there was no answer.
            patient: as when it began.
        """
        now = self._clock()
        self._running[patient] -= 1
        self._ended.append((now, patient))
        if answer is None:
            return
        self._limit = _number(answer, 'X-RateLimit-Limit') or self._limit
        remaining = _number(answer, 'X-RateLimit-Remaining')
        reset = _number(answer, 'X-RateLimit-Reset')
        if remaining is not None and reset is not None:
            # Calendly may not have counted those that are on their way.
            on_their_way = sum(self._running.values())
            self._remaining, self._reset_at = remaining - on_their_way, now + min(reset, LONGEST_PAUSE)
        if answer.status_code == 429:
            pause = reset if reset is not None else _number(answer, 'Retry-After')
            self._paused_until = now + (UNTOLD_PAUSE if pause is None else min(pause, LONGEST_PAUSE))
            self._log(f'it asks for no more requests for {self._paused_until - now:.0f} s')

    def seconds_until_free(self, *, patient: bool) -> float:
        """Return how long to wait for a turn, 0 when there is one now.

        Args:
            patient: whether the reserve is left to others.
        """
        now, reserve = self._clock(), 0
        while self._ended and self._ended[0][0] <= now - MINUTE:
            self._ended.popleft()
        if now < self._paused_until:
            return self._paused_until - now
        others, wait = [time for time, was_patient in self._ended if was_patient], 0.0
        if patient:
            # What customers have used of their reserve in this minute need not be kept for them.
            used = self._running[False] + len(self._ended) - len(others)
            reserve = max(RESERVE - used, LEAST_RESERVE)
            wait = _wait(others, self._running[True], OTHERS, now)
        everything = [time for time, _ in self._ended]
        wait = max(wait, _wait(everything, sum(self._running.values()), self._limit - reserve, now))
        if wait == 0 and now < self._reset_at and self._remaining <= reserve:
            return self._reset_at - now
        return wait

    def _log(self, what: str) -> None:
        if self._clock() >= self._logged_at + MINUTE:
            self._logged_at = self._clock()
            log.warning('the limit of Calendly: %s', what)


def _wait(ended: Sequence[float], running: int, most: int, now: float) -> float:
    """Return the seconds until there are fewer than so many calls within a minute.

    Args:
        ended: when those ended that are over, in order.
        running: how many are on their way.
        most: how many there may be.
        now: the present time.
    """
    over = running + len(ended) - max(most, 1)
    if over < 0:
        return 0
    oldest = ended[over] if over < len(ended) else now - MINUTE
    return max(oldest + MINUTE - now, 0.1)  # at least a moment: those on their way have no end yet


def _number(answer: httpx.Response, header: str) -> int | None:
    """Return a header that is a whole number; None where it is missing or none."""
    value = answer.headers.get(header, '').strip()
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 12 else None
