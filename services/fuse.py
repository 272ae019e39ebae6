"""The fuse against card testing: it pauses sales when many sessions are opened and nearly none is paid."""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice, takewhile

from services.errors import SalesPaused, ShopError, reported

log = logging.getLogger(__name__)

SESSIONS, WINDOW = 150, 30 * 60.0  # so many sessions within so many seconds
TIME_TO_PAY = 10 * 60.0  # seconds; before that nobody knows whether a session will be paid
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
        return max([0.0, *(until - self._clock() for until in self._paused_until.values())])

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
        """Count a session that was opened; pause sales if too many earlier ones were not paid.

        A ledger that does not answer fails no sale: the next session counts again.

        Args:
            session_id: of the session; the same one counts once.
            known: the browser brought back its cookie.
        """
        opened, now = self._opened[known], self._clock()
        opened.setdefault(session_id, now)
        for old in list(takewhile(lambda name: opened[name] < now - TIME_TO_PAY - WINDOW, opened)):
            del opened[old]
        due = list(islice(takewhile(lambda name: opened[name] <= now - TIME_TO_PAY, opened), SESSIONS))
        if len(due) < SESSIONS:
            return
        with suppress(ShopError), reported('counting paid sessions'):
            self._compare(due, len(await self._completed(due)), known=known)

    def _compare(self, due: Sequence[str], paid: int, *, known: bool) -> None:
        """Pause sales if few of these sessions were paid; otherwise the newer half of them counts again."""
        opened = self._opened[known]
        if paid >= PAID_SHARE * len(due):
            for counted in due[: len(due) // 2]:
                opened.pop(counted, None)
            return
        opened.clear()
        if known not in self._paused_until:
            self._paused_until[known] = self._clock() + PAUSE
            log.error(PAUSED, PAUSE / 60, _whom(known), paid, len(due), WINDOW / 60)


def _whom(known: bool) -> str:
    return 'for all browsers that keep our cookie' if known else 'for clients without our cookie'
