"""Starting a payment: an order written down before Stripe is asked, one per browser and offer."""

import hashlib
import secrets
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, NoReturn

from services.catalog import Catalog
from services.errors import AlreadyPaid, PaymentBusy, PriceChanged, ShopError, reported, unclear_if_silent
from services.fulfilment import Fulfilment
from services.ledger import Ledger
from services.money import Money
from services.orders import (
    ATTACH_DEADLINE,
    CLAIM_LIFETIME,
    SESSION_LIFETIME,
    Order,
    PaymentSession,
    Return,
    State,
    new_reference,
)
from services.payments import Payments
from services.rate_limit import RateLimit

TRIES = 4
PAYABLE_MARGIN = ATTACH_DEADLINE  # a session that closes sooner than this is not worth sending anybody to


class Checkout:
    """The way from the button to the payment page."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        catalog: Catalog,
        payments: Payments,
        fulfilment: Fulfilment,
        rate_limit: RateLimit,
        clock: Callable[[], datetime],
        shop: str,
        title: str,
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._payments = payments
        self._fulfilment = fulfilment
        self._rate_limit = rate_limit
        self._clock = clock
        self._shop = shop
        self._title = title

    async def start(
        self,
        *,
        browser_id: str,
        because: str,
        client: str = '',
        shown: Money | None = None,
        again: bool = False,
    ) -> PaymentSession:
        """Return the open session to send this customer to; its ``url`` has been checked.

        Args:
            browser_id: the browser's random value, or '' for a machine that has none.
            because: which endpoint it was: button, form or api.
            client: the address of the browser, for the limits.
            shown: the price the customer read, if the endpoint knows it.
            again: the customer knows that a payment was just made here and wants another session.

        Raises:
            ShopError: always one with public words; nothing was charged.
        """
        with reported('starting a payment'):
            await self._rate_limit.admit(client)
            price = await self._catalog.price()
            if shown is not None and shown != price:
                raise PriceChanged(f'{shown} was shown, {price} would be charged')
            await self._ask_first(browser_id, again)
            for _ in range(TRIES):
                order = await self._order_for(browser_id, price, because, again=again)
                session = await self._session_of(order, because)
                if session:
                    return session
            raise PaymentBusy('too many clicks at once')

    async def just_paid(self, browser_id: str) -> bool:
        """Whether this browser completed a payment for the offer in the last 24 hours."""
        if not browser_id:
            return False
        since = self._clock() - CLAIM_LIFETIME
        order = await self._ledger.find_completed_by(_fingerprint(browser_id), since=since)
        return order is not None and order.state is not State.FAILED

    async def came_back(self, browser_id: str) -> Return:
        """Say what may be said to a customer who returned without finishing; the session is read first."""
        claim = self._claim(_fingerprint(browser_id))
        order = await self._ledger.find(claim=claim) if claim else None
        if order and order.session_id:
            seen = await self._fulfilment.ask(order, because='return')
            if seen is None:
                return Return.UNKNOWN
            if seen.state in (State.OPEN, State.EXPIRED, State.FAILED):
                return Return.NOT_CHARGED
        return Return.PAID if await self.just_paid(browser_id) else Return.NOTHING

    async def _ask_first(self, browser_id: str, again: bool) -> None:
        if not again and await self.just_paid(browser_id):
            raise AlreadyPaid

    def _claim(self, browser: str) -> str | None:
        return f'{browser}:{self._catalog.slug}' if browser else None

    async def _order_for(self, browser_id: str, price: Money, because: str, *, again: bool) -> Order:
        """Find this browser's open order or write a new one down; of two at once one wins, by the index."""
        browser = _fingerprint(browser_id)
        claim = self._claim(browser)
        for _ in range(TRIES):
            order = await self._ledger.find(claim=claim) if claim else None
            if order is None:
                await self._ask_first(browser_id, again)  # once more: a payment lets go of the claim
                fresh = self._new_order(browser, price)
                if await self._ledger.add(fresh, because=because):
                    return fresh
            elif self._still_good(order, price):
                return order
            else:
                await self._let_go(order, because)
        raise PaymentBusy('too many clicks at once')

    def _new_order(self, browser: str, price: Money) -> Order:
        now = self._clock()
        offer = self._catalog.offer
        return Order(
            id=uuid.uuid4().hex,
            version=1,
            reference=new_reference(),
            token=secrets.token_urlsafe(24),
            booking_key=secrets.token_urlsafe(18),
            environment=self._payments.environment,
            shop=self._shop,
            offer=offer.slug,
            price_id=offer.price_id,
            expected=price,
            created_at=now,
            session_expires_at=now + SESSION_LIFETIME,
            browser_hash=browser,
            claim=self._claim(browser),
        )

    def _still_good(self, order: Order, price: Money) -> bool:
        """Whether an open order can be continued rather than replaced."""
        left = order.session_expires_at - self._clock()
        fresh = left > (PAYABLE_MARGIN if order.session_id else SESSION_LIFETIME - ATTACH_DEADLINE)
        same = order.expected == price and order.price_id == self._catalog.offer.price_id
        return (
            order.state is State.OPEN
            and order.environment.same_as(self._payments.environment)
            and same
            and fresh
        )

    async def _let_go(self, order: Order, because: str) -> None:
        """Free the browser for a new order; the old one must not be paid any more.

        Raises:
            AlreadyPaid: it was paid meanwhile.
            PaymentUnclear: Stripe does not tell whether it was.
        """
        if order.session_id:
            with suppress(ShopError):  # it may be closed or paid already: the reading below tells
                await self._payments.expire_session(order.session_id)
            with unclear_if_silent():
                order = await self._fulfilment.fulfil(order.session_id, because=because) or order
            if order.completed_at and order.state is not State.FAILED:
                raise AlreadyPaid
        if order.claim:
            voided_at = None if order.session_id else self._clock()
            line = 'made way for a new order of the same browser'
            await self._ledger.move(order, because=because, line=line, claim=None, voided_at=voided_at)

    async def _session_of(self, order: Order, because: str) -> PaymentSession | None:
        """Return the open session of an order, or None when the order has moved on meanwhile."""
        if order.session_id is None:
            return await self._open_session(order, because)
        with unclear_if_silent():
            session = await self._payments.read_session(order.session_id)
        if session and session.facts.session_status == 'open' and session.url:
            return session
        if session is None:
            await self._let_go(order, because)
            return None
        with unclear_if_silent():
            seen = await self._fulfilment.fulfil(order.session_id, because=because)
        if seen and seen.completed_at and seen.state is not State.FAILED:
            raise AlreadyPaid
        return None

    async def _open_session(self, order: Order, because: str) -> PaymentSession | None:
        try:
            session = await self._payments.open_session(order, title=self._title)
        except ShopError as error:
            await self._next_attempt(order, because, error)
            raise
        if not _asks_for(session, order.expected):
            await self._call_off(order, session, because)
        # If the process dies here, the next click asks with the same key and is given the same session.
        current: Order | None = order
        while current and current.session_id is None and not current.voided_at:
            if await self._attach(current, session, because):
                return session
            current = await self._ledger.find(id=order.id)
        return session if current and current.session_id == session.id else None

    async def _call_off(self, order: Order, session: PaymentSession, because: str) -> NoReturn:
        """Close a session that would charge another price than the page says; its address never left us."""
        self._catalog.forget()
        line = f'the session would charge {session.facts.amount_subtotal} {session.facts.seen_currency}'
        await self._ledger.move(order, because=because, line=line, claim=None, voided_at=self._clock())
        await self._payments.expire_session(session.id)
        raise PriceChanged(line)

    async def _attach(self, order: Order, session: PaymentSession, because: str) -> Order | None:
        opened: dict[str, Any] = {'session_id': session.id, 'session_url': session.url}
        line = 'payment session opened'
        return await self._ledger.move(order, because=because, line=line, facts=session.facts, **opened)

    async def _next_attempt(self, order: Order, because: str, error: ShopError) -> None:
        """Give the next click a new idempotency key: Stripe replays the first answer, even an error."""
        await self._ledger.move(
            order,
            because=because,
            line=f'no payment session: {error.code} [error {error.id}]',
            attempt=order.attempt + 1,
            session_expires_at=self._clock() + SESSION_LIFETIME,
        )


def _asks_for(session: PaymentSession, price: Money) -> bool:
    """Whether a new session charges this price, as far as Stripe says so."""
    facts = session.facts
    amount, currency = facts.amount_subtotal, facts.seen_currency or price.currency
    return amount is None or Money(amount, currency) == price


def _fingerprint(browser_id: str) -> str:
    """What the ledger keeps of a browser's random value: enough to recognise it, not enough to be it."""
    return hashlib.sha256(browser_id.encode()).hexdigest()[:32] if browser_id else ''
