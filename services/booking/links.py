"""Calendar links: the address at which a paid order picks its time."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from cachetools import TTLCache

from services.booking.gate import calendar_gate
from services.booking.recorder import BookingRecorder
from services.errors import CalendarUnavailable, ShopError, reported
from services.ledger import Ledger
from services.orders import BookingState, CalendarGate, Cause, Order
from services.payments import Payments
from services.scheduling import Scheduling

log = logging.getLogger(__name__)

TRIES_BEFORE_PUBLIC_LINK = 3  # to make a link of the order's own
LINK_LIFETIME = timedelta(days=85)  # Calendly's links may expire after ninety days
COUNTED_TRIES = 10_000, 300  # orders whose tries are counted, seconds


class CalendarLinks:
    """Makes one link for each order and keeps it."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        payments: Payments,
        scheduling: Scheduling,
        recorder: BookingRecorder,
        clock: Callable[[], datetime],
        selling: bool,
        learns_of_bookings: bool,
    ) -> None:
        """Make it; nothing is requested yet.

        Args:
            ledger: stores the links.
            payments: knows the environment the shop sells in.
            scheduling: makes links.
            recorder: looks up bookings that the ledger does not know.
            clock: the present time in UTC.
            selling: whether a payment earns a time here.
            learns_of_bookings: whether Calendly delivers bookings to this shop.
        """
        self._ledger = ledger
        self._payments = payments
        self._scheduling = scheduling
        self._recorder = recorder
        self._clock = clock
        self._selling = selling
        self._learns_of_bookings = learns_of_bookings
        self._is_failing = False  # whether the last order that waited got the public address
        self._tries: TTLCache[str, int] = TTLCache(*COUNTED_TRIES)

    def gate(self, order: Order) -> CalendarGate:
        """Return whether an order shows its calendar, and if not, why."""
        return calendar_gate(order, environment=self._payments.environment, selling=self._selling)

    def has_waited(self, order: Order) -> bool:
        """Count a try to show the calendar of an order, on any page; True once there were enough."""
        self._tries[order.id] = self._tries.get(order.id, 0) + 1
        return self._tries[order.id] >= TRIES_BEFORE_PUBLIC_LINK

    async def url(self, order: Order, *, fallback: bool = False) -> str | None:
        """Return the address to embed for a verified order, or None while there is none to give.

        For an order that was adopted or restored, bookings that the ledger does not know are looked up first.
        If one of them is active there is no address.

        Args:
            order: the order as read from the ledger.
            fallback: return the public address if a link of the order's own cannot be made: whoever has paid
                must be able to book even while Calendly's API is down.
        """
        if self.gate(order) is not CalendarGate.OPEN:
            return None
        if not self._scheduling.makes_links:
            return self._scheduling.url_for(order)
        try:
            with reported('making a calendar link'):
                if order.bookings_unknown and await self._is_booked(order, may_wait=not fallback):
                    return None
                link = await self._link_of(order)
                return self._scheduling.url_for(order, link) if link else None
        except ShopError as error:
            return self._public_url(order, error) if fallback else None

    def _public_url(self, order: Order, error: ShopError) -> str:
        """Return the public address, and say loudly that customers get it: it books any number of times."""
        if not self._is_failing:
            self._is_failing = True
            log.error(
                'order %s and the next ones get the public calendar link: no own link can be made: %s',
                order.reference,
                error,
            )
        return self._scheduling.url_for(order)

    async def _is_booked(self, order: Order, *, may_wait: bool) -> bool:
        """Look up the bookings of an order at Calendly; returns whether one of them is active.

        Raises:
            CalendarUnavailable: Calendly does not answer, and the customer can wait.
        """
        try:
            await self._recorder.look_up(order)
        except CalendarUnavailable as error:
            if may_wait:
                raise
            log.warning('order %s may be booked already, and Calendly is silent: %s', order.reference, error)
        return any(booking.state is BookingState.ACTIVE for booking in await self._recorder.bookings(order))

    async def _link_of(self, order: Order) -> str | None:
        """Return the order's single-use link, making one if it has none; the ledger keeps the first.

        None for an order that was closed meanwhile.
        """
        link = ''
        while current := await self._ledger.orders.find(id=order.id):
            if self.gate(current) is not CalendarGate.OPEN:
                return None
            if current.calendar_url and not await self._may_have_expired(current):
                return current.calendar_url
            if not link:
                link = await self._scheduling.make_link()
                self._log_recovery()
            await self._ledger.orders.move(
                current,
                because=Cause.PAGE,
                line='calendar link made',
                calendar_url=link,
                calendar_url_at=self._clock(),
                bookings_unknown=False,
            )
        raise CalendarUnavailable('the order is gone')

    async def _may_have_expired(self, order: Order) -> bool:
        """Whether an order's link is old and unused; where Calendly delivers no bookings it is asked."""
        made = order.calendar_url_at
        if made is None or self._clock() - made < LINK_LIFETIME:
            return False
        if not self._learns_of_bookings:
            try:
                await self._recorder.look_up(order)
            except CalendarUnavailable as error:
                log.warning('order %s keeps its old calendar link: %s', order.reference, error)
                return False
        return not any(
            booking.state is BookingState.ACTIVE for booking in await self._recorder.bookings(order)
        )

    def _log_recovery(self) -> None:
        if self._is_failing:
            self._is_failing = False
            log.info('calendar links can be made again')
