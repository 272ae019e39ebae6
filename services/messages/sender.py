"""The mail sender: sends what the ledger wants, one mail at a time.

It runs beside the rounds of the reconciler: a slow mail server must not delay what is read from Stripe.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.errors import ShopError
from services.ledger import Ledger, Mail, MailState
from services.mail import Letterhead, MailClient, Message, Outcome, Result, build
from services.mail.message import ascii_address
from services.messages.words import Words
from services.orders import (
    Booking,
    BookingState,
    CalendarGate,
    Environment,
    MailKind,
    Order,
    State,
    after_the_night,
)
from services.site import Business

log = logging.getLogger(__name__)

EVERY = 10.0  # seconds; a mail that this process writes down is sent at once
PACE = 0.25  # seconds between two mails: servers refuse who hurries
STOP_TIMEOUT = 8.0  # seconds in which a mail under way may end
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=6)  # of a mail that was refused for now
SHORTEST_SILENCE, LONGEST_SILENCE = timedelta(seconds=15), timedelta(minutes=5)  # of the server
GIVEN_UP = timedelta(days=3)  # after it was due
ORDERS_IN_A_MAIL = 20
FINAL = {
    Outcome.ACCEPTED: MailState.SENT,
    Outcome.REFUSED: MailState.REFUSED,
    Outcome.UNKNOWN: MailState.UNKNOWN,
}


class NotNeeded(Exception):
    """The reason for a mail is gone."""


class NotNow(Exception):
    """A mail must wait until a time."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class MailSender:
    """Sends the mails that are due; ``problem`` says why none can be sent, '' while they can."""

    def __init__(
        self,
        ledger: Ledger,
        client: MailClient,
        words: Words,
        letterhead: Callable[[], Letterhead],
        *,
        business: Callable[[], Business],
        environment: Callable[[], Environment],
        gate: Callable[[Order], CalendarGate],
        clock: Callable[[], datetime],
    ) -> None:
        """Make it; nothing runs yet.

        Args:
            ledger: has the mails.
            client: sends them.
            words: writes them.
            letterhead: returns what they share.
            business: returns who knows the time zone of the shop.
            environment: the one that the shop sells in.
            gate: says whether an order shows its calendar.
            clock: the present time in UTC.
        """
        self._ledger = ledger
        self._client = client
        self._words = words
        self._letterhead = letterhead
        self._business = business
        self._environment = environment
        self._gate = gate
        self._clock = clock
        self._failures = 0
        self._silent_until: datetime | None = None
        self._stopping = False
        self._running: asyncio.Task[None] | None = None
        self.problem = ''

    def start(self) -> None:
        """Begin at once, and go on until stopped."""
        self._stopping = False
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; a mail under way may end, because it would otherwise be sent again later."""
        if self._running is None:
            return
        self._stopping = True
        self._ledger.mails.wanted.set()
        await asyncio.wait({self._running}, timeout=STOP_TIMEOUT)
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running

    async def send_next(self) -> bool:
        """Send the mail that has been due for the longest time; returns whether one was due."""
        if self._silent_until and self._clock() < self._silent_until:
            return False
        mail = await self._ledger.mails.claim()
        if mail is None:
            return False
        mails = self._ledger.mails
        if self._clock() - mail.due_at >= GIVEN_UP:
            log.error('mail %s: given up', mail.id)
            await mails.finish(mail, MailState.GIVEN_UP, error='it could not be sent for days')
            return True
        try:
            message = await self._write(mail)
            to = ascii_address(message.to)
            built = build(message, self._letterhead(), now=self._clock())
        except NotNeeded as reason:
            await mails.finish(mail, MailState.DROPPED, error=str(reason))
        except NotNow as later:
            await mails.put_off(mail, later.until)
        except ValueError as error:
            log.warning('mail %s: %s', mail.id, error)
            await mails.finish(mail, MailState.REFUSED, error=str(error))
        else:
            await self._note(mail, to, await self._client.send(built, to=to))
        return True

    async def _write(self, mail: Mail) -> Message:
        """Write the message of a mail, from what is true now."""
        if mail.kind is MailKind.ALERTS:
            return await self._write_alerts(mail)
        if mail.kind is MailKind.LINKS:
            orders = await self._ledger.orders.find_paid_by(
                mail.recipient, self._environment(), limit=ORDERS_IN_A_MAIL
            )
            if not orders:
                raise NotNeeded('no order has this address')
            return self._words.links(mail.id, mail.recipient, orders)
        order = await self._ledger.orders.find(id=mail.order_id or '')
        if order is None or not order.environment.same_as(self._environment()):
            raise NotNeeded('the order is of another environment')
        if mail.kind in (MailKind.OLD_ADDRESS, MailKind.NEW_ADDRESS):
            return self._words.address_changed(mail.id, mail.kind, mail.recipient, order)
        bookings = await self._ledger.bookings.of(order.id)
        self._check(mail.kind, order, bookings)
        active = [booking for booking in bookings if booking.state is BookingState.ACTIVE]
        message = self._words.for_customer(mail.kind, order, active)
        # The other kinds are sent once; this one each time that the operator wants it.
        return replace(message, id=mail.id) if mail.kind is MailKind.LINK else message

    async def _write_alerts(self, mail: Mail) -> Message:
        alerts = await self._ledger.mails.alerts_of(mail)
        if not alerts:
            raise NotNeeded('all of it is right again')
        ids = {alert.order_id for alert in alerts if alert.order_id}
        orders = {order_id: await self._ledger.orders.find(id=order_id) for order_id in sorted(ids)}
        return self._words.alerts(mail.id, [(alert, orders.get(alert.order_id or '')) for alert in alerts])

    def _check(self, kind: MailKind, order: Order, bookings: tuple[Booking, ...]) -> None:
        """Refuse a mail whose reason is gone, or whose time has not come.

        Raises:
            NotNeeded: the state of the order is another one now, or a time was picked.
            NotNow: it is night where the customer is.
        """
        states = {MailKind.REFUNDED: State.REFUNDED, MailKind.MISMATCH: State.MISMATCH}
        if kind in states and order.state is not states[kind]:
            raise NotNeeded(f'the order is {order.state}')
        if kind in (MailKind.PAID, MailKind.REMINDER) and not order.opens_calendar:
            raise NotNeeded(f'the order is {order.state}')
        if kind is not MailKind.REMINDER:
            return
        if any(booking.state is BookingState.ACTIVE for booking in bookings):
            raise NotNeeded('a time is picked')
        if order.bookings_unknown or order.duplicate_of or self._gate(order) is not CalendarGate.OPEN:
            raise NotNeeded('nothing is to be picked, or it is not known')
        now = self._clock()
        morning = after_the_night(now, _zone(bookings, self._business()))
        if morning > now:
            raise NotNow(morning)

    async def _note(self, mail: Mail, to: str, result: Result) -> None:
        """Write down what became of a mail."""
        now, mails = self._clock(), self._ledger.mails
        if result.outcome is Outcome.UNAVAILABLE:
            silence = min(SHORTEST_SILENCE * (1 << min(self._failures, 20)), LONGEST_SILENCE)
            self._failures += 1
            self._silent_until = now + silence
            if not self.problem:
                log.error('no mail can be sent: %s', result.answer)
            self.problem = result.answer
            await mails.put_off(mail, self._silent_until, error=result.answer)
            return
        if self.problem:
            log.info('mail can be sent again')
        self.problem, self._failures, self._silent_until = '', 0, None
        if result.outcome is Outcome.LATER:
            pause = min(FIRST_PAUSE * (1 << min(mail.tries - 1, 20)), LONGEST_PAUSE)
            await mails.put_off(mail, now + pause, error=result.answer)
            return
        if result.outcome is not Outcome.ACCEPTED:
            log.warning('mail %s: %s: %s', mail.id, result.outcome.value, result.answer)
        error = '' if result.outcome is Outcome.ACCEPTED else result.answer
        await mails.finish(mail, FINAL[result.outcome], recipient=to, error=error)

    async def _run(self) -> None:
        wanted = self._ledger.mails.wanted
        while not self._stopping:
            wanted.clear()
            more = False
            try:
                more = await self.send_next()
            except Exception as error:  # whatever it is: the next one is tried
                if not (isinstance(error, ShopError) and error.is_logged):
                    log.exception('sending mail failed unexpectedly')
            if more:
                await asyncio.sleep(PACE)
            elif not self._stopping:
                with suppress(TimeoutError):
                    async with asyncio.timeout(EVERY):
                        await wanted.wait()


def _zone(bookings: tuple[Booking, ...], business: Business) -> tzinfo:
    """Return the customer's time zone where a canceled meeting tells it, else the one of the shop."""
    try:
        return ZoneInfo(bookings[-1].timezone)
    except (IndexError, ZoneInfoNotFoundError, ValueError, OSError):
        return business.zone
