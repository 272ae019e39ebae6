"""The catalog remembers a price for minutes, asks once for many, and never holds up a page."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.catalog import FRESH, RETRY, Catalog, Offer
from services.errors import PaymentUnreachable
from services.money import Money

PRICE = Money(15000, 'usd')


class PriceSource:
    """A stand-in for the reading of a price, with a clock of its own."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: Money | None = PRICE
        self.now = datetime(2026, 11, 23, tzinfo=UTC)

    async def read_price(self, price_id: str) -> Money:
        """Count, give way to others once, and answer."""
        self.asked += 1
        await asyncio.sleep(0)
        if self.answer is None:
            raise PaymentUnreachable('silent')
        return self.answer

    def catalog(self) -> Catalog:
        """A catalog that reads from here."""
        return Catalog(
            [Offer('s', 'Session', 60, 1, 'price_1')], read_price=self.read_price, clock=lambda: self.now
        )


async def test_a_price_is_read_once_however_many_ask() -> None:
    """Twenty pages at once cost one question, and the answer is kept."""
    source = PriceSource()
    catalog = source.catalog()
    offers = await asyncio.gather(*(catalog.get_for_page() for _ in range(20)))
    assert {offer.price for offer in offers} == {PRICE}
    assert await catalog.price() == PRICE
    assert source.asked == 1


async def test_an_old_price_is_shown_while_a_new_one_is_fetched() -> None:
    """After a few minutes a page still opens at once, and the next one has the new price."""
    source = PriceSource()
    catalog = source.catalog()
    await catalog.get_for_page()
    source.now += FRESH + timedelta(seconds=1)
    source.answer = Money(17500, 'usd')
    assert (await catalog.get_for_page()).price == PRICE
    assert await catalog.price() == Money(17500, 'usd')
    assert source.asked == 2


async def test_a_silent_service_leaves_the_page_without_a_price() -> None:
    """Nobody waits again until a few seconds have passed; then it is asked anew."""
    source = PriceSource()
    source.answer = None
    catalog = source.catalog()
    assert (await catalog.get_for_page()).price is None
    assert (await catalog.get_for_page()).price is None
    assert source.asked == 1
    source.answer = PRICE
    source.now += RETRY
    assert (await catalog.get_for_page()).price == PRICE


async def test_a_forgotten_price_is_read_before_anything_is_shown() -> None:
    """Once Stripe was seen to charge another price, no page shows the old one."""
    source = PriceSource()
    catalog = source.catalog()
    await catalog.get_for_page()
    source.answer = Money(17500, 'usd')
    catalog.forget_price()
    assert (await catalog.get_for_page()).price == Money(17500, 'usd')


async def test_paying_wants_a_price_that_is_true_now() -> None:
    """Where a page is content without a price, the source is not."""
    source = PriceSource()
    source.answer = None
    with pytest.raises(PaymentUnreachable):
        await source.catalog().price()


async def test_a_stale_price_is_not_charged_when_it_cannot_be_read_again() -> None:
    """An old price that nobody confirms is shown at most, never charged."""
    source = PriceSource()
    catalog = source.catalog()
    await catalog.get_for_page()
    source.now += FRESH + timedelta(seconds=1)
    source.answer = None
    with pytest.raises(PaymentUnreachable):
        await catalog.price()
