"""Forgetting a customer: what would be erased and what stands against it; then the erasing itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.errors import OurFault
from services.ledger import Ledger
from services.ledger.forgetting import Traces
from services.orders import Environment, Order
from services.orders.forgotten import obstacle
from services.payments.dashboard import dashboard_url

TRIES = 8
NO_TRACES = Traces((), (), (), (), 0)
ELSEWHERE = (
    'Stripe keeps the payment with name, e-mail address and card. How to have it redacted: '
    'https://docs.stripe.com/privacy/redaction',
    'Calendly keeps who booked: Admin center > Security > Data deletion, by e-mail address.',
    'Sent mail stays where it is: in your own mailbox and at your mail provider.',
    'Backups of the database hold what it held. After a restore, forget the customer again.',
)
"""What this shop cannot erase, and where to do it."""


@dataclass(frozen=True)
class KeptOrder:
    """An order whose customer cannot be forgotten yet, and why."""

    reference: str
    why: str


@dataclass(frozen=True)
class ForgetPlan:
    """What forgetting a customer means, before it is done, or what was done.

    Attributes:
        orders: whose customer is erased.
        kept: those that cannot be erased yet.
        erased_before: the references of those that were erased earlier.
        traces: what there is beside orders; only for an e-mail address.
        elsewhere: what this shop cannot erase, and where to do it.
    """

    orders: tuple[Order, ...] = ()
    kept: tuple[KeptOrder, ...] = ()
    erased_before: tuple[str, ...] = ()
    traces: Traces = NO_TRACES
    elsewhere: tuple[str, ...] = ()

    @property
    def erases_nothing(self) -> bool:
        """Whether there is nothing to erase now."""
        return not self.orders and not self.traces.count


class Forget:
    """Erases customers: by e-mail address, or one order by its reference."""

    def __init__(self, ledger: Ledger, *, keep_months: int, clock: Callable[[], datetime]) -> None:
        """Make it.

        Args:
            ledger: what is known of customers.
            keep_months: how long the data of a paid order are kept after its payment and its last meeting.
            clock: the present time in UTC.
        """
        self._ledger = ledger
        self._keep_months = keep_months
        self._clock = clock

    async def plan(self, who: str) -> ForgetPlan:
        """Say what would be erased.

        Args:
            who: an e-mail address, or the reference of an order.
        """
        who = who.strip()
        by_email = '@' in who
        orders = await self._ledger.forgetting.orders_of(who) if by_email else await self._order(who)
        erasable, kept, before = [], [], []
        for order in orders:
            if order.forgotten_at:
                before.append(order.reference)
                continue
            bookings = await self._ledger.bookings.of(order.id)
            why = obstacle(order, bookings, keep_months=self._keep_months, now=self._clock())
            if why:
                kept.append((order, KeptOrder(order.reference, why)))
            else:
                erasable.append(order)
        not_traces = [order.id for order in erasable] + [order.id for order, _ in kept]
        traces = NO_TRACES
        if by_email:
            traces = await self._ledger.forgetting.find_traces(who, kept=not_traces)
        return ForgetPlan(
            orders=tuple(erasable),
            kept=tuple(each for _, each in kept),
            erased_before=tuple(before),
            traces=traces,
            elsewhere=(*(_at_stripe(order) for order in erasable if _at_stripe(order)), *ELSEWHERE),
        )

    async def carry_out(self, who: str, *, actor: str) -> ForgetPlan:
        """Erase what can be erased now; doing it again changes nothing.

        Args:
            who: an e-mail address, or the reference of an order.
            actor: the person who wants it.

        Returns:
            What was done.

        Raises:
            LedgerUnavailable: the database does not work; what is erased by then stays erased.
        """
        plan = await self.plan(who)
        for order in plan.orders:
            await self._erase(order, actor)
        if plan.traces.count:
            orders = await self._ledger.forgetting.orders_of(who)  # those that are kept still have it
            kept = [order.id for order in orders]
            await self._ledger.forgetting.erase_traces(who, plan.traces, kept=kept)
        if not plan.erases_nothing:
            references = ', '.join(order.reference for order in plan.orders) or 'no order'
            line = f'a customer was forgotten: {references}'
            await self._ledger.admin_journal.add(line, actor=actor)
        return plan

    async def _order(self, reference: str) -> tuple[Order, ...]:
        order = await self._ledger.orders.find(reference=reference.upper())
        return (order,) if order else ()

    async def _erase(self, order: Order, actor: str) -> None:
        """Erase the customer of an order, unless a move meanwhile stands against it."""
        current: Order | None = order
        for _ in range(TRIES):
            if current is None or current.forgotten_at:
                return
            bookings = await self._ledger.bookings.of(order.id)
            if obstacle(current, bookings, keep_months=self._keep_months, now=self._clock()):
                return
            if await self._ledger.forgetting.erase_order(current, actor=actor):
                return
            current = await self._ledger.orders.find(id=order.id)
        raise OurFault(f'{TRIES} conflicts in a row')


def _at_stripe(order: Order) -> str:
    """Return the address of the payment in Stripe's Dashboard."""
    environment: Environment = order.environment
    return dashboard_url(order.facts.payment_id, environment.mode)
