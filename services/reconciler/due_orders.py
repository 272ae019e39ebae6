"""A reconciler task: compare the orders whose check is due with Stripe."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from services.fulfilment import Fulfilment
from services.ledger import Ledger
from services.orders import Cause, Order, State, attach_deadline
from services.payments import Payments

LIMIT = 100  # orders in a round
CONCURRENCY = 4  # requests to Stripe at once; it takes a hundred a second


class CheckDueOrders:
    """Reads the sessions of due orders, and voids orders that never got a session."""

    name = 'orders'

    def __init__(
        self,
        *,
        ledger: Ledger,
        payments: Payments,
        fulfilment: Fulfilment,
        clock: Callable[[], datetime],
        sessions_are_read: Callable[[], bool],
        is_selling: Callable[[], Awaitable[bool]],
    ) -> None:
        """Make it.

        Args:
            ledger: where orders are claimed.
            payments: knows the environment that is reconciled.
            fulfilment: reads a session and writes down what is true.
            clock: the present time in UTC.
            sessions_are_read: whether this process knows Stripe's list of sessions; until then an order of a
                restored ledger may have been paid.
            is_selling: whether open sessions may be paid; the others are closed.
        """
        self._ledger = ledger
        self._payments = payments
        self._fulfilment = fulfilment
        self._clock = clock
        self._sessions_are_read = sessions_are_read
        self._is_selling = is_selling

    async def run(self) -> bool:
        """Check the orders that are due."""
        orders = await self._ledger.orders.claim(self._payments.environment, limit=LIMIT)
        turn, is_selling = asyncio.Semaphore(CONCURRENCY), await self._is_selling()

        async def check(order: Order) -> Order | None:
            async with turn:
                return await self._check(order, is_selling=is_selling)

        results = await asyncio.gather(*map(check, orders), return_exceptions=True)
        await self._ledger.orders.checked(order for order in results if isinstance(order, Order))
        for error in results:
            if isinstance(error, BaseException):
                raise error  # the first stands for all; orders that were not checked are due again soon
        return len(orders) == LIMIT

    async def _check(self, order: Order, *, is_selling: bool) -> Order | None:
        """Return the order if it is unchanged, None if it was moved.

        While selling is stopped, an open session is closed; one that was paid already is kept as it is.
        """
        if order.session_id is None:
            await self._void(order)
            return None
        closes = order.state is State.OPEN and not is_selling
        read = self._fulfilment.close if closes else self._fulfilment.fulfil
        seen = await read(order.session_id, because=Cause.RECONCILER) or order
        await self._fulfilment.close_if_superseded(seen, because=Cause.RECONCILER)
        return order if seen.version == order.version else None

    async def _void(self, order: Order) -> None:
        """Void an order that never got a session: nobody has seen an address to pay it at."""
        now = self._clock()
        if self._sessions_are_read() and order.state is State.OPEN and now >= attach_deadline(order):
            line = 'given up: no payment session came of it'
            await self._ledger.orders.move(
                order, because=Cause.RECONCILER, line=line, voided_at=now, claim=None
            )
