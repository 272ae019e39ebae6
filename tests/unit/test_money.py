"""Money: exact amounts in minor units, written as people write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.money import Money

CURRENCIES = ('usd', 'eur', 'jpy', 'kwd', 'isk', 'ugx')


@pytest.mark.parametrize(
    ('money', 'text'),
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
def test_money_is_written_without_decimals_that_are_zero(money: Money, text: str) -> None:
    """A whole amount has no decimals; any other has all decimals of its currency."""
    assert str(money).replace('\xa0', '') == text


@given(amount=st.integers(0, 10**12), currency=st.sampled_from(CURRENCIES))
def test_the_amount_in_major_units_is_exact(amount: int, currency: str) -> None:
    """No amount is rounded on its way to the major unit and back."""
    money = Money(amount, currency)
    assert money.major * Decimal(10) ** money.exponent == amount
