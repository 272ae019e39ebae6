"""The derived columns of orders, computed again from facts and bookings."""

from collections import Counter

from sqlalchemy import select

from services.database import schema
from services.ledger import Store
from services.ledger.mapping import order_from_row
from services.orders import BookingState


async def check_derived(store: Store) -> None:
    """Check each order's state and number of active bookings, and each booking's environment."""
    bookings = await store.read(select(schema.bookings))
    counts = Counter(row.order_id for row in bookings if row.state == BookingState.ACTIVE)
    environments = {(row.order_id, row.environment) for row in bookings}
    for row in await store.read(select(schema.orders)):
        assert {mode for order_id, mode in environments if order_id == row.id} <= {row.environment}
        assert (row.state, row.active_bookings) == (order_from_row(row).state, counts[row.id]), row.reference
