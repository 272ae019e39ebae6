"""What the operator does with one order, except its money and its meetings."""

from contextlib import suppress
from typing import Any

from services.admin.actions.results import Result
from services.booking import BookingRecorder, CalendarLinks
from services.correct_email import CorrectEmail
from services.errors import CalendarUnavailable, InvalidEmail, OurFault
from services.fulfilment import Fulfilment
from services.ledger import EffectKind, EffectState, Ledger, NewEffect, NewMail, Source
from services.orders import BookingState, CalendarGate, Cause, MailKind, Order, plain_text
from services.scheduling import Scheduling

TRIES = 8
LONGEST_NOTE = 2000
NOTE = 'note: '


class OrderActions:
    """The actions on an order; each does nothing more when it is repeated."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        fulfilment: Fulfilment,
        calendar: CalendarLinks,
        recorder: BookingRecorder,
        scheduling: Scheduling,
        correct_email: CorrectEmail,
        sends_mail: bool,
    ) -> None:
        """Make it.

        Args:
            ledger: has the orders.
            fulfilment: reads payments.
            calendar: makes calendar links.
            recorder: reads bookings.
            scheduling: says whether orders have links of their own.
            correct_email: corrects addresses.
            sends_mail: whether customers get mail from this shop.
        """
        self._ledger = ledger
        self._fulfilment = fulfilment
        self._calendar = calendar
        self._recorder = recorder
        self._scheduling = scheduling
        self._correct_email = correct_email
        self._sends_mail = sends_mail

    async def check(self, order: Order, *, actor: str) -> Result:
        """Read the payment at Stripe and the bookings at Calendly.

        Args:
            order: which one.
            actor: the person who acts.
        """
        if await self._fulfilment.check(order, because=Cause.OPERATOR, actor=actor) is None:
            return Result.SILENT
        if self._scheduling.makes_links:
            with suppress(CalendarUnavailable):
                await self._recorder.look_up(order)
        return Result.CHECKED

    async def mail_link(self, order: Order, *, form: str, actor: str) -> Result:
        """Have the link of an order mailed to its customer.

        Args:
            order: which one.
            form: the id of the form, made anew with each page: one form makes one mail.
            actor: the person who acts.
        """
        if not self._sends_mail:
            return Result.NO_MAIL
        for _ in range(TRIES):
            current = await self._current(order)
            if not current.email:
                return Result.NO_ADDRESS
            mail = NewMail(MailKind.LINK, form)
            if mail.id_for(current) in {each.id for each in await self._ledger.mails.of(order.id)}:
                return Result.LINK_NOT_MAILED
            line = f'the link is to be mailed to {current.email}'
            if await self._move(current, line, actor=actor, mail=mail):
                return Result.LINK_MAILED
        raise OurFault(f'{TRIES} conflicts in a row')

    async def renew_calendar_link(self, order: Order, *, old_link: str, actor: str) -> Result:
        """Have the unused calendar link of an order deleted, and make another one.

        Args:
            order: which one.
            old_link: the link that the page showed; another one is not touched.
            actor: the person who acts.
        """
        if not self._scheduling.makes_links:
            return Result.NO_LINKS
        for _ in range(TRIES):
            current = await self._current(order)
            if self._calendar.gate(current) is not CalendarGate.OPEN:
                return Result.NO_CALENDAR
            bookings = await self._ledger.bookings.of(order.id)
            if any(booking.state is BookingState.ACTIVE for booking in bookings):
                return Result.IS_BOOKED
            if (current.calendar_url or '') != old_link:
                return Result.LINK_CHANGED
            moved = await self._forget_link(current, actor)
            if moved:
                url = await self._calendar.url(moved)
                return Result.NEW_LINK if url else Result.NEW_LINK_LATER
        raise OurFault(f'{TRIES} conflicts in a row')

    async def correct_email(self, order: Order, typed: str, *, actor: str) -> Result:
        """Have the mail of an order go to another address.

        Args:
            order: which one.
            typed: the address.
            actor: the person who acts.
        """
        try:
            if (await self._current(order)).forgotten_at:
                return Result.FORGOTTEN
            await self._correct_email.correct(order, typed, because=Cause.OPERATOR, actor=actor)
        except InvalidEmail:
            return Result.NO_EMAIL
        return Result.EMAIL_CORRECTED

    async def mark_duplicate(self, order: Order, original: str, *, actor: str) -> Result:
        """Decide whether an order repeats another payment; it is not looked for again.

        Args:
            order: which one.
            original: the reference of the order that it repeats, '' for none.
            actor: the person who acts.
        """
        other = await self._ledger.orders.find(reference=original) if original else None
        is_original = other and other.id != order.id and other.completed_at
        if original and (not is_original or (other and other.duplicate_of == order.reference)):
            return Result.NO_ORIGINAL
        done = Result.DUPLICATE if original else Result.NO_DUPLICATE
        line = f'marked as a duplicate of {original}' if original else 'marked as no duplicate'
        for _ in range(TRIES):
            current = await self._current(order)
            if current.duplicate_decided and current.duplicate_of == original:
                return done
            changes = {'duplicate_of': original, 'duplicate_decided': True}
            if await self._move(current, line, actor=actor, **changes):
                return done
        raise OurFault(f'{TRIES} conflicts in a row')

    async def note(self, order: Order, text: str, *, actor: str) -> Result:
        """Write a note into the journal of an order; the same one is not written twice in a row.

        Args:
            order: which one.
            text: the note.
            actor: the person who acts.
        """
        line = NOTE + ' '.join(plain_text(text.replace('\n', ' '), limit=LONGEST_NOTE).split())
        if line == NOTE:
            return Result.NO_NOTE
        for _ in range(TRIES):
            current = await self._current(order)
            notes = [
                each for each in await self._ledger.journal.lines(order.id) if each.line.startswith(NOTE)
            ]
            if notes and notes[-1].line == line:
                return Result.NOTED
            if await self._move(current, line, actor=actor):
                return Result.NOTED
        raise OurFault(f'{TRIES} conflicts in a row')

    async def retry_effect(self, order: Order, effect_id: int, *, actor: str) -> Result:
        """Try once more what was refused or given up elsewhere.

        Args:
            order: whose effect.
            effect_id: which effect.
            actor: the person who acts.
        """
        effects = await self._ledger.effects.of(order.id)
        effect = next((each for each in effects if each.id == effect_id), None)
        can_retry = effect and effect.state in (EffectState.REFUSED, EffectState.GIVEN_UP)
        if effect and can_retry and await self._ledger.effects.retry(effect, actor=actor):
            return Result.RETRIED
        return Result.NOTHING_TO_RETRY

    async def retry_mail(self, order: Order, mail_id: str, *, actor: str) -> Result:
        """Send a mail after all that failed.

        Args:
            order: whose mail.
            mail_id: which mail.
            actor: the person who acts.
        """
        kind = await self._ledger.mails.retry(order.id, mail_id)
        if kind is None:
            return Result.NOTHING_TO_RETRY
        for _ in range(TRIES):
            if await self._move(await self._current(order), f'mail "{kind}": tried again', actor=actor):
                return Result.RETRIED
        raise OurFault(f'{TRIES} conflicts in a row')

    async def retry_delivery(self, source: Source, event_id: str, *, actor: str) -> Result:
        """Process a delivery once more that failed; the reconciler does it in its next round.

        Args:
            source: who sent it.
            event_id: the sender's id for it.
            actor: the person who acts.
        """
        found = await self._ledger.deliveries.retry(source, event_id, actor=actor)
        return Result.RETRIED if found else Result.NOTHING_TO_RETRY

    async def _forget_link(self, order: Order, actor: str) -> Order | None:
        """Forget the calendar link of an order, and have it deleted where it can be."""
        share = order.calendar_share
        wants = [NewEffect(EffectKind.DELETE_LINK, share, {'actor': actor})] if share else []
        stays = '; the old one cannot be deleted' if order.calendar_url and not share else ''
        forgotten = {'calendar_url': None, 'calendar_url_at': None, 'calendar_share': None}
        return await self._move(
            order, f'new calendar link wanted{stays}', actor=actor, wants=wants, **forgotten
        )

    async def _move(self, order: Order, line: str, *, actor: str, **changes: Any) -> Order | None:
        return await self._ledger.orders.move(
            order, because=Cause.OPERATOR, actor=actor, line=line, **changes
        )

    async def _current(self, order: Order) -> Order:
        current = await self._ledger.orders.find(id=order.id)
        if current is None:
            raise OurFault('the order is gone')
        return current
