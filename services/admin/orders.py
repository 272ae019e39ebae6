"""The list of orders: a page of a view."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, tzinfo

from services.admin.days import day_begins
from services.admin.orders_view import ALL, OrdersView, cursor_of, position_from
from services.ledger import Ledger
from services.ledger.search import Filters, ListedOrder, Listing, Position, SortKey
from services.orders import Environment

PAGE = 50  # orders

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


class OrderList:
    """Reads pages of the list of orders."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        environment: Callable[[], Environment],
        bookings_known: Callable[[], bool],
        zone: Callable[[], tzinfo],
    ) -> None:
        """Make it.

        Args:
            ledger: where the orders are.
            environment: where the shop sells.
            bookings_known: whether the shop learns of bookings.
            zone: returns the time zone of the shop, in which days begin.
        """
        self._ledger = ledger
        self._environment = environment
        self._bookings_known = bookings_known
        self._zone = zone

    async def page(self, view: OrdersView, *, size: int = PAGE) -> OrdersPage:
        """Read the page that a view shows.

        Args:
            view: from the URL.
            size: how many orders at most.
        """
        after, before = position_from(view.after), position_from(view.before)
        listing = await self._list(view, after, before, size)
        if before and not listing.more and len(listing.rows) < size:
            # Paged back to the start: a full first page is better than the rest of one.
            after, before, view = None, None, view.changed()
            listing = await self._list(view, None, None, size)
        has_previous = listing.more if before else after is not None
        has_following = before is not None or listing.more
        first, last = (listing.rows[0], listing.rows[-1]) if listing.rows else (None, None)
        return OrdersPage(
            view=view,
            rows=listing.rows,
            previous=view.changed(before=self._cursor(first, view)) if has_previous and first else None,
            following=view.changed(after=self._cursor(last, view)) if has_following and last else None,
            cut=listing.cut,
            zone=str(self._zone()),
        )

    async def _list(
        self, view: OrdersView, after: Position | None, before: Position | None, size: int
    ) -> Listing:
        return await self._ledger.search.list_orders(
            self._filters(view),
            sort=view.sort,
            oldest_first=view.oldest_first,
            limit=size,
            after=after,
            before=before,
        )

    def _filters(self, view: OrdersView) -> Filters:
        here = self._environment()
        environment = here if view.mode in ('', here.mode) else Environment(view.mode)
        return Filters(
            text=view.text,
            state=view.state,
            booked=view.booked,
            since=day_begins(view.since, self._zone()) if view.since else None,
            until=day_begins(view.until + timedelta(days=1), self._zone()) if view.until else None,
            environment=None if view.mode == ALL else environment,
            bookings_known=self._bookings_known(),
        )

    def _cursor(self, row: ListedOrder | None, view: OrdersView) -> str:
        if row is None:
            return ''
        at = row.completed_at if view.sort is SortKey.PAID else row.created_at
        return cursor_of(Position(at or row.created_at, row.id))
