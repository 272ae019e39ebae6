"""The prices of the account at Stripe: the ones a shop can sell at are listed, and one can be made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.errors import PaymentsUnavailable
from services.money import Money
from services.orders import plain_text
from services.payments.api import StripeApi
from services.payments.errors import refusals
from services.payments.permissions import is_forbidden

PATH = '/v1/prices'
PAGES, LIMIT = 10, 100  # prices that are read; Stripe gives a hundred at once


@dataclass(frozen=True)
class ListedPrice:
    """A one-time price, and the name of its product; '' where the key may not read products."""

    id: str
    money: Money
    product: str = ''


class Prices:
    """The prices of this account and mode."""

    def __init__(self, api: StripeApi) -> None:
        """Make it; nothing is requested yet."""
        self._api = api

    async def read_all(self) -> tuple[ListedPrice, ...]:
        """Return the active one-time prices with a fixed amount, newest first.

        Raises:
            ShopError: Stripe does not answer, or the key may not read prices.
        """
        try:
            return await self._pages(expand=['data.product'])
        except PaymentsUnavailable as error:
            if not is_forbidden(error):
                raise
            return await self._pages()  # the names need a permission of their own

    async def make(self, product: str, money: Money, *, attempt: str) -> ListedPrice:
        """Make a product with one price.

        Args:
            product: its name, which customers see at Stripe.
            money: what it costs.
            attempt: our id of this attempt; a second request with it gives the same price.

        Raises:
            PaymentRefused: Stripe refuses, or the key has no right to.
            ShopError: Stripe does not answer.
        """
        with refusals():
            answer = await self._api.post(
                PATH,
                idempotency_key=f'price-{attempt}',
                currency=money.currency,
                unit_amount=money.amount,
                product_data={'name': product},
            )
        return ListedPrice(answer['id'], money, product)

    async def _pages(self, **options: Any) -> tuple[ListedPrice, ...]:
        found: list[ListedPrice] = []
        after: dict[str, str] = {}
        for _ in range(PAGES):
            page = await self._api.read_in_set_up(
                PATH, type='one_time', active=True, limit=LIMIT, **after, **options
            )
            found += [_from(each) for each in page['data'] if (each.get('unit_amount') or 0) > 0]
            if not page.get('has_more') or not page['data']:
                break
            after = {'starting_after': page['data'][-1]['id']}
        return tuple(found)


def _from(data: Mapping[str, Any]) -> ListedPrice:
    product = data.get('product')
    name = product.get('name') if isinstance(product, Mapping) else data.get('nickname')
    return ListedPrice(data['id'], Money(int(data['unit_amount']), str(data['currency'])), plain_text(name))
