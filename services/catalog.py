"""What is for sale: the offers and their prices, read from Stripe and cached for a few minutes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.errors import ShopError, UnknownOffer
from services.money import Money

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=5)
RETRY = timedelta(seconds=5)
PAGE_TIMEOUT = 0.8  # seconds a page waits for its first price


@dataclass(frozen=True)
class Offer:
    """One thing for sale; ``price`` is None until it was read from Stripe."""

    slug: str
    title: str
    minutes: int
    sessions: int
    price_id: str
    price: Money | None = None


class Catalog:
    """All offers; the first one is meant where no slug is given."""

    def __init__(
        self,
        offers: Iterable[Offer],
        *,
        read_price: Callable[[str], Awaitable[Money]],
        clock: Callable[[], datetime],
    ) -> None:
        """Make it; no price is read yet.

        Args:
            offers: what is for sale, at least one.
            read_price: reads the price with this id.
            clock: the present time in UTC.
        """
        self._offers = {offer.slug: _PricedOffer(offer, read_price, clock) for offer in offers}
        self._default = next(iter(self._offers))

    def get(self, slug: str = '') -> Offer:
        """Return an offer with its price as far as it is known now.

        Raises:
            UnknownOffer: there is no such offer.
        """
        return self._find(slug).offer

    async def get_for_page(self, slug: str = '') -> Offer:
        """Return an offer for a page: it has no price yet if Stripe is silent."""
        return await self._find(slug).for_page()

    async def price(self, slug: str = '') -> Money:
        """Return the price that would be charged now.

        Raises:
            ShopError: Stripe does not answer, or the price cannot be sold.
        """
        return await self._find(slug).current_price()

    def forget_price(self, slug: str = '') -> None:
        """Read the price again next time: Stripe was seen to charge another one."""
        self._find(slug).forget()

    def rename(self, title: str) -> None:
        """Call the first offer something else; orders keep the title with which they were opened."""
        offer = self._offers[self._default]
        offer.offer = replace(offer.offer, title=title)

    def _find(self, slug: str) -> '_PricedOffer':
        try:
            return self._offers[slug or self._default]
        except KeyError:
            raise UnknownOffer(slug) from None


class _PricedOffer:
    """One offer, its cached price, and at most one reading under way."""

    def __init__(
        self,
        offer: Offer,
        read_price: Callable[[str], Awaitable[Money]],
        clock: Callable[[], datetime],
    ) -> None:
        self.offer = offer
        self._read_price = read_price
        self._clock = clock
        self._read_at: datetime | None = None
        self._failed_at: datetime | None = None
        self._reading: asyncio.Task[Money] | None = None

    async def for_page(self) -> Offer:
        if self._stale() and not self._failed_just_now():
            reading = self._start_reading()
            if self.offer.price is None:
                await asyncio.wait({reading}, timeout=PAGE_TIMEOUT)
        return self.offer

    async def current_price(self) -> Money:
        if self._stale() or self.offer.price is None:
            return await asyncio.shield(self._start_reading())
        return self.offer.price

    def forget(self) -> None:
        self.offer = replace(self.offer, price=None)
        self._read_at = None

    def _stale(self) -> bool:
        return self._read_at is None or self._clock() - self._read_at > FRESH

    def _failed_just_now(self) -> bool:
        return self._failed_at is not None and self._clock() - self._failed_at < RETRY

    def _start_reading(self) -> asyncio.Task[Money]:
        """Read the price once, however many ask at the same time."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(_log_failure)
        return self._reading

    async def _read(self) -> Money:
        try:
            price = await self._read_price(self.offer.price_id)
        except ShopError:
            self._failed_at = self._clock()
            raise
        self.offer = replace(self.offer, price=price)
        self._read_at, self._failed_at = self._clock(), None
        return price


def _log_failure(reading: asyncio.Task[Money]) -> None:
    """Log a failed reading here: a page that has stopped waiting does not see it."""
    if not reading.cancelled() and (error := reading.exception()):
        log.warning('the price could not be read: %s', error)
