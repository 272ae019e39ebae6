"""Which order shows a calendar, which address that is, and which meetings came of it."""

import logging

from cachetools import TTLCache

from services.errors import CalendarUnavailable, ShopError, reported
from services.ledger import Delivery, Ledger
from services.orders import MAYBE_SPENT, Booking, Order
from services.payments import Payments
from services.scheduling import BookingUpdate, Scheduling

log = logging.getLogger(__name__)

PATIENT_TRIES = 3  # for a calendar link of an order's own, before the public address is taken
TRIED = 10_000, 300  # orders whose tries are counted, seconds


class Calendars:
    """The half of fulfilment that speaks of calendars; Stripe is not asked here."""

    def __init__(self, *, ledger: Ledger, payments: Payments, scheduling: Scheduling, selling: bool) -> None:
        self._ledger = ledger
        self._payments = payments
        self._scheduling = scheduling
        self._selling = selling
        self._tries: TTLCache[str, int] = TTLCache(*TRIED)

    async def bookings(self, order: Order) -> tuple[Booking, ...]:
        """Return the meetings known for an order, earliest first."""
        return await self._ledger.bookings(order.id)

    def why_closed(self, order: Order) -> str:
        """Say why an order shows no calendar: '' when it does, else payment, environment or test."""
        if not order.opens_calendar:
            return 'payment'
        if not self._of_this_environment(order):
            return 'environment'
        return '' if self._selling else 'test'

    def has_waited(self, order: Order) -> bool:
        """Count a try to show the calendar of an order, on whichever page; True when there were enough."""
        self._tries[order.id] = self._tries.get(order.id, 0) + 1
        return self._tries[order.id] >= PATIENT_TRIES

    async def calendar(self, order: Order, *, fallback: bool = False) -> str | None:
        """Return the address to embed for a verified order, or None while there is none to give.

        For an order that was adopted or restored, meetings that the ledger has forgotten are looked up first;
        where one stands there is no address.

        Args:
            order: the order as read from the ledger.
            fallback: give the public address if a link of its own cannot be made: somebody who has paid
                must be able to book even while Calendly's API is down.
        """
        if self.why_closed(order):
            return None
        if not self._scheduling.makes_links:
            return self._scheduling.address_for(order)
        try:
            with reported('making a calendar link'):
                if order.calendar_url == MAYBE_SPENT and await self._is_booked(order, patient=not fallback):
                    return None
                link = await self._link_of(order)
                return self._scheduling.address_for(order, link) if link else None
        except ShopError:
            return self._scheduling.address_for(order) if fallback else None

    async def book(
        self, meeting: BookingUpdate, *, because: str, handles: Delivery | None = None
    ) -> Order | None:
        """Write a meeting down at the order it belongs to; None when it belongs to none of ours."""
        booking = meeting.booking
        order = await self._ledger.find(booking_key=meeting.booking_key) if meeting.booking_key else None
        if order is None and booking.replaces:
            order = await self._ledger.find_order_of_invitee(booking.replaces)
        if order is None:
            if handles:
                await self._ledger.mark_handled(handles)
            return None
        await self._ledger.put_booking(order, booking, because=because, moved=meeting.moved, handles=handles)
        return order

    def _of_this_environment(self, order: Order) -> bool:
        return order.environment.same_as(self._payments.environment)

    async def _is_booked(self, order: Order, *, patient: bool) -> bool:
        """Write down the meetings of an order that the ledger has forgotten; says whether one stands.

        Raises:
            CalendarUnavailable: Calendly does not tell, and the customer can wait.
        """
        try:
            for meeting in await self._scheduling.meetings(order.booking_key, since=order.created_at):
                await self._ledger.put_booking(order, meeting.booking, because='page', moved=meeting.moved)
        except CalendarUnavailable as error:
            if patient:
                raise
            log.warning('order %s may be booked already, and nobody tells: %s', order.reference, error)
        return any(booking.state == 'active' for booking in await self.bookings(order))

    async def _link_of(self, order: Order) -> str | None:
        """Return the order's single-use link, making one if it has none; the ledger keeps the first.

        None for an order that was closed meanwhile.
        """
        link = ''
        while current := await self._ledger.find(id=order.id):
            if self.why_closed(current):
                return None
            if current.calendar_url:
                return current.calendar_url
            link = link or await self._scheduling.make_link()
            line = 'calendar link made'
            await self._ledger.move(current, because='page', line=line, calendar_url=link)
        raise CalendarUnavailable('the order is gone')
