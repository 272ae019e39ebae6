"""Nobody pays twice: open sessions beside a paid one are closed, and a second payment is flagged."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from services.errors import ShopError, reported
from services.ledger import Ledger
from services.orders import CLAIM_LIFETIME, Order, State
from services.payments import Payments

log = logging.getLogger(__name__)


class Duplicates:
    """Looks for other orders of the customer who has just paid."""

    def __init__(
        self, *, ledger: Ledger, payments: Payments, reread: Callable[..., Awaitable[Order | None]]
    ) -> None:
        """Make it; ``reread`` reads a session at Stripe and writes down what is true of its order."""
        self._ledger = ledger
        self._payments = payments
        self._reread = reread

    async def flag(self, order: Order, *, now: datetime, first: bool) -> dict[str, str]:
        """Return the change that marks a payment which repeats another of the last 24 hours, if it does.

        Args:
            order: the order as it is about to be written down.
            now: the present time in UTC.
            first: whether the payment is seen for the first time.
        """
        money_came = order.facts.payment_status == 'paid' and order.facts.amount_total
        fresh = first or (order.completed_at and now - order.completed_at < CLAIM_LIFETIME)
        if order.duplicate_of or not money_came or not fresh:
            return {}
        for other in await self._ledger.find_paid_beside(order, within=CLAIM_LIFETIME):
            if _moment(other) < _moment(order):
                log.warning('order %s: seems paid twice, see %s', order.reference, other.reference)
                return {'duplicate_of': other.reference}
        return {}

    async def look_around(self, paid: Order, *, because: str) -> None:
        """Mark what ``flag`` could not see: a payment written down at the same moment, wherever that was.

        Args:
            paid: an order that has just been written down as paid.
            because: who caused that.
        """
        for other in await self._ledger.find_paid_beside(paid, within=CLAIM_LIFETIME):
            earlier, later = sorted((paid, other), key=_moment)
            await self._mark(later, earlier, because)

    async def _mark(self, later: Order | None, earlier: Order, because: str) -> None:
        line = f'seems paid twice: see {earlier.reference}'
        while later and not later.duplicate_of:
            moved = await self._ledger.move(later, because=because, line=line, duplicate_of=earlier.reference)
            if moved:
                log.warning('order %s: %s', moved.reference, line)
                return
            later = await self._ledger.find(id=later.id)

    async def close_siblings(self, paid: Order, *, because: str) -> None:
        """Close what else this browser could still pay for the same offer."""
        if paid.state is State.FAILED:
            return
        for sibling in await self._ledger.open_siblings(paid):
            if sibling.created_at <= (paid.completed_at or sibling.created_at):
                await self._close(sibling, because)

    async def close_if_superseded(self, order: Order, *, because: str) -> None:
        """Close an open order whose browser has completed another one since it was opened."""
        if order.state is not State.OPEN or not order.browser_hash:
            return
        other = await self._ledger.find_completed_by(order.browser_hash, since=order.created_at)
        if other and other.offer == order.offer and other.state is not State.FAILED:
            await self._close(order, because)

    async def _close(self, order: Order, because: str) -> None:
        """Close a session at Stripe; where that fails the reconciler tries again."""
        if not order.session_id:
            return
        with suppress(ShopError), reported('closing a session beside a paid one'):
            with suppress(ShopError):  # it may be closed or paid already: the reading tells
                await self._payments.expire_session(order.session_id)
            await self._reread(order.session_id, because=because)


def _moment(order: Order) -> tuple[datetime, str]:
    """What payments are ordered by; of two at once the ids decide."""
    return order.completed_at or order.created_at, order.id
