"""A reconciler task: read one of Stripe's lists on from where it was left, and process what is new in it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.errors import PaymentsUnavailable, PaymentUnreachable, ShopError
from services.inbox import Inbox
from services.ledger import Delivery, Ledger, ListCursor, Source
from services.orders import SESSION_LIFETIME, Cause, is_same_shop
from services.payments import ListPage, Payments

PAGES = 5  # of a hundred entries, in a round
EVENTS_KEPT = timedelta(days=29)  # Stripe keeps them for thirty (docs.stripe.com/api/events)
LATE = timedelta(hours=1)  # an event may be listed late, and our clock may be wrong, by this much
STILL_OPEN = SESSION_LIFETIME + timedelta(hours=1)  # a session may be completed this long after it was made
# The overlap is read again this often. In between, only what was added since the last round is read;
# otherwise every round would read the same hour of events and the same four hours of sessions.
FULL_EVERY = timedelta(minutes=5)
RECENT = timedelta(minutes=2)

ReadPage = Callable[..., Awaitable[ListPage]]


@dataclass(frozen=True)
class LastReading:
    """How far this process has read a list, and up to when the last reading with the whole overlap went."""

    fully_at: datetime
    until: datetime


class ReadStripeList:
    """Reads one list; finds what was never delivered."""

    def __init__(
        self,
        name: str,
        read_page: ReadPage,
        *,
        first: timedelta,
        overlap: timedelta,
        ledger: Ledger,
        payments: Payments,
        inbox: Inbox,
        clock: Callable[[], datetime],
        domain: str,
    ) -> None:
        """Make it.

        Args:
            name: of the list.
            read_page: reads one page of it.
            first: how far back the first reading goes.
            overlap: how much every reading reads again.
            ledger: keeps the cursor.
            payments: knows the environment; each has a cursor of its own.
            inbox: processes entries as if they had been delivered.
            clock: the present time in UTC.
            domain: this shop's address; sessions of others on the same account are left alone.
        """
        self.name = name
        self._last: LastReading | None = None
        self._read_page = read_page
        self._first = first
        self._overlap = overlap
        self._ledger = ledger
        self._payments = payments
        self._inbox = inbox
        self._clock = clock
        self._domain = domain

    @property
    def was_read(self) -> bool:
        """Whether this process knows the list: the whole overlap, and what was added since, until just now.

        False while pages of the overlap are left, after a run that failed, and where another process went on
        with the reading.
        """
        return self._last is not None and self._last.until > self._clock() - FULL_EVERY

    async def run(self) -> bool:
        """Read the list on: what is new since the last run, and from time to time the whole overlap."""
        now, last, self._last = self._clock(), self._last, None
        recent = last and last.fully_at <= last.until <= now < last.fully_at + FULL_EVERY
        if last and recent and await self._read_newest(last.until - RECENT, now):
            self._last = replace(last, until=now)
            return False
        return await self._read_overlap(now)

    async def _read_newest(self, since: datetime, until: datetime) -> bool:
        """Read what was added since the last round; False when that is more than a page."""
        page = await self._read_page(since=since, until=until, after='')
        await self._process(page)
        return not page.last

    async def _read_overlap(self, now: datetime) -> bool:
        """Read from the stored cursor on, the whole overlap included; returns whether more is left."""
        name = f'{self.name} {self._payments.environment.mode}'
        cursor = await self._ledger.cursors.get(name, since=now - self._first)
        for _ in range(PAGES):
            until = cursor.until or now
            page = await self._page(cursor, until)
            await self._process(page)
            if page.last:
                after = replace(cursor, until=until, after=page.last)
            else:
                after = ListCursor(cursor.name, until - self._overlap)
            if after != cursor and not await self._ledger.cursors.advance(cursor, after):
                return False  # another process reads this list too
            if not page.last:
                self._last = LastReading(until, until)
                return False
            cursor = after
        return True

    async def _page(self, cursor: ListCursor, until: datetime) -> ListPage:
        # A clock that once ran ahead must not leave a gap.
        since = min(cursor.since, until - self._overlap)
        try:
            return await self._read_page(since=since, until=until, after=cursor.after)
        except PaymentsUnavailable:
            if cursor.after:  # the entry to continue from may be gone: begin this reading again
                await self._ledger.cursors.advance(cursor, ListCursor(cursor.name, cursor.since))
            raise

    async def _process(self, page: ListPage) -> None:
        """Process those entries that are ours and were not processed before."""
        entries = [
            entry
            for entry in page.entries
            if entry.object_id and (not entry.domain or is_same_shop(entry.domain, self._domain))
        ]
        done = await self._ledger.deliveries.done(Source.STRIPE, [entry.id for entry in entries])
        done |= await self._ledger.orders.completed_sessions(entry.id for entry in entries)
        for entry in reversed(entries):
            if entry.id not in done:
                await self._receive(Delivery(Source.STRIPE, entry.id, entry.kind, payload=entry.object_id))

    async def _receive(self, delivery: Delivery) -> None:
        """Receive an entry; its failure is stored, and ends the run only if Stripe is silent."""
        try:
            await self._inbox.receive(delivery, because=Cause.RECONCILER)
        except PaymentUnreachable:
            raise
        except ShopError:
            return  # the inbox has logged and stored it
