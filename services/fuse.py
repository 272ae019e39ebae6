"""The fuse against card testing: it pauses sales when many sessions are opened and nearly none is paid."""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from services.errors import SalesPaused

log = logging.getLogger(__name__)

SESSIONS, WINDOW = 150, 30 * 60.0  # so many sessions within so many seconds
PAID_SHARE = 0.05  # of them must have been paid; customers who press the button pay far more often
PAUSE = 30 * 60.0  # seconds
PAUSED = (
    'online payment is paused for %.0f minutes %s: only %d of %d sessions were paid that were opened within '
    '%.0f minutes, so somebody seems to try stolen cards. Look at the payments in the Stripe Dashboard'
)


class Fuse:
    """Counts opened sessions in memory; those of browsers that brought back their cookie apart from others.

    Machines without a cookie can therefore pause sales to clients without a cookie only.
    """

    def __init__(
        self,
        *,
        completed: Callable[[Iterable[str]], Awaitable[frozenset[str]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make it; sales go on.

        Args:
            completed: returns those of these sessions that were completed.
            clock: seconds that only grow.
        """
        self._completed = completed
        self._clock = clock
        self._opened: dict[bool, dict[str, float]] = {False: {}, True: {}}
        self._paused_until: dict[bool, float] = {}

    @property
    def paused_for(self) -> float:
        """The seconds for which sales are paused for anybody, 0 if they are not."""
        return max((until - self._clock() for until in self._paused_until.values()), default=0.0)

    def check(self, *, known: bool) -> None:
        """Let a customer on, or end a pause whose time is over.

        Args:
            known: the browser brought back its cookie.

        Raises:
            SalesPaused: sales are paused.
        """
        until = self._paused_until.get(known)
        if until is None:
            return
        if self._clock() < until:
            raise SalesPaused
        del self._paused_until[known]
        log.warning('online payment goes on %s', _whom(known))

    async def count(self, session_id: str, *, known: bool) -> None:
        """Count a session that was opened; pause sales if it is one too many.

        Args:
            session_id: of the session; the same one counts once.
            known: the browser brought back its cookie.
        """
        opened, now = self._opened[known], self._clock()
        opened.setdefault(session_id, now)
        if len(opened) < SESSIONS:
            return
        for old in [name for name, at in opened.items() if at < now - WINDOW]:
            del opened[old]
        if len(opened) < SESSIONS:
            return
        paid = len(await self._completed(opened))
        share = paid / len(opened)
        for counted in list(opened)[: SESSIONS if share < PAID_SHARE else SESSIONS // 2]:
            del opened[counted]
        if share < PAID_SHARE and known not in self._paused_until:
            self._paused_until[known] = now + PAUSE
            log.error(PAUSED, PAUSE / 60, _whom(known), paid, SESSIONS, WINDOW / 60)


def _whom(known: bool) -> str:
    return 'for all browsers that keep our cookie' if known else 'for clients without our cookie'
