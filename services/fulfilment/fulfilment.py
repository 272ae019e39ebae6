"""One room behind many endpoints: what Stripe says becomes facts in the ledger, and opens the calendar."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from cachetools import TTLCache

from services.booking.booking import Calendars
from services.errors import OurFault, ShopError, reported
from services.fulfilment.duplicates import Duplicates
from services.ledger import Delivery, Ledger
from services.metrics import Metrics
from services.orders import Order, PaymentSession, PriceAdjustments, changes_after, line_of, order_from
from services.payments import SESSION_EVENTS, Payments
from services.rate_limit import RateLimit
from services.scheduling import Scheduling

log = logging.getLogger(__name__)

MISSES_KEPT = 10_000
MISS_LIFETIME = 600  # seconds for which an unknown session is not asked about again
TRIES = 8  # several endpoints may hear of a payment at once; each conflict means that one of them got through


class Fulfilment(Calendars):
    """Verifies payments, and so opens calendars."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        payments: Payments,
        scheduling: Scheduling,
        clock: Callable[[], datetime],
        shop: str,
        allowed: PriceAdjustments,
        selling: bool,
        rate_limit: RateLimit,
        metrics: Metrics,
    ) -> None:
        super().__init__(ledger=ledger, payments=payments, scheduling=scheduling, selling=selling)
        self._clock = clock
        self._shop = shop
        self._allowed = allowed
        self._rate_limit = rate_limit
        self._metrics = metrics
        self.duplicates = Duplicates(ledger=ledger, payments=payments, reread=self.fulfil)
        self._misses: TTLCache[str, bool] = TTLCache(MISSES_KEPT, MISS_LIFETIME)

    async def find(self, token: str) -> Order | None:
        """Return the order with this token, from the ledger alone."""
        return await self._ledger.find(token=token)

    def subscribe(self, order: Order, told: Callable[[], object]) -> Callable[[], None]:
        """Have something called after each move of an order in this process; returns what stops that."""
        return self._ledger.subscribe(order, told)

    async def fulfil(self, session_id: str, *, because: str, handles: Delivery | None = None) -> Order | None:
        """Read a session at Stripe and write down what is true of its order.

        Args:
            session_id: Stripe's id of the session.
            because: who asks: webhook, return, reconciler, operator or a endpoint of the checkout.
            handles: the delivery that is answered by this, if any.

        Returns:
            The order as it is now, or None when the session is not one of this shop.

        Raises:
            ShopError: Stripe does not answer; nothing was changed.
        """
        for _ in range(TRIES):
            order = await self._ledger.find(session_id=session_id)
            if order and not self._of_this_environment(order):
                break
            session = await self._payments.read_session(session_id)
            if session is None:
                break
            order = order or await self._order_of(session, because)
            if order is None:
                break
            moved = await self._write_down(order, session, because, handles)
            if moved:
                return moved
        else:
            raise OurFault(f'{TRIES} conflicts in a row')
        if handles:
            await self._ledger.mark_handled(handles)
        return order

    async def follow_up(
        self, payment_id: str, *, because: str, handles: Delivery | None = None
    ) -> Order | None:
        """Read anew what became of a payment: refunds and disputes name the payment, not its session.

        Args:
            payment_id: Stripe's id of the payment.
            because: who asks.
            handles: the delivery that is answered by this, if any.

        Raises:
            ShopError: Stripe does not answer; nothing was changed.
        """
        order = await self._ledger.find(payment_id=payment_id)
        known = order.session_id if order else None
        session_id = known or await self._payments.find_session_of(payment_id)
        if session_id:
            return await self.fulfil(session_id, because=because, handles=handles)
        if handles:
            await self._ledger.mark_handled(handles)
        return None

    async def process(self, delivery: Delivery, *, because: str) -> Order | None:
        """Work a delivery of Stripe, whose payload is the id of what it is about, and settle it.

        Raises:
            ShopError: Stripe does not answer; nothing was changed.
        """
        read = self.fulfil if delivery.kind in SESSION_EVENTS else self.follow_up
        return await read(delivery.payload, because=because, handles=delivery)

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
            await self._rate_limit.admit(client)
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

    async def _order_of(self, session: PaymentSession, because: str) -> Order | None:
        """Find the order that a session's metadata names, or write it down again from there."""
        rebuilt = order_from(session, shop=self._shop, environment=self._payments.environment)
        if rebuilt is None:
            return None
        known = await self._ledger.find(id=rebuilt.id)
        if known is None:
            await self._ledger.add(rebuilt, because=because)
            known = await self._ledger.find(id=rebuilt.id)
            if known is None:  # something of it belongs to another order: never to be dropped in silence
                raise OurFault(f'order {rebuilt.reference} of session {session.id} cannot be written down')
        return known

    async def _write_down(
        self, order: Order, session: PaymentSession, because: str, handles: Delivery | None
    ) -> Order | None:
        """Turn what was seen into one move; None when another move came first."""
        if order.session_id not in (None, session.id) and session.facts.session_status != 'complete':
            if handles:  # a session whose address was lost on its way to us ended unused
                await self._ledger.mark_handled(handles)
            return order
        if order.session_id != session.id and order.completed_at:
            line = f'another session of this order is {session.facts.payment_status}: look at it at Stripe'
            log.error('order %s: %s', order.reference, line)
            if handles is None:
                return order
            return await self._ledger.move(order, because=because, line=line, handles=handles)
        now = self._clock()
        changes = changes_after(order, session, allowed=self._allowed, now=now)
        line = line_of(order, changes) if changes else f'{order.state}: looked at'
        duplicate = await self.duplicates.flag(
            replace(order, **changes), now=now, first='completed_at' in changes
        )
        if not changes and not duplicate:
            if handles:
                await self._ledger.mark_handled(handles)
            return order
        if changes and (mismatch := changes['facts'].mismatch):
            log.error('order %s: the payment does not match: %s', order.reference, mismatch)
        line += f'; seems paid twice: see {duplicate["duplicate_of"]}' if duplicate else ''
        moved = await self._ledger.move(
            order, because=because, line=line, handles=handles, **changes, **duplicate
        )
        if moved and moved.state is not order.state:
            self._metrics.moved(moved.state)
        if moved and moved.facts.payment_status == 'paid' != order.facts.payment_status:
            await self.duplicates.look_around(moved, because=because)
        if moved and 'completed_at' in changes:
            await self.duplicates.close_siblings(moved, because=because)
        return moved
