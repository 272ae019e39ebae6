"""Money: exact amounts in minor units, written as people write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.money import Money, parse_amount

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


@pytest.mark.parametrize(
    ('typed', 'currency', 'amount'),
    [
        ('150', 'usd', 15000),
        (' 49.5 ', 'usd', 4950),
        ('1,250.05', 'usd', 125005),
        ('0.01', 'usd', 1),
        ('15000', 'jpy', 15000),
        ('1,500', 'krw', 1500),
        ('15.5', 'kwd', 15500),
        ('15.540', 'bhd', 15540),
        ('500', 'isk', 50000),
        ('500.00', 'ugx', 50000),
    ],
)
def test_an_amount_is_read_as_it_was_typed(typed: str, currency: str, amount: int) -> None:
    """In the decimals that Stripe counts in this currency."""
    assert parse_amount(typed, currency) == Money(amount, currency)


@pytest.mark.parametrize(
    ('typed', 'currency'),
    [
        *((typed, 'usd') for typed in ('', '0', '0.00', '-5', '+5', '5.001', '5,5', '50,00', '1,00')),
        *((typed, 'usd') for typed in ('$5', '5 usd', '1e3', '\u0665', '5.', '.5', '1.000.000', '9' * 13)),
        ('0.5', 'jpy'),
        ('15.0', 'krw'),
        ('15.545', 'kwd'),
        ('500.50', 'isk'),
        ('0.01', 'ugx'),
    ],
)
def test_what_is_no_amount_of_the_currency_is_refused(typed: str, currency: str) -> None:
    """A mistyped comma must not refund a hundred times as much."""
    with pytest.raises(ValueError, match=r'no amount|decimals|in steps'):
        parse_amount(typed, currency)


@given(amount=st.integers(1, 10**9), currency=st.sampled_from(CURRENCIES))
def test_an_amount_that_was_written_is_read_again(amount: int, currency: str) -> None:
    """Every amount that Stripe can have."""
    step = {'kwd': 10, 'isk': 100, 'ugx': 100}.get(currency, 1)
    money = Money(amount * step, currency)
    assert parse_amount(f'{money.major:,f}', currency) == money
