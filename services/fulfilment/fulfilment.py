"""Fulfilment: reads a session at Stripe and writes what is true of its order into the ledger."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from cachetools import TTLCache

from services.errors import OurFault, ShopError, reported
from services.fulfilment.decision import Decision, decide
from services.fulfilment.duplicates import Duplicates
from services.ledger import Delivery, Ledger, Source
from services.metrics import Metrics
from services.orders import (
    MONEY_BACK_STATES,
    AlertKind,
    Cause,
    Order,
    PaymentSession,
    State,
    order_from,
)
from services.payments import SESSION_EVENTS, WARNING_EVENTS, Payments
from services.rate_limit import RateLimit

log = logging.getLogger(__name__)

UNKNOWN_SESSIONS = 10_000, 600  # how many are cached, and for how many seconds
INVOICES = 1000, 600
TRIES = 8  # several callers may read one payment at once; each conflict means that one of them succeeded


class Fulfilment:
    """Verifies payments: one function behind the return page, the webhook, the reconciler and the admin."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        payments: Payments,
        duplicates: Duplicates,
        rate_limit: RateLimit,
        metrics: Metrics,
        clock: Callable[[], datetime],
        domain: str,
    ) -> None:
        """Make it; nothing is read yet.

        Args:
            ledger: stores the facts.
            payments: where they are read.
            duplicates: finds other payments of the same customer.
            rate_limit: how often strangers may make us ask Stripe about unknown sessions.
            metrics: where moves are counted.
            clock: the present time in UTC.
            domain: this shop's address; sessions of others on the same account are left alone.
        """
        self._ledger = ledger
        self._payments = payments
        self._duplicates = duplicates
        self._rate_limit = rate_limit
        self._metrics = metrics
        self._clock = clock
        self._domain = domain
        self._unknown: TTLCache[str, bool] = TTLCache(*UNKNOWN_SESSIONS)
        self._invoices: TTLCache[str, str] = TTLCache(*INVOICES)  # by the id of the order

    async def find(self, token: str) -> Order | None:
        """Return the order with this token, from the ledger alone."""
        return await self._ledger.orders.find(token=token)

    def subscribe(self, order: Order, callback: Callable[[], object]) -> Callable[[], None]:
        """Call something after each change of an order in this process; returns what ends that."""
        return self._ledger.subscribe(order, callback)

    async def fulfil(
        self,
        session_id: str,
        *,
        because: Cause,
        actor: str = '',
        handles: Delivery | None = None,
        warned: bool = False,
    ) -> Order | None:
        """Read a session at Stripe and write down what is true of its order.

        Args:
            session_id: Stripe's id of the session.
            because: who asks.
            actor: the person who asks, if one does.
            handles: the delivery that this answers, marked as handled in the same transaction.
            warned: the card issuer has reported fraud.

        Returns:
            The order as it is now, or None when the session is not one of this shop.

        Raises:
            ShopError: Stripe does not answer; nothing was changed.
        """
        for _ in range(TRIES):
            order = await self._ledger.orders.find(session_id=session_id)
            if order and not order.environment.same_as(self._payments.environment):
                break
            session = await self._payments.read_session(session_id)
            if session is None:
                break
            order = order or await self._adopt(session, because)
            if order is None:
                break
            moved = await self._apply(order, session, because, handles, actor=actor, warned=warned)
            if moved:
                return moved
        else:
            raise OurFault(f'{TRIES} conflicts in a row')
        if handles:
            await self._ledger.deliveries.mark_handled(handles)
        return order

    async def fulfil_payment(
        self, name: str, *, because: Cause, handles: Delivery | None = None, warned: bool = False
    ) -> Order | None:
        """Fulfil the session of a payment: events about refunds and disputes name no session.

        Args:
            name: Stripe's id of the payment, or the path of an object that tells it.
            because: who asks.
            handles: the delivery that this answers, marked as handled in the same transaction.
            warned: the card issuer has reported fraud.

        Raises:
            ShopError: Stripe does not answer; nothing was changed.
        """
        payment_id = await self._payments.find_payment_of(name) or ''
        order = await self._ledger.orders.find(payment_id=payment_id) if payment_id else None
        session_id = order.session_id if order else None
        if payment_id and not session_id:
            session_id = await self._payments.find_session_of(payment_id)
        if session_id:
            return await self.fulfil(session_id, because=because, handles=handles, warned=warned)
        if handles:
            await self._ledger.deliveries.mark_handled(handles)
        return None

    async def process(self, delivery: Delivery, *, because: Cause) -> None:
        """Process a Stripe delivery (its payload is the object's id) and mark it handled.

        Raises:
            ShopError: Stripe does not answer; nothing was changed.
        """
        fulfil = self.fulfil if delivery.kind in SESSION_EVENTS else self.fulfil_payment
        warned = delivery.kind in WARNING_EVENTS
        await fulfil(delivery.payload, because=because, handles=delivery, warned=warned)

    async def arrive(
        self, session_id: str, *, client_ip: str = '', known_browser: bool = False
    ) -> Order | None:
        """Find or adopt the order of a customer who comes back from Stripe.

        Args:
            session_id: from the address; strangers can invent it, so requests to Stripe are limited.
            client_ip: the address of the browser, for the rate limit.
            known_browser: it brought back the cookie that an earlier page has set.

        Raises:
            ShopError: the ledger does not know the session, and Stripe is silent or the limit is reached.
        """
        with reported('looking up a returning customer'):
            order = await self._ledger.orders.find(session_id=session_id)
            if order or session_id in self._unknown:
                return order
            await self._rate_limit.admit(client_ip, known=known_browser)
            order = await self.fulfil(session_id, because=Cause.RETURN)
        if order is None:
            self._unknown[session_id] = True
        return order

    async def check(self, order: Order, *, because: Cause, actor: str = '') -> Order | None:
        """Read at Stripe how an order stands; None when Stripe is silent."""
        if order.session_id is None:
            return order
        try:
            with reported('checking a payment'):
                return await self.fulfil(order.session_id, because=because, actor=actor) or order
        except ShopError:
            return None

    async def find_invoice(self, order: Order) -> str:
        """Return the address of Stripe's page with the invoice; '' while there is none.

        It is read anew, because Stripe lets such an address expire; the stored one is returned if Stripe is
        silent.
        """
        known = order.facts.invoice_url
        if not known or order.session_id is None:
            return ''
        if order.id not in self._invoices:
            with suppress(ShopError), reported('reading an invoice'):
                session = await self._payments.read_session(order.session_id)
                self._invoices[order.id] = (session and session.facts.invoice_url) or known
        return self._invoices.get(order.id, known)

    async def close(self, session_id: str, *, because: Cause) -> Order | None:
        """Expire a session, so that nobody can pay it any more, and read what became of it.

        Raises:
            ShopError: Stripe does not answer; the session may still be open.
        """
        with suppress(ShopError):  # it may be closed or paid already: the reading tells
            await self._payments.expire_session(session_id)
        return await self.fulfil(session_id, because=because)

    async def close_if_superseded(self, order: Order, *, because: Cause) -> None:
        """Close an open order whose browser has completed another one since."""
        if await self._duplicates.is_superseded(order):
            await self._close_beside_a_paid_one(order, because)

    async def _adopt(self, session: PaymentSession, because: Cause) -> Order | None:
        """Find the order that a session's metadata names, or rebuild it unless it would be deleted by now."""
        rebuilt = order_from(session, domain=self._domain, environment=self._payments.environment)
        if rebuilt is None:
            return None
        orders = self._ledger.orders
        known = await orders.find(id=rebuilt.id)
        until = orders.delete_at(replace(rebuilt, facts=session.facts), session.created_at)
        if known is None and until and until <= self._clock():
            return None
        if known is None:
            await orders.add(rebuilt, because=because)
            known = await orders.find(id=rebuilt.id)
            if known is None:  # one of its keys belongs to another order: the operator must see this
                raise OurFault(f'order {rebuilt.reference} of session {session.id} cannot be written down')
            await self._ledger.deliveries.retry_now(Source.CALENDLY)  # a booking may name this order
        return known

    async def _apply(
        self,
        order: Order,
        session: PaymentSession,
        because: Cause,
        handles: Delivery | None,
        *,
        actor: str = '',
        warned: bool = False,
    ) -> Order | None:
        """Write a decision down in one move; None when another move came first."""
        now = self._clock()
        decision = decide(order, session, now=now)
        changes = await self._with_duplicate(order, decision, now)
        if decision.alarm:
            log.error('order %s: %s', order.reference, decision.alarm)
        if warned and not order.fraud_warning:
            changes |= {'fraud_warning': True}
            log.warning(
                'order %s: the card issuer reports fraud; a refund may avoid a dispute', order.reference
            )
        if not changes and not (decision.alarm and handles):
            if handles:
                await self._ledger.deliveries.mark_handled(handles)
            return order
        line = decision.line
        if 'duplicate_of' in changes:
            line += f'; seems paid twice: see {changes["duplicate_of"]}'
        if 'fraud_warning' in changes:
            line += '; the card issuer reports fraud'
        alert = AlertKind.SECOND_SESSION if decision.alarm and not decision.changes else None
        moved = await self._ledger.orders.move(
            order, because=because, actor=actor, line=line, handles=handles, alert=alert, **changes
        )
        if moved:
            await self._after(order, moved, because)
        return moved

    async def _with_duplicate(self, order: Order, decision: Decision, now: datetime) -> dict[str, Any]:
        """Return the changes of a decision, with the mark of a second payment where it is one."""
        if decision.alarm and not decision.changes:
            return {}
        first = 'completed_at' in decision.changes
        original = await self._duplicates.find(replace(order, **decision.changes), now=now, first=first)
        return decision.changes | ({'duplicate_of': original.reference} if original else {})

    async def _after(self, before: Order, moved: Order, because: Cause) -> None:
        """Count the move, then mark and close other orders of the customer who has just paid."""
        if moved.state is not before.state:
            self._metrics.moved(moved.state)
        money_came = moved.facts.payment_status == 'paid' != before.facts.payment_status
        came_again = before.state in MONEY_BACK_STATES and moved.state not in MONEY_BACK_STATES
        if money_came or came_again:  # again: a refund has failed, or a dispute was won
            await self._duplicates.mark_beside(moved, because=because)
        if moved.completed_at and not before.completed_at and moved.state is not State.FAILED:
            for sibling in await self._ledger.orders.open_siblings(moved):
                if sibling.created_at <= moved.completed_at:
                    await self._close_beside_a_paid_one(sibling, because)

    async def _close_beside_a_paid_one(self, order: Order, because: Cause) -> None:
        """Close a session that its browser could still pay; where that fails the reconciler tries again."""
        if order.session_id:
            with suppress(ShopError), reported('closing a session beside a paid one'):
                await self.close(order.session_id, because=because)
