"""Whole minor units of a currency, and how they are written for people."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel.numbers import format_currency

# Stripe counts these currencies without, or with three, decimals (docs.stripe.com/currencies).
# CLDR disagrees for a few of them (ISK, UGX), so the exponent is Stripe's and only the writing is CLDR's.
ZERO_DECIMAL = frozenset('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split())
THREE_DECIMAL = frozenset('bhd jod kwd omr tnd'.split())


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


@lru_cache(maxsize=100)
def _written(money: Money) -> str:
    whole = money.major == money.major.to_integral_value()
    pattern = '¤#,##0' if whole else '¤#,##0.' + '0' * money.exponent
    return format_currency(
        money.major, money.currency.upper(), pattern, locale='en_US', currency_digits=False
    )
