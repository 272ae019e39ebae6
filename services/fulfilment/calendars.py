"""Which order shows a calendar, which address that is, and which meetings came of it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from services.errors import CalendarUnavailable, ShopError, reported
from services.ledger import Delivery, Ledger
from services.orders import Booking, Order
from services.payments import Payments
from services.scheduling import Meeting, Scheduling

FRESH = timedelta(minutes=5)
"""An order as young as this is not one that was adopted or restored after somebody booked."""


class Calendars:
    """The half of fulfilment that speaks of calendars; Stripe is not asked here."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        payments: Payments,
        scheduling: Scheduling,
        clock: Callable[[], datetime],
        selling: bool,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._payments = payments
        self._scheduling = scheduling
        self._selling = selling

    async def bookings(self, order: Order) -> tuple[Booking, ...]:
        """Return the meetings known for an order, earliest first."""
        return await self._ledger.bookings(order.id)

    def why_closed(self, order: Order) -> str:
        """Say why an order shows no calendar: '' when it does, else payment, world or test."""
        if not order.opens_calendar:
            return 'payment'
        if not self._of_this_world(order):
            return 'world'
        return '' if self._selling else 'test'

    async def calendar(self, order: Order, *, fallback: bool = False) -> str | None:
        """Return the address to embed for a verified order, or None while there is none to give.

        An order that was made a while ago and has no link was perhaps adopted, restored or cancelled: the
        meetings that Calendly has for it are written down first, and where one stands there is no address.

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
                if await self._is_booked(order):
                    return None
                return self._scheduling.address_for(order, await self._link_of(order))
        except ShopError:
            return self._scheduling.address_for(order) if fallback else None

    async def book(self, meeting: Meeting, *, because: str, settles: Delivery | None = None) -> Order | None:
        """Write a meeting down at the order it belongs to; None when it belongs to none of ours."""
        booking = meeting.booking
        order = await self._ledger.find(booking_key=meeting.booking_key) if meeting.booking_key else None
        if order is None and booking.replaces:
            order = await self._ledger.find_order_of_invitee(booking.replaces)
        if order is None:
            if settles:
                await self._ledger.settle(settles)
            return None
        await self._ledger.put_booking(order, booking, because=because, moved=meeting.moved, settles=settles)
        return order

    def _of_this_world(self, order: Order) -> bool:
        return order.world.same_as(self._payments.world)

    async def _is_booked(self, order: Order) -> bool:
        """Look whether somebody has booked what the ledger has forgotten."""
        if order.calendar_url or self._clock() < order.created_at + FRESH:
            return False
        meetings = await self._scheduling.meetings(order.booking_key, since=order.created_at)
        for meeting in meetings:
            await self._ledger.put_booking(order, meeting.booking, because='page')
        return bool(meetings)

    async def _link_of(self, order: Order) -> str:
        """Return the order's single-use link, making one if it has none; the ledger keeps the first."""
        link = order.calendar_url or await self._scheduling.make_link()
        current: Order | None = order
        while current and current.calendar_url is None:
            line = 'calendar link made'
            moved = await self._ledger.move(current, because='page', line=line, calendar_url=link)
            current = moved or await self._ledger.find(id=order.id)
        if current is None or current.calendar_url is None:
            raise CalendarUnavailable('the order is gone')
        return current.calendar_url
