"""Recording bookings: what Calendly says of a meeting is written down at the order it belongs to."""

from contextlib import suppress

from services.errors import BadRequest, NotKnownYet, Unreadable
from services.ledger import Delivery, Ledger, UnmatchedReason
from services.orders import Booking, Cause, Order
from services.scheduling import BookingUpdate, Scheduling, read_update

MAX_MOVES = 20  # of one meeting; each is a question to Calendly


class BookingRecorder:
    """Attaches meetings to orders: by the booking key, or by the meeting that they replace."""

    def __init__(self, ledger: Ledger, scheduling: Scheduling) -> None:
        self._ledger = ledger
        self._scheduling = scheduling

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
        await self._record_all(update, because=because, handles=delivery)

    async def take(self, update: BookingUpdate, *, because: Cause) -> None:
        """Write down a booking that was read at Calendly, as if it had been delivered.

        Args:
            update: the booking as it is now.
            because: who caused it.

        Raises:
            CalendarUnavailable: Calendly does not answer.
        """
        with suppress(NotKnownYet):  # it is listed, and attached once its order is known
            await self._record_all(update, because=because, handles=None)

    async def _record_all(self, update: BookingUpdate, *, because: Cause, handles: Delivery | None) -> None:
        """Write a booking down, at its order or as unmatched, and the meetings that it replaces.

        Raises:
            NotKnownYet: it names a meeting or an order that is not known yet.
            CalendarUnavailable: Calendly does not answer.
        """
        if await self.record(update, because=because, handles=handles):
            return
        if self._is_of_another_event_type(update):  # the coach's own business
            if handles:
                await self._ledger.deliveries.mark_handled(handles)
            return
        earlier = () if because is Cause.WEBHOOK else await self._earlier(update, patient=handles is None)
        for meeting in reversed(earlier):
            await self.record(meeting, because=because)
        if earlier and await self.record(update, because=because, handles=handles):
            return
        first = earlier[-1] if earlier else update
        if first.booking_key:
            await self._list_unmatched(update, UnmatchedReason.UNKNOWN_KEY)
            raise NotKnownYet('names an order that is not known yet')
        if first.booking.replaces:
            await self._list_unmatched(update, UnmatchedReason.NO_KEY)
            raise NotKnownYet('names a meeting that is not known yet')
        await self._list_unmatched(update, UnmatchedReason.NO_KEY, handles=handles)

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
                has_payment=update.has_payment,
                was_read=update.was_read,
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
                has_payment=update.has_payment,
                was_read=True,
            )

    async def _list_unmatched(
        self, update: BookingUpdate, reason: UnmatchedReason, *, handles: Delivery | None = None
    ) -> None:
        """List a booking that belongs to no order, or not yet: the row ends when it is attached to one."""
        await self._ledger.unmatched.record_unmatched(
            update.booking,
            reason,
            event_type=update.event_type,
            has_payment=update.has_payment,
            handles=handles,
        )

    def _is_of_another_event_type(self, update: BookingUpdate) -> bool:
        """Whether a booking is surely not of the event type that is sold."""
        ours = self._scheduling.event_type
        return bool(ours and update.event_type and update.event_type != ours)

    async def _earlier(self, update: BookingUpdate, *, patient: bool) -> tuple[BookingUpdate, ...]:
        """Read the meetings that a meeting took the place of, the latest first, until one has a booking key.

        It ends with one that Calendly does not know. Without a token there are none.

        Args:
            update: the meeting.
            patient: wait for turns while Calendly's limit is reached, and leave room for customers.

        Raises:
            CalendarUnavailable: Calendly does not answer.
        """
        earlier: list[BookingUpdate] = []
        latest = update
        while self._scheduling.makes_links and len(earlier) < MAX_MOVES:
            if latest.booking_key or not latest.booking.replaces:
                break
            before = await self._scheduling.read_booking(latest.booking.replaces, patient=patient)
            if before is None:
                break
            latest = before
            earlier.append(latest)
        return tuple(earlier)

    async def _order_of(self, update: BookingUpdate) -> Order | None:
        orders, bookings = self._ledger.orders, self._ledger.bookings
        if attached_to := await bookings.find_order_id(update.booking.invitee_id):
            return await orders.find(id=attached_to)  # by hand, perhaps: then its key does not say so
        order = await orders.find(booking_key=update.booking_key) if update.booking_key else None
        if order or not update.booking.replaces:
            return order
        order_id = await bookings.find_order_id(update.booking.replaces)
        return await orders.find(id=order_id) if order_id else None
