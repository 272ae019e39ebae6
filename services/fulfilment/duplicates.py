"""Duplicates: the same customer pays twice, or could."""

import logging
from datetime import datetime

from services.ledger import Ledger, PaidOrder
from services.orders import CLAIM_LIFETIME, Cause, Order, State

log = logging.getLogger(__name__)


class Duplicates:
    """Finds other orders of the customer who has just paid, and marks second payments."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def find(self, order: Order, *, now: datetime, first: bool) -> PaidOrder | None:
        """Return the earlier payment of the last 24 hours that an order repeats, if it does.

        Args:
            order: the order as it is about to be written down.
            now: the present time in UTC.
            first: whether the payment is seen for the first time.
        """
        money_came = order.facts.payment_status == 'paid' and order.facts.amount_total
        fresh = first or (order.completed_at and now - order.completed_at < CLAIM_LIFETIME)
        if order.duplicate_of or order.duplicate_decided or not money_came or not fresh:
            return None
        for other in await self._ledger.orders.find_paid_beside(order, within=CLAIM_LIFETIME):
            if _is_earlier(other, order):
                log.warning('order %s: seems paid twice, see %s', order.reference, other.reference)
                return other
        return None

    async def mark_beside(self, paid: Order, *, because: Cause) -> None:
        """Mark what ``find`` could not see: a payment written down at the same time, perhaps elsewhere.

        Args:
            paid: an order that has just been written down as paid.
            because: who caused that.
        """
        for other in await self._ledger.orders.find_paid_beside(paid, within=CLAIM_LIFETIME):
            if not _is_earlier(other, paid):
                await self._mark(other, paid.reference, because)
            elif not paid.duplicate_of:
                await self._mark(paid, other.reference, because)

    async def is_superseded(self, order: Order) -> bool:
        """Whether the browser of an open order has completed another one since it was opened."""
        if order.state is not State.OPEN or not order.browser_hash:
            return False
        others = await self._ledger.orders.completed_by(order.browser_hash, since=order.created_at)
        return any(
            other.purchase.offer == order.purchase.offer and other.state is not State.FAILED
            for other in others
        )

    async def _mark(self, later: Order | PaidOrder, earlier: str, because: Cause) -> None:
        """Mark a payment as a repetition of the order with this reference, unless that is decided already."""
        line = f'seems paid twice: see {earlier}'
        while not later.duplicate_of:
            order = await self._ledger.orders.find(id=later.id)
            if order is None or order.duplicate_decided:
                return
            if not order.duplicate_of and await self._ledger.orders.move(
                order, because=because, line=line, duplicate_of=earlier
            ):
                log.warning('order %s: %s', order.reference, line)
                return
            later = order


def _is_earlier(other: PaidOrder, order: Order) -> bool:
    """Whether another payment came first; of two at once the ids decide."""
    return (other.completed_at, other.id) < (order.completed_at or order.created_at, order.id)
