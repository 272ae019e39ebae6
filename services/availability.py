"""Which times are free, as customers are told before they pay: read at Calendly at most once a minute."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.background import Background
from services.errors import CalendarRefused, CalendarUnavailable, NothingFree

log = logging.getLogger(__name__)

PERIOD = timedelta(days=31)  # from now; Calendly tells no more in one answer
SOON = timedelta(minutes=5)  # from now; Calendly refuses the present, and nobody pays and books faster
EVERY = timedelta(minutes=1)
AFTER_REFUSAL = timedelta(minutes=5)
KNOWN_FOR = timedelta(minutes=10)  # after that, a time that was free then is not shown any more
WANTED_FOR = timedelta(minutes=5)  # after a page asked
TICK = 5.0  # seconds between two looks whether a reading is due

Read = Callable[[datetime, datetime], Awaitable[tuple[datetime, ...]]]


@dataclass(frozen=True, eq=False)
class FreeTimes:
    """The times that can be booked, in UTC, soonest first; it stays the same object until they change."""

    starts: tuple[datetime, ...]


class Availability:
    """Keeps the free times in memory, and has them read again while pages ask for them."""

    def __init__(self, *, read: Read | None, clock: Callable[[], datetime], sells_without: bool) -> None:
        """Make it; nothing is read yet.

        Args:
            read: reads the free times of a period; None where that is not possible.
            clock: the present time in UTC.
            sells_without: whether selling goes on while no time is free.
        """
        self._read = read
        self._clock = clock
        self._sells_without = sells_without
        self._known: FreeTimes | None = None
        self._read_at = self._next_read = self._wanted_until = datetime.min.replace(tzinfo=UTC)
        self._refusal = ''
        self._one_at_a_time = asyncio.Lock()
        self._subscribers: set[Callable[[], object]] = set()
        self._background = Background(self._run)

    def start(self) -> None:
        """Read the free times every minute while pages ask for them, until stopped."""
        self._background.start()

    async def stop(self) -> None:
        """Stop, wherever it is."""
        await self._background.stop()

    @property
    def can_be_known(self) -> bool:
        """Whether the free times are known, or may become known while a page is open."""
        return self._read is not None and not self._refusal

    @property
    def nothing_free(self) -> bool:
        """Whether Calendly said within the last minutes that no time is free."""
        known = self._still_known()
        return known is not None and not known.starts

    @property
    def sells(self) -> bool:
        """Whether selling goes on: where it is not known whether a time is free, it does."""
        return self._sells_without or not self.nothing_free

    def for_page(self) -> FreeTimes | None:
        """Return the free times as they are known, without waiting for Calendly; None when they are not."""
        self._wanted_until = self._clock() + WANTED_FOR
        return self._still_known()

    def check(self) -> None:
        """Let a customer on.

        Raises:
            NothingFree: no time is free, and the operator does not sell then.
        """
        self._wanted_until = self._clock() + WANTED_FOR
        if not self.sells:
            raise NothingFree

    def subscribe(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call something after each reading, for as long as a page is open; returns what ends that."""
        self._subscribers.add(callback)
        return lambda: self._subscribers.discard(callback)

    async def refresh(self) -> None:
        """Read the free times, unless that was tried within the last minute."""
        async with self._one_at_a_time:
            now = self._clock()
            if self._read is None or now < self._next_read:
                return
            self._next_read = now + EVERY
            try:
                starts = await self._read(now + SOON, now + PERIOD)
            except CalendarRefused as error:
                self._next_read = now + AFTER_REFUSAL
                self._forget(str(error))
            except CalendarUnavailable as error:
                log.debug('the free times are not known: %s', error)
            else:
                self._keep(starts, now)
        for callback in tuple(self._subscribers):
            callback()

    def _keep(self, starts: tuple[datetime, ...], now: datetime) -> None:
        self._read_at, self._refusal = now, ''
        if self._known is None or self._known.starts != starts:
            self._known = FreeTimes(starts)

    def _forget(self, refusal: str) -> None:
        if refusal != self._refusal:
            log.info('free times are not shown on the landing page: %s', refusal)
        self._known, self._refusal = None, refusal

    def _still_known(self) -> FreeTimes | None:
        now = self._clock()
        if self._known is None or now - self._read_at > KNOWN_FOR:
            return None
        if self._known.starts and self._known.starts[0] <= now:
            # Later times than Calendly named may be free by now, so this is not the same as none.
            left = tuple(start for start in self._known.starts if start > now)
            self._known = FreeTimes(left) if left else None
        return self._known

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            if self._subscribers or self._clock() < self._wanted_until:
                try:
                    await self.refresh()
                except Exception:  # whatever it is: the next reading tries again
                    log.exception('reading the free times failed unexpectedly')
