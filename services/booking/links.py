"""Calendar links: the address at which a paid order picks its time."""

import logging

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
        selling: bool,
    ) -> None:
        """Make it; nothing is requested yet.

        Args:
            ledger: stores the links.
            payments: knows the environment the shop sells in.
            scheduling: makes links.
            recorder: looks up bookings that the ledger does not know.
            selling: whether a payment earns a time here.
        """
        self._ledger = ledger
        self._payments = payments
        self._scheduling = scheduling
        self._recorder = recorder
        self._selling = selling
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
        except ShopError:
            return self._scheduling.url_for(order) if fallback else None

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
            if current.calendar_url:
                return current.calendar_url
            link = link or await self._scheduling.make_link()
            await self._ledger.orders.move(
                current,
                because=Cause.PAGE,
                line='calendar link made',
                calendar_url=link,
                bookings_unknown=False,
            )
        raise CalendarUnavailable('the order is gone')
