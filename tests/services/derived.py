"""The derived columns of orders, computed again from facts and bookings."""

from collections import Counter

from sqlalchemy import select

from services.database import schema
from services.ledger import Store
from services.ledger.mapping import order_from_row
from services.orders import BookingState


async def check_derived(store: Store) -> None:
    """Check that each order's state and number of active bookings are what follows from the facts."""
    bookings = schema.bookings.c
    active = await store.read(select(bookings.order_id).where(bookings.state == BookingState.ACTIVE))
    counts = Counter(row.order_id for row in active)
    for row in await store.read(select(schema.orders)):
        assert (row.state, row.active_bookings) == (order_from_row(row).state, counts[row.id]), row.reference
