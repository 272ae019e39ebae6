"""Whole minor units of a currency, and how they are written for people."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel.numbers import format_currency

# Stripe counts these currencies without, or with three, decimals (docs.stripe.com/currencies).
# CLDR disagrees for a few of them (ISK, UGX), so the exponent is Stripe's and only the writing is CLDR's.
ZERO_DECIMAL = frozenset('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split())
THREE_DECIMAL = frozenset('bhd jod kwd omr tnd'.split())
# Stripe counts these with two decimals that are always zero.
WHOLE_ONLY = frozenset('isk ugx'.split())
TYPED = re.compile(r'(\d{1,12}|\d{1,3}(?:,\d{3}){1,3})(?:\.(\d+))?', re.ASCII)


@dataclass(frozen=True)
class Money:
    """An amount in whole minor units (cents for usd) of a lower-case ISO currency."""

    amount: int
    currency: str

    @property
    def exponent(self) -> int:
        """How many decimals Stripe's minor unit of this currency stands for."""
        if self.currency in ZERO_DECIMAL:
            return 0
        return 3 if self.currency in THREE_DECIMAL else 2

    @property
    def major(self) -> Decimal:
        """The amount in the currency's main unit, exactly: 15000 usd is 150.00."""
        return Decimal(self.amount).scaleb(-self.exponent)

    def __str__(self) -> str:
        """Write it for people, without decimals where they are all zero: $150, $149.50, ¥15,000."""
        return _written(self)


def parse_amount(typed: str, currency: str) -> Money:
    """Return an amount that a person has typed, such as 150, 1,250.50 or 0.500; never more than is written.

    Args:
        typed: the amount in the currency's main unit, with a point before the decimals.
        currency: its lower-case ISO code.

    Raises:
        ValueError: it is no amount above zero, or Stripe has no such amount in this currency.
    """
    found = TYPED.fullmatch(typed.strip())
    if found is None:
        raise ValueError('no amount')
    whole, decimals = int(found[1].replace(',', '')), found[2] or ''
    exponent = Money(0, currency).exponent
    if len(decimals) > exponent:
        raise ValueError(f'{currency} has {exponent} decimals')
    amount = whole * 10**exponent + int(decimals.ljust(exponent, '0') or 0)
    # Of three decimals the last one must be zero (docs.stripe.com/currencies).
    step = 100 if currency in WHOLE_ONLY else 10 if currency in THREE_DECIMAL else 1
    if amount == 0 or amount % step:
        raise ValueError(f'{currency} is counted in steps of {step}')
    return Money(amount, currency)


@lru_cache(maxsize=100)
def _written(money: Money) -> str:
    whole = money.major == money.major.to_integral_value()
    pattern = '¤#,##0' if whole else '¤#,##0.' + '0' * money.exponent
    return format_currency(
        money.major, money.currency.upper(), pattern, locale='en_US', currency_digits=False
    )
