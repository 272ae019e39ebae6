"""The list of orders: a page of a view."""

from dataclasses import dataclass

from services.admin.orders_view import OrdersView
from services.ledger.search import ListedOrder

SEARCHED = (
    'Searches by the whole or the beginning of an order’s reference, of the customer’s name or of an e-mail '
    'address, by a whole id of Stripe (cs_…, pi_…) and by the last four digits of a card.'
)


@dataclass(frozen=True)
class OrdersPage:
    """One page of the list of orders.

    Attributes:
        view: what it shows.
        rows: the orders.
        previous: the page before this one, None where this is the first.
        following: the page after this one, None where this is the last.
        cut: whether so many orders match the text that not all of them are listed.
        zone: the name of the time zone of the period.
    """

    view: OrdersView
    rows: tuple[ListedOrder, ...]
    previous: OrdersView | None
    following: OrdersView | None
    cut: bool = False
    zone: str = ''
