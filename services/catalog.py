"""What is for sale: the offer and its price, which Stripe tells and we remember for a few minutes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.errors import ShopError
from services.money import Money

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=5)
RETRY = timedelta(seconds=5)
PAGE_PATIENCE = 0.8  # seconds a page waits for its first price; NiceGUI gives a page builder 3 s in all


@dataclass(frozen=True)
class Offer:
    """One thing for sale; ``price`` is None while Stripe has not told it yet."""

    slug: str
    name: str
    price_id: str
    price: Money | None


class Catalog:
    """The one offer of the shop, with its price read through ``read_price``."""

    def __init__(
        self,
        slug: str,
        name: str,
        price_id: str,
        *,
        read_price: Callable[[str], Awaitable[Money]],
        clock: Callable[[], datetime],
    ) -> None:
        self._offer = Offer(slug, name, price_id, None)
        self._read_price = read_price
        self._clock = clock
        self._read_at: datetime | None = None
        self._failed_at: datetime | None = None
        self._reading: asyncio.Task[Money] | None = None

    @property
    def offer(self) -> Offer:
        """The offer as it is known now, without asking anybody."""
        return self._offer

    @property
    def slug(self) -> str:
        """The name of the offer in addresses and orders."""
        return self._offer.slug

    async def look(self) -> Offer:
        """Return the offer for a page: never raises, hardly waits, has no price while Stripe is silent."""
        if self._stale() and not self._failed_just_now():
            reading = self._start_reading()
            if self._offer.price is None:
                await asyncio.wait({reading}, timeout=PAGE_PATIENCE)
        return self._offer

    async def price(self) -> Money:
        """Return the price that would be charged now.

        Raises:
            ShopError: Stripe does not tell, or the price cannot be sold.
        """
        if self._stale() or self._offer.price is None:
            return await asyncio.shield(self._start_reading())
        return self._offer.price

    def forget(self) -> None:
        """Unlearn the price: Stripe was seen to charge another one."""
        self._offer = replace(self._offer, price=None)
        self._read_at = None

    def _stale(self) -> bool:
        return self._read_at is None or self._clock() - self._read_at > FRESH

    def _failed_just_now(self) -> bool:
        return self._failed_at is not None and self._clock() - self._failed_at < RETRY

    def _start_reading(self) -> asyncio.Task[Money]:
        """Read the price once, however many ask at the same time."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(_note_failure)
        return self._reading

    async def _read(self) -> Money:
        try:
            price = await self._read_price(self._offer.price_id)
        except ShopError:
            self._failed_at = self._clock()
            raise
        self._offer = replace(self._offer, price=price)
        self._read_at, self._failed_at = self._clock(), None
        return price


def _note_failure(reading: asyncio.Task[Money]) -> None:
    """Log a failed reading here, since a page that stopped waiting no longer hears of it."""
    if not reading.cancelled() and (error := reading.exception()):
        log.warning('the price could not be read: %s', error)
