"""Meetings: what the operator does with the bookings of an order, and with those of no order."""

from collections.abc import Callable
from datetime import datetime

from services.admin.actions.results import Result
from services.errors import CalendarUnavailable, OurFault
from services.ledger import EffectKind, EffectState, Ledger, NewEffect, UnmatchedReason
from services.orders import Booking, BookingState, Cause, Order
from services.scheduling import BookingUpdate, Scheduling

TRIES = 8
CANCEL_REASON = 'We had to cancel this session.'


class MeetingActions:
    """Cancels meetings, and attaches them to orders by hand."""

    def __init__(self, ledger: Ledger, scheduling: Scheduling, *, clock: Callable[[], datetime]) -> None:
        """Make it.

        Args:
            ledger: has the bookings.
            scheduling: tells what an unmatched booking is.
            clock: the present time in UTC.
        """
        self._ledger = ledger
        self._scheduling = scheduling
        self._clock = clock

    async def cancel(self, order: Order, invitee_id: str, *, words: str = '', actor: str) -> Result:
        """Have a coming meeting of an order canceled at Calendly, which tells the customer.

        Args:
            order: whose meeting.
            invitee_id: which one.
            words: for the customer; '' for the usual ones.
            actor: the person who acts.
        """
        if not self._scheduling.makes_links:
            return Result.WITHOUT_API
        details = {'actor': actor, 'reason': words.strip() or CANCEL_REASON}
        for _ in range(TRIES):
            current = await self._ledger.orders.find(id=order.id)
            booking = await self._find(current, invitee_id)
            if current is None or booking is None or booking.end <= self._clock():
                return Result.NO_MEETING
            known = await self._ledger.effects.find(EffectKind.CANCEL_MEETING, invitee_id)
            if booking.state is BookingState.CANCELED or (known and known.state is EffectState.WANTED):
                return Result.CANCEL_KNOWN
            if known and known.state in (EffectState.REFUSED, EffectState.GIVEN_UP):
                await self._ledger.effects.retry(known, actor=actor)
                return Result.CANCEL_BEGUN
            moved = await self._ledger.orders.move(
                current,
                because=Cause.OPERATOR,
                actor=actor,
                line=f'cancellation of the meeting of {booking.start:%Y-%m-%d %H:%M} UTC wanted',
                wants=[NewEffect(EffectKind.CANCEL_MEETING, invitee_id, details)],
            )
            if moved:
                return Result.CANCEL_BEGUN
        raise OurFault(f'{TRIES} conflicts in a row')

    async def attach(self, order: Order, invitee_id: str, *, actor: str) -> Result:
        """Give a booking that belongs to no order to one.

        Args:
            order: whose booking it is from now on.
            invitee_id: which booking.
            actor: the person who acts.
        """
        owner = await self._ledger.bookings.find_order_id(invitee_id)
        if owner:
            return Result.ATTACHED_ALREADY if owner == order.id else Result.OF_ANOTHER_ORDER
        listed = await self._ledger.unmatched.find(invitee_id)
        if listed is None:
            return Result.NO_BOOKING
        update = await self._read(invitee_id)
        of_list = Booking(
            invitee_id, BookingState.ACTIVE, listed.start, listed.end, email=listed.email, name=listed.name
        )
        await self._ledger.bookings.put(
            order,
            update.booking if update else of_list,
            because=Cause.OPERATOR,
            actor=actor,
            attaches=True,
            event_type=listed.event_type,
            was_read=update is not None,
        )
        return Result.ATTACHED

    async def detach(self, order: Order, invitee_id: str, *, actor: str) -> Result:
        """Take a booking away from an order; it is listed as unmatched, and stays so whatever its key says.

        Args:
            order: whose booking it was.
            invitee_id: which booking.
            actor: the person who acts.
        """
        was_attached = await self._ledger.bookings.detach(order, invitee_id, actor=actor)
        return Result.DETACHED if was_attached else Result.NO_BOOKING

    async def mark_handled(
        self, invitee_id: str, reason: UnmatchedReason, *, note: str, actor: str
    ) -> Result:
        """Write down that the operator has dealt with an unmatched booking.

        Args:
            invitee_id: which booking.
            reason: why it is listed.
            note: how it was dealt with.
            actor: the person who acts.
        """
        found = await self._ledger.unmatched.mark_handled(invitee_id, reason, note=note, actor=actor)
        return Result.HANDLED if found else Result.NO_BOOKING

    async def _find(self, order: Order | None, invitee_id: str) -> Booking | None:
        """Return a booking of an order."""
        bookings = await self._ledger.bookings.of(order.id) if order else ()
        return next((each for each in bookings if each.invitee_id == invitee_id), None)

    async def _read(self, invitee_id: str) -> BookingUpdate | None:
        """Read a booking at Calendly; None where it does not answer or does not know it."""
        if not self._scheduling.makes_links:
            return None
        try:
            return await self._scheduling.read_booking(invitee_id)
        except CalendarUnavailable:
            return None
