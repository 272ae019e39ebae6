"""Checkout: from the button to the payment page, with one open order per browser and offer."""

import hashlib
import secrets
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NoReturn

from services.availability import Availability
from services.catalog import Catalog
from services.errors import (
    AlreadyPaid,
    PaymentBusy,
    PriceChanged,
    SellingStopped,
    ShopError,
    reported,
    unclear_if_silent,
)
from services.fulfilment import Fulfilment
from services.fuse import Fuse
from services.ledger import Ledger
from services.money import Money
from services.orders import (
    ATTACH_DEADLINE,
    CLAIM_LIFETIME,
    SESSION_LIFETIME,
    Cause,
    Order,
    PaymentSession,
    PriceAdjustments,
    Purchase,
    Return,
    State,
    new_reference,
)
from services.payments import Payments
from services.rate_limit import RateLimit
from services.selling import Selling

TRIES = 4
PAYABLE_MARGIN = ATTACH_DEADLINE  # a session that closes sooner than this is not worth sending anybody to
WAY_BACK = timedelta(
    days=30
)  # for which the landing page links to a browser's orders, as long as its cookie lasts
LINKED = 3  # orders
NOT_PAID_HERE = (State.FAILED, State.REFUNDED, State.LOST)  # who has such an order may well pay again


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
        fuse: Fuse,
        selling: Selling,
        availability: Availability,
        clock: Callable[[], datetime],
        domain: str,
        allowed: PriceAdjustments,
    ) -> None:
        """Make it; nothing is requested yet.

        Args:
            ledger: where orders are written down.
            catalog: what is for sale.
            payments: opens sessions.
            fulfilment: reads what became of earlier sessions.
            rate_limit: how often clients may start a payment.
            fuse: pauses sales when many sessions are opened and nearly none is paid.
            selling: whether the operator has stopped selling.
            availability: whether a time is free.
            clock: the present time in UTC.
            domain: this shop's address.
            allowed: the discounts and taxes that new orders allow.
        """
        self._ledger = ledger
        self._catalog = catalog
        self._payments = payments
        self._fulfilment = fulfilment
        self._rate_limit = rate_limit
        self._fuse = fuse
        self._selling = selling
        self._availability = availability
        self._clock = clock
        self._domain = domain
        self._allowed = allowed

    async def start(
        self,
        *,
        browser_id: str,
        because: Cause,
        client_ip: str = '',
        known_browser: bool = False,
        offer: str = '',
        shown: Money | None = None,
        again: bool = False,
    ) -> PaymentSession:
        """Return the open session to send this customer to; its ``url`` has been checked.

        Args:
            browser_id: the browser's random value, or '' for a machine that has none.
            because: where the customer pressed: button, form or api.
            client_ip: the address of the browser, for the rate limit.
            known_browser: it brought back the cookie that an earlier page has set.
            offer: the slug of the offer, the default one if left out.
            shown: the price the customer read, if it is known.
            again: the customer knows that a payment was just made here and wants another session.

        Raises:
            ShopError: always one with public words; nothing was charged.
        """
        with reported('starting a payment'):
            await self._rate_limit.admit(client_ip, known=known_browser)
            self._fuse.check(known=known_browser)
            await self._selling.check_as_known()
            wanted = await self._wanted(offer)
            if shown is not None and shown != wanted.price:
                raise PriceChanged(f'{shown} was shown, {wanted.price} would be charged')
            browser = hash_browser_id(browser_id)
            for _ in range(TRIES):
                order = await self._order_for(browser, wanted, because, again=again)
                session = await self._session_of(order, because)
                if session:
                    await self._close_if_stopped(session, because)
                    await self._fuse.count(session.id, known=known_browser)
                    return session
            raise PaymentBusy('too many clicks at once')

    async def recent_order(self, browser_id: str) -> Order | None:
        """Return the last order that this browser completed within 24 hours.

        None if its payment failed or all its money went back: the customer may well pay again.
        """
        return await self._recent_order(hash_browser_id(browser_id))

    async def recent_orders(self, browser_id: str) -> tuple[Order, ...]:
        """Return the last orders that this browser completed within 30 days here, the newest first.

        Orders whose payment failed or whose money went back are left out.
        """
        orders = await self._standing_orders(hash_browser_id(browser_id), within=WAY_BACK)
        here = [order for order in orders if order.environment.same_as(self._payments.environment)]
        return tuple(here[:LINKED])

    async def came_back(self, browser_id: str, offer: str = '') -> Return:
        """Say what may be said to a customer who returned without finishing; the session is read first."""
        browser = hash_browser_id(browser_id)
        claim = _claim(browser, self._catalog.get(offer).slug)
        order = await self._ledger.orders.find(claim=claim) if claim else None
        if order and order.session_id:
            seen = await self._fulfilment.check(order, because=Cause.RETURN)
            if seen is None:
                return Return.UNKNOWN
            if seen.state in (State.OPEN, State.EXPIRED, State.FAILED):
                return Return.NOT_CHARGED
        return Return.PAID if await self._recent_order(browser) else Return.NOTHING

    async def _wanted(self, slug: str) -> Purchase:
        """Return what would be bought now."""
        price = await self._catalog.price(slug)
        offer = self._catalog.get(slug)
        return Purchase(offer.slug, offer.title, offer.minutes, offer.sessions, offer.price_id, price)

    async def _recent_order(self, browser: str) -> Order | None:
        return next(iter(await self._standing_orders(browser, within=CLAIM_LIFETIME)), None)

    async def _standing_orders(self, browser: str, *, within: timedelta) -> list[Order]:
        if not browser:
            return []
        orders = await self._ledger.orders.completed_by(browser, since=self._clock() - within)
        return [order for order in orders if order.state not in NOT_PAID_HERE]

    async def _refuse_if_just_paid(self, browser: str, again: bool) -> None:
        if not again and await self._recent_order(browser):
            raise AlreadyPaid

    async def _order_for(self, browser: str, wanted: Purchase, because: Cause, *, again: bool) -> Order:
        """Find this browser's open order or add a new one; the unique claim lets one of two at once win."""
        claim = _claim(browser, wanted.offer)
        for _ in range(TRIES):
            order = await self._ledger.orders.find(claim=claim) if claim else None
            # Afterwards, because an order that was paid meanwhile has no claim any more (decision 46).
            await self._refuse_if_just_paid(browser, again)
            self._availability.check()
            if order is None:
                fresh = self._new_order(browser, wanted)
                if await self._ledger.orders.add(fresh, because=because):
                    return fresh
            elif self._can_continue(order, wanted):
                return order
            else:
                await self._replace(order, because)
        raise PaymentBusy('too many clicks at once')

    def _new_order(self, browser: str, wanted: Purchase) -> Order:
        now = self._clock()
        return Order(
            id=uuid.uuid4().hex,
            version=1,
            reference=new_reference(),
            token=secrets.token_urlsafe(24),
            booking_key=secrets.token_urlsafe(18),
            environment=self._payments.environment,
            domain=self._domain,
            purchase=wanted,
            allowed=self._allowed,
            created_at=now,
            session_expires_at=now + SESSION_LIFETIME,
            browser_hash=browser,
            claim=_claim(browser, wanted.offer),
        )

    def _can_continue(self, order: Order, wanted: Purchase) -> bool:
        """Whether an open order can be continued rather than replaced."""
        left = order.session_expires_at - self._clock()
        fresh = left > (PAYABLE_MARGIN if order.session_id else SESSION_LIFETIME - ATTACH_DEADLINE)
        bought = order.purchase
        same = (bought.price, bought.price_id) == (wanted.price, wanted.price_id)
        return (
            order.state is State.OPEN
            and order.environment.same_as(self._payments.environment)
            and same
            and fresh
        )

    async def _replace(self, order: Order, because: Cause) -> None:
        """Free the browser for a new order; the old one must not be paid any more.

        Raises:
            AlreadyPaid: it was paid meanwhile.
            PaymentUnclear: Stripe does not say whether it was.
        """
        if order.session_id:
            with unclear_if_silent():
                order = await self._fulfilment.close(order.session_id, because=because) or order
            if order.completed_at and order.state is not State.FAILED:
                raise AlreadyPaid
        if order.claim:
            await self._ledger.orders.move(
                order,
                because=because,
                line='replaced by a new order of the same browser',
                claim=None,
                voided_at=None if order.session_id else self._clock(),
            )

    async def _session_of(self, order: Order, because: Cause) -> PaymentSession | None:
        """Return the open session of an order, or None when the order has moved on meanwhile."""
        if order.session_id is None:
            return await self._open_session(order, because)
        with unclear_if_silent():
            session = await self._payments.read_session(order.session_id)
        if session and session.facts.session_status == 'open' and session.url:
            return session
        if session is None:
            await self._replace(order, because)
            return None
        with unclear_if_silent():
            seen = await self._fulfilment.fulfil(order.session_id, because=because)
        if seen and seen.completed_at and seen.state is not State.FAILED:
            raise AlreadyPaid
        return None

    async def _open_session(self, order: Order, because: Cause) -> PaymentSession | None:
        try:
            session = await self._payments.open_session(order)
        except ShopError as error:
            await self._next_attempt(order, because, error)
            raise
        if not _charges(session, order):
            await self._call_off(order, session, because)
        # If the process dies here, the next click sends the same idempotency key and gets the same session.
        current: Order | None = order
        while current and current.session_id is None and not current.voided_at:
            if await self._attach(current, session, because):
                return session
            current = await self._ledger.orders.find(id=order.id)
        return session if current and current.session_id == session.id else None

    async def _call_off(self, order: Order, session: PaymentSession, because: Cause) -> NoReturn:
        """Close a session that would charge another price than the page says; its address never left us."""
        self._catalog.forget_price(order.purchase.offer)
        tax = ' with tax' if session.adds_tax else ''
        line = f'the session would charge {session.facts.amount_total} {session.facts.seen_currency}{tax}'
        await self._ledger.orders.move(order, because=because, line=line, claim=None, voided_at=self._clock())
        with suppress(ShopError):  # another click may have closed it already
            await self._payments.expire_session(session.id)
        raise PriceChanged(line)

    async def _close_if_stopped(self, session: PaymentSession, because: Cause) -> None:
        """Check once more that we are selling: a stop closes only the sessions that there are by then."""
        try:
            await self._selling.check()
        except SellingStopped:
            with suppress(ShopError):  # the reconciler tries again
                await self._fulfilment.close(session.id, because=because)
            raise

    async def _attach(self, order: Order, session: PaymentSession, because: Cause) -> Order | None:
        opened: dict[str, Any] = {'session_id': session.id, 'session_url': session.url}
        line = 'payment session opened'
        return await self._ledger.orders.move(
            order, because=because, line=line, facts=session.facts, **opened
        )

    async def _next_attempt(self, order: Order, because: Cause, error: ShopError) -> None:
        """Give the next click a new idempotency key: Stripe replays the first answer, even an error."""
        await self._ledger.orders.move(
            order,
            because=because,
            line=f'no payment session: {error.code} [error {error.id}]',
            attempt=order.attempt + 1,
            session_expires_at=self._clock() + SESSION_LIFETIME,
        )


def hash_browser_id(browser_id: str) -> str:
    """Return what the ledger keeps of a browser's random value: it recognises it but cannot restore it."""
    return hashlib.sha256(browser_id.encode()).hexdigest()[:32] if browser_id else ''


def _claim(browser: str, offer: str) -> str | None:
    return f'{browser}:{offer}' if browser else None


def _charges(session: PaymentSession, order: Order) -> bool:
    """Whether a new session charges the price of its order, as far as Stripe says so.

    Nobody has typed a promotion code or an address yet, so subtotal and total are the price. Tax may be added
    later only if the order allows it.
    """
    facts, price = session.facts, order.purchase.price
    currency = facts.seen_currency or price.currency
    amounts = [amount for amount in (facts.amount_subtotal, facts.amount_total) if amount is not None]
    right = all(Money(amount, currency) == price for amount in amounts)
    return right and (order.allowed.taxes or not session.adds_tax)
