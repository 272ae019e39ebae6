"""Recording bookings: what Calendly tells of a meeting is written down at the order it belongs to."""

import logging

from cachetools import TTLCache

from services.errors import CalendarUnavailable
from services.ledger import Delivery, Ledger, UnmatchedReason
from services.orders import Booking, BookingState, Cause, Order
from services.scheduling import BookingUpdate, Scheduling, read_update

log = logging.getLogger(__name__)

LINK_CHECKS = 10_000, 60  # meetings whose missing links were asked for, and for how many seconds


class BookingRecorder:
    """Attaches meetings to orders: by the booking key, or by the meeting that they replace."""

    def __init__(self, ledger: Ledger, scheduling: Scheduling) -> None:
        self._ledger = ledger
        self._scheduling = scheduling
        self._link_checks: TTLCache[str, bool] = TTLCache(*LINK_CHECKS)

    async def bookings(self, order: Order) -> tuple[Booking, ...]:
        """Return the bookings known for an order, earliest meeting first."""
        return await self._ledger.bookings.of(order.id)

    async def process(self, delivery: Delivery, *, because: Cause) -> None:
        """Process a Calendly delivery (its payload is the body) and mark it handled.

        Raises:
            BadRequest: the payload is not such a delivery.
        """
        update = read_update(delivery.payload.encode())[2]
        if await self.record(update, because=because, handles=delivery) is None:
            await self._list_unmatched(update, handles=delivery)

    async def record(
        self, update: BookingUpdate, *, because: Cause, handles: Delivery | None = None
    ) -> Order | None:
        """Write a booking down at the order it belongs to; None when it belongs to none of ours."""
        order = await self._order_of(update)
        if order:
            await self._ledger.bookings.put(
                order,
                update.booking,
                because=because,
                moved=update.moved,
                event_type=update.event_type,
                other_event_type=self._is_of_another_event_type(update),
                handles=handles,
            )
        return order

    async def look_up(self, order: Order) -> None:
        """Ask Calendly for the bookings of an order and write them down.

        Raises:
            CalendarUnavailable: Calendly does not answer.
        """
        for update in await self._scheduling.find_bookings(order.booking_key, since=order.created_at):
            await self._ledger.bookings.put(
                order,
                update.booking,
                because=Cause.PAGE,
                moved=update.moved,
                event_type=update.event_type,
            )

    async def _list_unmatched(self, update: BookingUpdate, *, handles: Delivery) -> None:
        """List a booking that belongs to no order; one of another event type is the coach's own business."""
        if self._is_of_another_event_type(update):
            await self._ledger.deliveries.mark_handled(handles)
            return
        reason = UnmatchedReason.UNKNOWN_KEY if update.booking_key else UnmatchedReason.NO_KEY
        await self._ledger.unmatched.record_unmatched(
            update.booking, reason, event_type=update.event_type, handles=handles
        )

    def _is_of_another_event_type(self, update: BookingUpdate) -> bool:
        """Whether a booking is surely not of the event type that is sold."""
        ours = self._scheduling.event_type
        return bool(ours and update.event_type and update.event_type != ours)

    async def look_for_links(self, order: Order) -> None:
        """Ask Calendly for the links of an order's online meetings that have none yet, once a minute at most.

        Calendly makes such a link after the booking and sends no delivery when it is there.
        """
        if not self._scheduling.makes_links:
            return
        for booking in await self.bookings(order):
            is_due = booking.link_follows and booking.invitee_id not in self._link_checks
            if booking.state is not BookingState.ACTIVE or not is_due:
                continue
            self._link_checks[booking.invitee_id] = True
            try:
                update = await self._scheduling.read_booking(booking.invitee_id)
            except CalendarUnavailable as error:
                log.warning('order %s: the link of its meeting is not known: %s', order.reference, error)
                continue
            if update.booking != booking:
                await self._ledger.bookings.put(order, update.booking, because=Cause.PAGE, moved=update.moved)

    async def _order_of(self, update: BookingUpdate) -> Order | None:
        orders = self._ledger.orders
        order = await orders.find(booking_key=update.booking_key) if update.booking_key else None
        if order or not update.booking.replaces:
            return order
        order_id = await self._ledger.bookings.find_order_id(update.booking.replaces)
        return await orders.find(id=order_id) if order_id else None
