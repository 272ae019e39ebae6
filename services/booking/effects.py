"""What the shop does at Calendly when money goes back: unused links are deleted, coming meetings canceled."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from services.errors import CalendarRefused
from services.ledger import Effect, EffectKind, EffectState, Ledger
from services.orders import Booking, BookingState, Canceler, Cause, Order
from services.scheduling import BookingUpdate, CancelResult, Scheduling, ShareStatus

log = logging.getLogger(__name__)

CANCEL_REASON = 'The payment for this session was returned.'
JUST_MADE = timedelta(minutes=1)  # a link may take so long until the ledger has it
WITHOUT_API = 'the shop has no CALENDLY_TOKEN'


class CalendarEffects:
    """Carries out the effects at Calendly, one at a time, and writes down what came of each."""

    def __init__(self, ledger: Ledger, scheduling: Scheduling, *, clock: Callable[[], datetime]) -> None:
        """Make it.

        Args:
            ledger: has the effects, and keeps their results.
            scheduling: carries them out.
            clock: the present time in UTC.
        """
        self._clock = clock
        self._ledger = ledger
        self._scheduling = scheduling
        self.handlers: Mapping[EffectKind, Callable[[Effect], Awaitable[None]]] = {
            EffectKind.MAKE_LINK: self.look_for_links,
            EffectKind.DELETE_LINK: self.delete_link,
            EffectKind.CANCEL_MEETING: self.cancel_meeting,
        }

    async def delete_link(self, effect: Effect) -> None:
        """Delete an unused link; one that is gone or was booked is an end.

        Raises:
            CalendarUnavailable: Calendly does not answer; the effect is tried again.
        """
        kept = (
            await self._scheduling.delete_share(effect.target)
            if self._scheduling.makes_links
            else WITHOUT_API
        )
        if kept:
            line = f'the calendar link stays: {kept}'
            await self._ledger.effects.finish(effect, EffectState.REFUSED, line=line, error=kept)
        else:
            line = 'calendar link deleted'
            await self._ledger.effects.finish(effect, EffectState.DONE, line=line, forgets_link=True)

    async def cancel_meeting(self, effect: Effect) -> None:
        """Cancel a coming meeting of an order whose money is back.

        If this is not the first try, the meeting is read first: the earlier request may have arrived.

        Raises:
            CalendarUnavailable: Calendly does not answer; the effect is tried again.
        """
        order = await self._ledger.orders.find(id=effect.order_id)
        booking = await self._ledger.bookings.find(effect.target)
        if order is None or booking is None or booking.state is BookingState.CANCELED:
            await self._ledger.effects.finish(effect, EffectState.DONE)
            return
        if not self._scheduling.makes_links:
            await self._keep_meeting(effect, order, booking, WITHOUT_API)
            return
        reason = str(effect.details.get('reason') or CANCEL_REASON)
        known = await self._read(effect.target) if effect.tries > 1 else None
        if known is None or known.booking.state is BookingState.ACTIVE:
            answer = await self._scheduling.cancel(effect.target, reason=reason)
            if answer.result in (CancelResult.OVER, CancelResult.REFUSED):
                await self._keep_meeting(effect, order, booking, answer.words)
                return
            if answer.result is CancelResult.CANCELED:
                booking = replace(booking, canceled_by=Canceler.HOST, cancel_reason=reason)
            else:
                known = await self._read(effect.target)
        canceled = replace(known.booking if known else booking, state=BookingState.CANCELED)
        why = f'by {effect.actor}' if effect.actor else 'because its money is back'
        log.info('order %s: its meeting is canceled %s', order.reference, why)
        await self._ledger.bookings.put(
            order,
            canceled,
            because=Cause.OPERATOR if effect.actor else Cause.RECONCILER,
            actor=effect.actor,
            moved=known.moved if known else False,
            ends=effect,
        )

    async def look_for_links(self, effect: Effect) -> None:
        """Look for a link whose making was cut off, and say so: nothing marks it as ours (decision 72).

        Raises:
            CalendarUnavailable: Calendly does not answer; the effect is tried again.
        """
        try:
            made = await self._scheduling.find_shares(since=effect.created_at)
        except CalendarRefused as error:
            await self._ledger.effects.finish(effect, EffectState.REFUSED, error=str(error))
            return
        before = self._clock() - JUST_MADE
        unused = (share for share in made if share.status is ShareStatus.ACTIVE and share.created_at < before)
        active = [share.uri for share in unused]
        lost = set(active) - await self._ledger.effects.owned(active)
        found = f'{len(lost)} unused links of that time belong to no order' if lost else ''
        if lost:
            order = await self._ledger.orders.find(id=effect.order_id)
            log.warning(
                'order %s: making its calendar link was cut off, and %s; no customer has seen them. Delete '
                'them in Calendly > Single-use links unless they are your own.',
                order.reference if order else effect.order_id,
                found,
            )
        await self._ledger.effects.finish(effect, EffectState.DONE, error=found)

    async def _read(self, invitee_id: str) -> BookingUpdate | None:
        """Read a meeting; None where Calendly does not know it, or the token may not read it."""
        try:
            return await self._scheduling.read_booking(invitee_id)
        except CalendarRefused:
            return None

    async def _keep_meeting(self, effect: Effect, order: Order, booking: Booking, why: str) -> None:
        """Write down that a meeting stays; it is listed as unmatched."""
        log.warning('order %s: its meeting cannot be canceled: %s', order.reference, why)
        line = f'the meeting of {booking.start:%Y-%m-%d %H:%M} UTC stays: {why}'
        await self._ledger.effects.finish(
            effect, EffectState.REFUSED, line=line, error=why, alerts=bool(effect.actor)
        )
