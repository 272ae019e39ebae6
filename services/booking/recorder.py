"""Recording bookings: what Calendly tells of a meeting is written down at the order it belongs to."""

import logging

from cachetools import TTLCache

from services.errors import BadRequest, CalendarUnavailable, NotKnownYet, Unreadable
from services.ledger import Delivery, Ledger, UnmatchedReason
from services.orders import Booking, BookingState, Cause, Order
from services.scheduling import BookingUpdate, Scheduling, read_update

log = logging.getLogger(__name__)

LINK_CHECKS = 10_000, 60  # meetings whose missing links were asked for, and for how many seconds
MAX_MOVES = 20  # of one meeting; each is a question to Calendly


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

        Calendly is asked about the meetings that this one replaces, but not while it waits for the answer to
        its webhook (decision 60).

        Raises:
            NotKnownYet: it names a meeting or an order that is not known yet.
            CalendarUnavailable: Calendly does not answer.
            Unreadable: the payload cannot be read.
        """
        try:
            update = read_update(delivery.payload.encode())
        except BadRequest as error:
            what = f'it cannot be read: {type(error.__cause__).__name__}; it is kept, and not tried again'
            raise Unreadable(what) from error
        if await self.record(update, because=because, handles=delivery):
            return
        if self._is_of_another_event_type(update):  # the coach's own business
            await self._ledger.deliveries.mark_handled(delivery)
            return
        earlier = () if because is Cause.WEBHOOK else await self._earlier(update)
        for meeting in reversed(earlier):
            await self.record(meeting, because=because)
        if earlier and await self.record(update, because=because, handles=delivery):
            return
        first = earlier[-1] if earlier else update
        if first.booking_key:
            await self._list_unmatched(update, UnmatchedReason.UNKNOWN_KEY)
            raise NotKnownYet('names an order that is not known yet')
        if first.booking.replaces:
            await self._list_unmatched(update, UnmatchedReason.NO_KEY)
            raise NotKnownYet('names a meeting that is not known yet')
        await self._list_unmatched(update, UnmatchedReason.NO_KEY, handles=delivery)

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
            if update and update.booking != booking:
                await self._ledger.bookings.put(order, update.booking, because=Cause.PAGE, moved=update.moved)

    async def _list_unmatched(
        self, update: BookingUpdate, reason: UnmatchedReason, *, handles: Delivery | None = None
    ) -> None:
        """List a booking that belongs to no order, or not yet: the row ends when it is attached to one."""
        await self._ledger.unmatched.record_unmatched(
            update.booking, reason, event_type=update.event_type, handles=handles
        )

    def _is_of_another_event_type(self, update: BookingUpdate) -> bool:
        """Whether a booking is surely not of the event type that is sold."""
        ours = self._scheduling.event_type
        return bool(ours and update.event_type and update.event_type != ours)

    async def _earlier(self, update: BookingUpdate) -> tuple[BookingUpdate, ...]:
        """Read the meetings that a meeting took the place of, the latest first, until one has a booking key.

        It ends with one that Calendly does not know. Without a token there are none.

        Raises:
            CalendarUnavailable: Calendly does not answer.
        """
        earlier: list[BookingUpdate] = []
        latest = update
        while self._scheduling.makes_links and len(earlier) < MAX_MOVES:
            if latest.booking_key or not latest.booking.replaces:
                break
            before = await self._scheduling.read_booking(latest.booking.replaces)
            if before is None:
                break
            latest = before
            earlier.append(latest)
        return tuple(earlier)

    async def _order_of(self, update: BookingUpdate) -> Order | None:
        orders = self._ledger.orders
        order = await orders.find(booking_key=update.booking_key) if update.booking_key else None
        if order or not update.booking.replaces:
            return order
        order_id = await self._ledger.bookings.find_order_id(update.booking.replaces)
        return await orders.find(id=order_id) if order_id else None
