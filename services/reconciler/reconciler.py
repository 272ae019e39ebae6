"""The reconciler: compares what the ledger says with what is, and mends what nobody told us of.

It looks at what is at Stripe, not at a queue, so it does not matter which delivery was lost or why. Any
number of processes may run it on one database at once: what they do twice has no effect the second time.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.errors import PaymentsUnavailable, PaymentUnreachable, ShopError, reported
from services.fulfilment import Fulfilment
from services.ledger import Delivery, Ledger, ListCursor
from services.ledger.backlog import Backlog
from services.metrics import Metrics
from services.orders import SESSION_LIFETIME, WATCHED, Order, State, attach_deadline
from services.payments import Page, Payments
from services.scheduling import read_update

log = logging.getLogger(__name__)

CAUSE = 'reconciler'
ORDERS, DELIVERIES = 100, 50  # looked at per round
AT_ONCE = 4  # questions to Stripe under way; it takes a hundred a second
PAGES = 5  # of a hundred entries, of each list, per round
CATCHING_UP = 1.0  # seconds of rest between two rounds while there is more to do
EVENTS_KEPT = timedelta(days=29)  # Stripe keeps them for thirty
LATE = timedelta(hours=1)  # an event may be listed late, and our clock may be wrong, by this much
STILL_OPEN = SESSION_LIFETIME + timedelta(hours=1)  # a session may be completed this long after it was made


@dataclass(frozen=True)
class List:
    """One of Stripe's lists: how to read a page, where to begin, and how much to read twice."""

    name: str
    page: Callable[..., Awaitable[Page]]
    first: timedelta
    again: timedelta


class Reconciler:
    """Runs beside the pages, in rounds; a round that is cut off anywhere is simply begun again."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        payments: Payments,
        fulfilment: Fulfilment,
        metrics: Metrics,
        clock: Callable[[], datetime],
        shop: str,
        every: float,
    ) -> None:
        """Make it; nothing runs yet.

        Args:
            ledger: what we believe.
            payments: where the truth is.
            fulfilment: how the one becomes the other.
            metrics: where repairs are counted.
            clock: the present time in UTC.
            shop: this shop's address; sessions of others on the same account are left alone.
            every: seconds between two rounds.
        """
        self._ledger = ledger
        self._backlog = Backlog(ledger.store, clock)
        self._payments = payments
        self._fulfilment = fulfilment
        self._metrics = metrics
        self._clock = clock
        self._shop = shop
        self._every = every
        self._failing: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None
        lists = payments.lists
        self._lists = (
            List('events', lists.events, EVENTS_KEPT, LATE),
            List('sessions', lists.completed_sessions, WATCHED, STILL_OPEN),
        )

    def start(self) -> None:
        """Begin with a round at once, and go on until stopped."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop, wherever it is."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def round(self) -> bool:
        """Look at everything that is due, once and within bounds; says whether there is more to do."""
        before, begun = self._ledger.moves[CAUSE], time.monotonic()
        # The lists come first: what they find must not be given up as never paid.
        more = [await self._part(which.name, self._read_on(which)) for which in self._lists]
        more.append(await self._part('orders', self._orders()))
        more.append(await self._part('deliveries', self._deliveries()))
        repaired = self._ledger.moves[CAUSE] - before
        if repaired:
            log.info('reconciled: orders were moved %d times', repaired)
            self._metrics.repaired('order', repaired)
        if self._failing:
            self._metrics.round_failed()
        else:
            self._metrics.round_done(time.monotonic() - begun)
        return any(more)

    async def _run(self) -> None:
        while True:
            more = await self.round()
            await asyncio.sleep(CATCHING_UP if more else self._every)

    async def _part(self, name: str, work: Awaitable[bool]) -> bool:
        """Do one part of a round; its failure stops neither the others nor the next round."""
        try:
            more = await work
        except Exception as error:  # whatever it is: the reconciler is what heals
            self._complain(name, error)
            return False
        if self._failing.pop(name, ''):
            log.info('reconciling %s works again', name)
        return more

    def _complain(self, name: str, error: Exception) -> None:
        """Log a failure when it begins, and not again in each round while it is the same."""
        what = error.code if isinstance(error, ShopError) else f'{type(error).__name__}: {error}'
        if self._failing.get(name) == what:
            return
        self._failing[name] = what
        if isinstance(error, ShopError):
            log.log(error.level, 'reconciling %s failed: %s: %s', name, error.code, error)
        else:
            log.error('reconciling %s failed unexpectedly', name, exc_info=error)

    async def _orders(self) -> bool:
        """Compare the orders that are due with Stripe."""
        orders = await self._backlog.claim_orders(self._payments.environment, limit=ORDERS)
        turn = asyncio.Semaphore(AT_ONCE)

        async def look(order: Order) -> Order | None:
            async with turn:
                return await self._look(order)

        seen = await asyncio.gather(*map(look, orders), return_exceptions=True)
        await self._backlog.checked(order for order in seen if isinstance(order, Order))
        for error in seen:
            if isinstance(error, BaseException):
                raise error  # one tells for all: those that were not looked at are due again soon
        return len(orders) == ORDERS

    async def _look(self, order: Order) -> Order | None:
        """Return the order if it is as we believed, None if it was moved."""
        if order.session_id is None:
            await self._give_up(order)
            return None
        seen = await self._fulfilment.fulfil(order.session_id, because=CAUSE) or order
        await self._fulfilment.duplicates.close_if_superseded(seen, because=CAUSE)
        return order if seen.version == order.version else None

    async def _give_up(self, order: Order) -> None:
        """Void an order that never got a session: nobody ever saw an address to pay it at."""
        now = self._clock()
        known = 'sessions' not in self._failing  # a restored order may have been paid since
        if known and order.state is State.OPEN and now >= attach_deadline(order):
            line = 'given up: no payment session came of it'
            await self._ledger.move(order, because=CAUSE, line=line, voided_at=now, claim=None)

    async def _read_on(self, which: List) -> bool:
        """Read a list on from where it was left, and work what is in it."""
        now = self._clock()
        name = f'{which.name} {self._payments.environment.mode}'  # each environment has events of its own
        cursor = await self._backlog.cursor(name, since=now - which.first)
        for _ in range(PAGES):
            until = cursor.until or now
            page = await self._page_of(which, cursor, until)
            await self._work(page)
            if page.last:
                further = replace(cursor, until=until, after=page.last)
            else:
                further = ListCursor(cursor.name, until - which.again)
            if further != cursor and not await self._backlog.advance_cursor(cursor, further):
                return False  # another process reads this list too
            if not page.last:
                return False
            cursor = further
        return True

    async def _page_of(self, which: List, cursor: ListCursor, until: datetime) -> Page:
        # A clock that once ran ahead must not leave a gap.
        since = min(cursor.since, until - which.again)
        try:
            return await which.page(since=since, until=until, after=cursor.after)
        except PaymentsUnavailable:
            if cursor.after:  # the entry to go on from may be gone: Stripe keeps them for a month
                await self._backlog.advance_cursor(cursor, ListCursor(cursor.name, cursor.since))
            raise

    async def _work(self, page: Page) -> None:
        """Work those entries of a list that are ours and were not worked before."""
        entries = [entry for entry in page.entries if entry.about and entry.shop in ('', self._shop)]
        done = await self._backlog.handled('stripe', [entry.id for entry in entries])
        done |= await self._backlog.known_sessions(entry.id for entry in entries)
        for entry in reversed(entries):
            if entry.id not in done:
                delivery = Delivery('stripe', entry.id, entry.kind, payload=entry.about)
                if not await self._ledger.record(delivery):
                    await self._settle(delivery)

    async def _deliveries(self) -> bool:
        """Work again what was noted and never settled."""
        deliveries = await self._backlog.claim_deliveries(limit=DELIVERIES)
        for delivery in deliveries:
            await self._settle(delivery)
        return len(deliveries) == DELIVERIES

    async def _settle(self, delivery: Delivery) -> None:
        """Work one delivery; a failure is kept, and ends the round only where Stripe is silent."""
        try:
            with reported(f'delivery {delivery.kind}, again'):
                if delivery.source == 'stripe':
                    await self._fulfilment.process(delivery, because=CAUSE)
                else:
                    meeting = read_update(delivery.payload.encode())[2]
                    await self._fulfilment.book(meeting, because=CAUSE, handles=delivery)
        except ShopError as error:
            await self._ledger.mark_handled(delivery, error=f'{error.code} [error {error.id}]')
            if isinstance(error, PaymentUnreachable):
                raise
