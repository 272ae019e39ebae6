"""Money is counted in whole minor units and written as people write it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.money import Money

CURRENCIES = ('usd', 'eur', 'jpy', 'kwd', 'isk', 'ugx')


@pytest.mark.parametrize(
    ('money', 'written'),
    [
        (Money(15000, 'usd'), '$150'),
        (Money(14950, 'usd'), '$149.50'),
        (Money(0, 'usd'), '$0'),
        (Money(123456789, 'usd'), '$1,234,567.89'),
        (Money(15000, 'jpy'), '¥15,000'),
        (Money(15500, 'kwd'), 'KWD15.500'),
        (Money(15000, 'eur'), '€150'),
    ],
)
def test_money_is_written_with_decimals_only_where_they_say_something(money: Money, written: str) -> None:
    """A round price has no decimals, a broken one has all of its currency's."""
    assert str(money).replace('\xa0', '') == written


@given(amount=st.integers(0, 10**12), currency=st.sampled_from(CURRENCIES))
def test_the_main_unit_is_exact(amount: int, currency: str) -> None:
    """No amount is rounded on its way to the main unit and back."""
    money = Money(amount, currency)
    assert money.major * Decimal(10) ** money.exponent == amount
