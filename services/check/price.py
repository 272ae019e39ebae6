"""The price at Stripe: does it exist, and can it be charged once."""

from services.check.finding import Finding, ok, wrong
from services.errors import PaymentsUnavailable
from services.money import Money
from services.payments import Payments, is_forbidden, means_missing
from services.settings import Settings

PART = 'price'
CREATE = (
    'Stripe Dashboard > Product catalog > your product: make an active, one-time price with a fixed amount, '
    'and copy its id (price_…) into STRIPE_PRICE_ID.'
)
OTHER_MODE = 'A price of test mode does not exist for a live key, and the other way round. ' + CREATE


async def check_price(settings: Settings, payments: Payments) -> tuple[list[Finding], Money | None]:
    """Check the price; return what was found, and the price where it can be charged.

    Raises:
        ShopError: Stripe does not answer.
    """
    price_id = settings.stripe_price_id
    try:
        price = await payments.read_price(price_id)
    except PaymentsUnavailable as error:
        return [_problem(price_id, error)], None
    return [ok(PART, f'{price} ({price.currency.upper()}), one-time and active')], price


def _problem(price_id: str, error: PaymentsUnavailable) -> Finding:
    if is_forbidden(error):
        return wrong(
            PART,
            'the restricted key lacks the permission "Prices: Read" (rak_plan_read): nothing can be sold',
            'Stripe Dashboard > Developers > API keys > your key > Edit key: set "Prices: Read".',
        )
    if means_missing(error):
        return wrong(PART, f'Stripe has no price {price_id} in this account and mode', OTHER_MODE)
    return wrong(PART, str(error), CREATE)
