"""Who is setting up the shop: one process at a time, also where several have the same database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from services.ledger import Ledger
from services.set_up.refused import Refused

IDLE = timedelta(minutes=10)  # after its last step another process may go on without a question
WORKING = timedelta(minutes=3)  # longer than all requests of one step together
RESTS, WORKS = 'rests', 'works'


class Elsewhere(Refused):
    """Another process has the set-up.

    ``is_working`` says that it is just making or writing something, so that nobody may go on in its place.
    """

    def __init__(self, place: str, *, is_working: bool) -> None:
        words = f'Another set-up of this shop is under way in {place}.'
        if is_working:
            words += ' It is writing or making something just now; try again in some minutes.'
        super().__init__(words)
        self.is_working = is_working


class Hold:
    """The hold of one process on the set-up, in the ledger.

    ``place`` says where the process is, for people. Two processes that run at the same time never have the
    same one; a process that was started again at the same address does, and goes on.
    """

    def __init__(self, ledger: Ledger, place: str) -> None:
        """Make it; nothing is held yet.

        Args:
            ledger: it is open.
            place: where this process is.
        """
        self._settings = ledger.settings
        self.place = place

    async def take(self, *, over: bool = False) -> bool:
        """Take the set-up for some minutes; returns whether another process may have had it since.

        Args:
            over: somebody wants to go on here; a process that rests then no longer has it.

        Raises:
            Elsewhere: another process has it.
        """
        return await self._become(RESTS, IDLE, instead_of=(RESTS,), over=RESTS if over else '')

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Keep every other process out while something is made or written.

        Raises:
            Elsewhere: another process has the set-up.
        """
        await self._become(WORKS, WORKING, instead_of=(RESTS, WORKS))
        try:
            yield
        finally:
            await self._become(RESTS, IDLE, instead_of=(RESTS, WORKS))

    async def release(self) -> None:
        """Leave the set-up to others."""
        await self._settings.release((self._row(RESTS), self._row(WORKS)))

    async def _become(
        self, state: str, time: timedelta, *, instead_of: tuple[str, ...], over: str = ''
    ) -> bool:
        before, after = await self._settings.hold(
            self._row(state), time, instead_of=tuple(map(self._row, instead_of)), over=over
        )
        if after not in (self._row(RESTS), self._row(WORKS)):
            other, _, place = after.partition(' ')
            raise Elsewhere(place, is_working=other == WORKS)
        return before != after

    def _row(self, state: str) -> str:
        return f'{state} {self.place}'
