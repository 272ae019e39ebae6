"""One room behind many doors: what Stripe says becomes facts in the ledger, and opens the calendar."""

import logging
from collections.abc import Callable
from datetime import datetime

from cachetools import TTLCache

from services.errors import CalendarUnavailable, OurFault, ShopError, reported
from services.ledger import Delivery, Ledger
from services.orders import Booking, Extras, Order, PaymentSession, changes_after, line_of, order_from
from services.payments import Payments
from services.scheduling import Meeting, Scheduling
from services.throttle import Throttle

log = logging.getLogger(__name__)

MISSES_KEPT = 10_000
MISS_LIFETIME = 600  # seconds for which an unknown session is not asked about again
TRIES = 8  # several doors may hear of a payment at once; each conflict means that one of them got through


class Fulfilment:
    """Verifies payments and hands out calendars."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        payments: Payments,
        scheduling: Scheduling,
        clock: Callable[[], datetime],
        shop: str,
        extras: Extras,
        selling: bool,
        throttle: Throttle,
    ) -> None:
        self._ledger = ledger
        self._payments = payments
        self._scheduling = scheduling
        self._clock = clock
        self._shop = shop
        self._extras = extras
        self._selling = selling
        self._throttle = throttle
        self._misses: TTLCache[str, bool] = TTLCache(MISSES_KEPT, MISS_LIFETIME)

    async def find(self, token: str) -> Order | None:
        """Return the order with this token, from the ledger alone."""
        return await self._ledger.find(token=token)

    async def bookings(self, order: Order) -> tuple[Booking, ...]:
        """Return the meetings known for an order, earliest first."""
        return await self._ledger.bookings(order.id)

    def follow(self, order: Order, told: Callable[[], object]) -> Callable[[], None]:
        """Have something called after each move of an order in this process; returns what stops that."""
        return self._ledger.follow(order, told)

    async def fulfil(self, session_id: str, *, because: str, settles: Delivery | None = None) -> Order | None:
        """Read a session at Stripe and write down what is true of its order.

        Args:
            session_id: Stripe's id of the session.
            because: who asks: webhook, return, reconciler, operator or a door of the checkout.
            settles: the delivery that is answered by this, if any.

        Returns:
            The order as it is now, or None when the session is not one of this shop.

        Raises:
            ShopError: Stripe does not answer; nothing was changed.
        """
        for _ in range(TRIES):
            order = await self._ledger.find(session_id=session_id)
            if order and not self._of_this_world(order):
                break
            session = await self._payments.read_session(session_id)
            if session is None:
                break
            order = order or await self._order_of(session, because)
            if order is None:
                break
            moved = await self._write_down(order, session, because, settles)
            if moved:
                return moved
        else:
            raise OurFault(f'{TRIES} conflicts in a row')
        if settles:
            await self._ledger.settle(settles)
        return order

    async def follow_up(
        self, payment_id: str, *, because: str, settles: Delivery | None = None
    ) -> Order | None:
        """Read anew what became of a payment: refunds and disputes name the payment, not its session.

        Args:
            payment_id: Stripe's id of the payment.
            because: who asks.
            settles: the delivery that is answered by this, if any.

        Raises:
            ShopError: Stripe does not answer; nothing was changed.
        """
        order = await self._ledger.find(payment_id=payment_id)
        known = order.session_id if order else None
        session_id = known or await self._payments.find_session_of(payment_id)
        if session_id:
            return await self.fulfil(session_id, because=because, settles=settles)
        if settles:
            await self._ledger.settle(settles)
        return None

    async def arrive(self, session_id: str, *, client: str = '') -> Order | None:
        """Find or adopt the order of a customer who comes back from Stripe.

        Args:
            session_id: what stands in the address; strangers can invent it, so Stripe is asked sparingly.
            client: the address of the browser, for the limits.

        Raises:
            ShopError: the ledger does not know the session, and Stripe is silent or was asked too often.
        """
        with reported('looking up a returning customer'):
            order = await self._ledger.find(session_id=session_id)
            if order or session_id in self._misses:
                return order
            await self._throttle.admit(client)
            order = await self.fulfil(session_id, because='return')
        if order is None:
            self._misses[session_id] = True
        return order

    async def ask(self, order: Order, *, because: str) -> Order | None:
        """Ask Stripe how the order stands; None when Stripe is silent."""
        if order.session_id is None:
            return order
        try:
            with reported('checking a payment'):
                return await self.fulfil(order.session_id, because=because) or order
        except ShopError:
            return None

    async def refresh(self, order: Order, *, because: str) -> Order:
        """Return the order as Stripe tells it now, or as it was when Stripe is silent."""
        return await self.ask(order, because=because) or order

    def why_closed(self, order: Order) -> str:
        """Say why an order shows no calendar: '' when it does, else payment, world or test."""
        if not order.opens_calendar:
            return 'payment'
        if not self._of_this_world(order):
            return 'world'
        return '' if self._selling else 'test'

    async def calendar(self, order: Order, *, fallback: bool = False) -> str | None:
        """Return the address to embed for a verified order, or None while there is none to give.

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
        await self._ledger.put_booking(order, booking, because=because, settles=settles)
        if booking.state == 'canceled' and not meeting.moved:
            await self._renew_calendar(order, because)
        return order

    def _of_this_world(self, order: Order) -> bool:
        return order.world.same_as(self._payments.world)

    async def _order_of(self, session: PaymentSession, because: str) -> Order | None:
        """Find the order that a session's metadata names, or write it down again from there."""
        rebuilt = order_from(session, shop=self._shop, world=self._payments.world)
        if rebuilt is None:
            return None
        known = await self._ledger.find(id=rebuilt.id)
        if known is None:
            await self._ledger.add(rebuilt, because=because)
            known = await self._ledger.find(id=rebuilt.id)
        return known

    async def _write_down(
        self, order: Order, session: PaymentSession, because: str, settles: Delivery | None
    ) -> Order | None:
        """Turn what was seen into one move; None when another move came first."""
        if order.session_id != session.id and order.completed_at:
            line = f'another session of this order is {session.facts.payment_status}: look at it at Stripe'
            log.error('order %s: %s', order.reference, line)
            if settles is None:
                return order
            return await self._ledger.move(order, because=because, line=line, settles=settles)
        changes = changes_after(order, session, extras=self._extras, now=self._clock())
        if not changes:
            if settles:
                await self._ledger.settle(settles)
            return order
        line, mismatch = line_of(order, changes), changes['facts'].mismatch
        if mismatch:
            log.error('order %s: the payment does not match: %s', order.reference, mismatch)
        return await self._ledger.move(order, because=because, line=line, settles=settles, **changes)

    async def _renew_calendar(self, order: Order, because: str) -> None:
        """Forget the spent link of a cancelled meeting, so that the customer can pick another time."""
        current: Order | None = order
        while current and current.calendar_url:
            if any(booking.state == 'active' for booking in await self._ledger.bookings(order.id)):
                return
            line = 'another time may be picked'
            await self._ledger.move(current, because=because, line=line, calendar_url=None)
            current = await self._ledger.find(id=order.id)

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
