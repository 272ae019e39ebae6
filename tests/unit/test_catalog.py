"""The catalog: it caches prices, reads each once for many pages, and never delays a page for long."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.catalog import FRESH, RETRY, Catalog, Offer
from services.errors import PaymentUnreachable, UnknownOffer
from services.money import Money

PRICE = Money(15000, 'usd')
OFFERS = (
    Offer('single', 'One session', 60, 1, 'price_1'),
    Offer('package', 'Three sessions', 60, 3, 'price_3'),
)


class PriceSource:
    """Prices at Stripe, and a clock; both can be set by a test."""

    def __init__(self) -> None:
        self.readings: list[str] = []
        self.price: Money | None = PRICE
        self.now = datetime(2026, 11, 23, tzinfo=UTC)

    async def read_price(self, price_id: str) -> Money:
        """Return the price after other tasks have run; raise if there is none."""
        self.readings.append(price_id)
        await asyncio.sleep(0)
        if self.price is None:
            raise PaymentUnreachable('no response')
        return self.price

    def catalog(self) -> Catalog:
        """Return a catalog of two offers that reads its prices here."""
        return Catalog(OFFERS, read_price=self.read_price, clock=lambda: self.now)


async def test_concurrent_pages_read_a_price_once() -> None:
    """Twenty concurrent pages lead to one request, and the price is cached."""
    source = PriceSource()
    catalog = source.catalog()
    offers = await asyncio.gather(*(catalog.get_for_page() for _ in range(20)))
    assert {offer.price for offer in offers} == {PRICE}
    assert await catalog.price() == PRICE
    assert source.readings == ['price_1']


async def test_a_stale_price_is_shown_while_a_new_one_is_read() -> None:
    """A page with a stale price opens at once; the next one has the new price."""
    source = PriceSource()
    catalog = source.catalog()
    await catalog.get_for_page()
    source.now += FRESH + timedelta(seconds=1)
    source.price = Money(17500, 'usd')
    assert (await catalog.get_for_page()).price == PRICE
    assert await catalog.price() == Money(17500, 'usd')
    assert source.readings == ['price_1', 'price_1']


async def test_a_page_has_no_price_while_stripe_fails() -> None:
    """After a failure no page waits for a price until some seconds have passed."""
    source = PriceSource()
    source.price = None
    catalog = source.catalog()
    assert (await catalog.get_for_page()).price is None
    assert (await catalog.get_for_page()).price is None
    assert source.readings == ['price_1']
    source.price = PRICE
    source.now += RETRY
    assert (await catalog.get_for_page()).price == PRICE


async def test_a_forgotten_price_is_read_again_before_it_is_shown() -> None:
    """After Stripe was seen to charge another price, no page shows the old one."""
    source = PriceSource()
    catalog = source.catalog()
    await catalog.get_for_page()
    source.price = Money(17500, 'usd')
    catalog.forget_price()
    assert (await catalog.get_for_page()).price == Money(17500, 'usd')


async def test_without_a_price_nothing_can_be_charged() -> None:
    """A page can do without a price, but a checkout cannot."""
    source = PriceSource()
    source.price = None
    with pytest.raises(PaymentUnreachable):
        await source.catalog().price()


async def test_a_stale_price_is_not_charged_when_it_cannot_be_read_again() -> None:
    """A stale price may be shown, but is not charged."""
    source = PriceSource()
    catalog = source.catalog()
    await catalog.get_for_page()
    source.now += FRESH + timedelta(seconds=1)
    source.price = None
    with pytest.raises(PaymentUnreachable):
        await catalog.price()


async def test_each_offer_has_its_own_price() -> None:
    """Without a slug the first offer is meant; reading or forgetting its price does not affect the other."""
    source = PriceSource()
    catalog = source.catalog()
    assert await catalog.price() == PRICE
    assert catalog.get() == catalog.get('single') == replace(OFFERS[0], price=PRICE)
    assert catalog.get('package') == OFFERS[1]
    source.price = Money(40000, 'usd')
    assert await catalog.price('package') == Money(40000, 'usd')
    assert catalog.get('package') == replace(OFFERS[1], price=Money(40000, 'usd'))
    catalog.forget_price('package')
    assert (catalog.get('package').price, catalog.get().price) == (None, PRICE)
    assert source.readings == ['price_1', 'price_3']


async def test_an_unknown_slug_is_refused() -> None:
    """No price is read for an offer that does not exist."""
    source = PriceSource()
    catalog = source.catalog()
    with pytest.raises(UnknownOffer):
        catalog.get('unknown')
    with pytest.raises(UnknownOffer):
        await catalog.get_for_page('unknown')
    with pytest.raises(UnknownOffer):
        await catalog.price('unknown')
    with pytest.raises(UnknownOffer):
        catalog.forget_price('unknown')
    assert source.readings == []
