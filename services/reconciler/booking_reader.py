"""The booking reader: learns from Calendly's list of events what was booked, moved and canceled.

It runs beside the rounds of the reconciler: Calendly's silence must not delay what is read from Stripe. Each
reading is one list for all orders, and one request for each event that is new or has changed (decision 68).
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.background import Background
from services.booking import BookingRecorder, WaitingPages, WaitsFor
from services.errors import CalendarRefused, CalendarUnavailable, ShopError
from services.ledger import KnownBooking, Ledger
from services.orders import BookingState, Cause, Order
from services.payments import Payments
from services.scheduling import CalendarProblem, ScheduledEvent, Scheduling, problem_of_error

log = logging.getLogger(__name__)

QUICKLY, FOR_CHANGES, SLOWLY = 5.0, 10.0, 120.0  # seconds between two readings
READS = 20  # events whose bookings are read before the list is read again
RECENT = timedelta(hours=1)  # a meeting that began earlier does not concern a customer who waits
LATELY = timedelta(days=1)  # after a meeting, for which the coach may still mark a no-show
AGAIN_AFTER = timedelta(hours=6)  # a meeting that is over is read again so often until then
SKEW = timedelta(hours=1)  # between Calendly's clock and ours, at most


@dataclass(frozen=True)
class _Seen:
    """How an event was when its bookings were read, or were found to be known.

    ``searched`` are the orders that may be booked unnoticed and that it did not turn out to belong to.
    """

    version: str
    searched: frozenset[str] = frozenset()


class BookingReader:
    """Reads Calendly quickly while a customer waits on an order page, and slowly otherwise."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        payments: Payments,
        scheduling: Scheduling,
        recorder: BookingRecorder,
        waiting: WaitingPages,
        on_missed: Callable[[], object],
        clock: Callable[[], datetime],
    ) -> None:
        """Make it; nothing runs yet.

        Args:
            ledger: what is known already.
            payments: knows the environment the shop sells in.
            scheduling: reads Calendly.
            recorder: writes down what was read, as it does for deliveries.
            waiting: the pages whose customers wait.
            on_missed: called when a booking is found that no delivery told of.
            clock: the present time in UTC.
        """
        self._ledger = ledger
        self._payments = payments
        self._scheduling = scheduling
        self._recorder = recorder
        self._waiting = waiting
        self._on_missed = on_missed
        self._clock = clock
        self._background = Background(self._run)
        self._seen: dict[str, _Seen] = {}  # by URI
        self._oldest: datetime | None = None
        self._has_read_all = False
        self._slow_reading_at: datetime | None = None
        self.problem: CalendarProblem | None = None
        self.was_read = False

    @property
    def is_current(self) -> bool:
        """Whether the ledger knows what is booked, as far as this process can say."""
        return self.was_read and self.problem is None

    def start(self) -> None:
        """Read at once and go on until stopped; without a token there is nothing to do."""
        if self._scheduling.makes_links:
            self._background.start()

    async def stop(self) -> None:
        """Stop, wherever it is."""
        await self._background.stop()

    async def read(self) -> bool:
        """Read Calendly once; returns whether there is more to read.

        Raises:
            CalendarUnavailable: Calendly does not answer, or refuses the list.
            LedgerUnavailable: the database does not work.
        """
        now = self._clock()
        if not self._is_slow_reading_due(now):
            return await self._read_since(now - RECENT, unknown=())
        unbooked = await self._ledger.orders.list_unbooked(self._payments.environment)
        unknown = tuple(order for order in unbooked if order.bookings_unknown)
        is_idle = not unbooked and not await self._ledger.bookings.ends_after(now - LATELY)
        if is_idle and self._has_read_all:
            self._slow_reading_at = now
            return False
        self._oldest = await self._ledger.orders.oldest()
        orders = unknown if self._has_read_all else unbooked
        since = min([now - 2 * LATELY, *(order.created_at - SKEW for order in orders)])
        more = await self._read_since(since, unknown=unknown)
        if not more:
            self._slow_reading_at, self._has_read_all = now, True
        return more

    def _is_slow_reading_due(self, now: datetime) -> bool:
        """Whether it is time to look at more than what customers wait for."""
        last = self._slow_reading_at
        return last is None or not timedelta() <= now - last < timedelta(seconds=SLOWLY)

    async def _read_since(self, since: datetime, *, unknown: tuple[Order, ...]) -> bool:
        """Read the events that start at a time or later; returns whether some are left for the next reading.

        Args:
            since: in UTC.
            unknown: orders that may have been booked without the ledger knowing; they are cleared up.
        """
        events = await self._scheduling.list_events(since)
        self._oldest = self._oldest or await self._ledger.orders.oldest()
        known = _by_event(await self._ledger.bookings.known_since(since))
        ids = frozenset(order.id for order in unknown)
        seen = {event.uri: self._look_at(event, known.get(event.uri, ()), unknown=ids) for event in events}
        new = [event for event in events if self._is_new(event, known.get(event.uri, ()), seen[event.uri])]
        if any(self._was_missed(event, known.get(event.uri, ())) for event in new):
            self._on_missed()
        refused = [event for event in new[:READS] if not await self._read_event(event, seen[event.uri])]
        if since <= self._clock() - LATELY:  # events that such a list does not show any more are over
            self._seen = {uri: self._seen[uri] for uri in seen if uri in self._seen}
        if len(new) <= READS and not refused:
            await self._clear_up(unknown)
        return len(new) > READS

    def _look_at(
        self, event: ScheduledEvent, known: Iterable[KnownBooking], *, unknown: frozenset[str]
    ) -> _Seen:
        """Return how an event is now.

        Calendly does not document whether a no-show changes an event. So the version of one that belongs to
        an order changes a few times after its end.
        """
        if all(booking.place is None for booking in known):
            return _Seen(event.version, unknown)
        over = min(max(self._clock() - event.end, -AGAIN_AFTER), LATELY) // AGAIN_AFTER
        return _Seen(f'{event.version} {over}')

    def _is_new(self, event: ScheduledEvent, known: Iterable[KnownBooking], now: _Seen) -> bool:
        """Whether the bookings of an event must be read: it is new or has changed, and no webhook told it.

        Args:
            event: from the list.
            known: what the ledger knows of it.
            now: how the event is now.
        """
        if self._oldest is None or event.created_at < self._oldest - SKEW:
            return False  # booked before this shop had an order
        before = self._seen.get(event.uri, _Seen(''))
        if not now.searched <= before.searched:
            return True
        if before.version == now.version:
            return False
        # A no-show is not part of an event, and there is none before its start.
        if self._clock() < event.start and _agree(event, tuple(known)):
            self._seen[event.uri] = now
            return False
        return True

    def _was_missed(self, event: ScheduledEvent, known: Iterable[KnownBooking]) -> bool:
        """Whether a delivery should have told what is new about an event: there is none of a no-show."""
        return self._clock() < event.start and not _agree(event, tuple(known))

    async def _read_event(self, event: ScheduledEvent, now: _Seen) -> bool:
        """Read and write down the bookings of an event; False when Calendly refuses to tell them.

        Raises:
            CalendarUnavailable: Calendly does not answer.
        """
        try:
            for update in await self._scheduling.read_event(event):
                await self._recorder.take(update, because=Cause.RECONCILER)
        except CalendarRefused as error:
            log.warning('the bookings of event %s are not known: %s', event.uri.rpartition('/')[2], error)
            self._seen[event.uri] = now
            return False
        self._seen[event.uri] = now
        return True

    async def _clear_up(self, unknown: Iterable[Order]) -> None:
        """Write down that the bookings of orders are known now: those without one were not booked."""
        for order in unknown:
            current = await self._ledger.orders.find(id=order.id)
            if current and current.bookings_unknown:
                await self._ledger.orders.move(
                    current,
                    because=Cause.RECONCILER,
                    line='its bookings were looked up at Calendly',
                    bookings_unknown=False,
                )

    async def _run(self) -> None:
        while True:
            more = False
            try:
                more = await self.read()
            except CalendarUnavailable as error:
                self._note(_problem(error))
            except ShopError as error:
                if not error.is_logged:
                    log.warning('reading bookings failed: %s', error)
            except Exception:  # whatever it is: the next reading tries again
                log.exception('reading bookings failed unexpectedly')
            else:
                self._note(None)
            if not more:
                await self._pause()

    async def _pause(self) -> None:
        """Wait for the next reading; a page that begins to wait brings it forward."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while (left := begun + self._interval() - loop.time()) > 0:
            await self._waiting.changed(seconds=left)

    def _interval(self) -> float:
        """Return the seconds between two readings, as of now."""
        is_refused = self.problem is not None and self.problem.certain
        if self._waiting.any(WaitsFor.BOOKING):
            return FOR_CHANGES if is_refused else QUICKLY
        return FOR_CHANGES if self._waiting.any(WaitsFor.CHANGE) and not is_refused else SLOWLY

    def _note(self, problem: CalendarProblem | None) -> None:
        """Keep what the last reading met; a log line says when it begins and when it is over."""
        before, self.problem = self.problem, problem
        self.was_read = self.was_read or problem is None
        if problem and before is None:
            log.warning('bookings cannot be read: %s. %s', problem.problem, problem.remedy)
        elif before and problem is None:
            log.info('bookings can be read again')


def _problem(error: CalendarUnavailable) -> CalendarProblem:
    """Return what an error means: a request that failed, or one that was not made."""
    if error.__cause__:
        return problem_of_error(error)
    return CalendarProblem(str(error), 'See what /readyz says of the calendar.', certain=False)


def _by_event(bookings: Iterable[KnownBooking]) -> Mapping[str, list[KnownBooking]]:
    """Return bookings by the URI of their event, which an invitee's begins with."""
    found: dict[str, list[KnownBooking]] = {}
    for booking in bookings:
        found.setdefault(booking.invitee_id.rpartition('/invitees/')[0], []).append(booking)
    return found


def _agree(event: ScheduledEvent, known: tuple[KnownBooking, ...]) -> bool:
    """Whether the ledger has the bookings of an event as the list shows it."""
    active = [booking for booking in known if booking.active]
    if event.state is BookingState.CANCELED:
        return len(known) >= event.invitees and not active
    return len(active) >= event.active and all(
        (booking.start, booking.end) == (event.start, event.end)
        and booking.place in (None, event.place)
        and booking.link_follows in (None, event.link_follows)
        for booking in active
    )
