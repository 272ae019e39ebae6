"""Refunds: the operator's wish is written down first, then carried out at Stripe, once."""

import enum
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from services.admin.actions.meetings import CANCEL_REASON
from services.admin.actions.results import Result
from services.errors import OurFault, PaymentRefused, PaymentUnreachable, ShopError
from services.fulfilment import Fulfilment
from services.ledger import Effect, EffectKind, EffectState, Ledger, NewEffect
from services.money import Money
from services.orders import Cause, Order
from services.payments import Payments, Refund, was_answered

TRIES = 8


class RefundReason(enum.StrEnum):
    """Why money goes back, in Stripe's words.

    Fraudulent puts the card and the e-mail address of the customer on Stripe's block lists.
    """

    REQUESTED = 'requested_by_customer'
    DUPLICATE = 'duplicate'
    FRAUDULENT = 'fraudulent'


@dataclass(frozen=True)
class RefundWish:
    """What the operator wants refunded; stored as the details of its effect.

    ``attempt`` is the number in the idempotency key: it grows with each definite answer of Stripe that was
    no refund. ``cancel`` says whether the coming meetings are canceled once the money is on its way.
    """

    amount: int
    currency: str
    reason: str
    cancel: bool
    actor: str
    attempt: int = 1

    @property
    def money(self) -> Money:
        """How much."""
        return Money(self.amount, self.currency)

    def next_attempt(self) -> 'RefundWish':
        """Return the wish as it is tried again after a definite answer."""
        return replace(self, attempt=self.attempt + 1)


class RefundActions:
    """Takes the operator's wishes; each form is one wish, however often it is sent."""

    def __init__(self, ledger: Ledger, fulfilment: Fulfilment) -> None:
        """Make it.

        Args:
            ledger: keeps the wishes.
            fulfilment: reads at Stripe what is left of a payment.
        """
        self._ledger = ledger
        self._fulfilment = fulfilment

    async def left(self, order: Order) -> Money:
        """Return what is left of a payment: neither refunded nor lost nor about to be refunded."""
        return _left(order, await self._ledger.effects.of(order.id))

    async def request(
        self,
        order: Order,
        *,
        form: str,
        amount: Money,
        left: Money,
        reason: RefundReason,
        cancel: bool,
        blocks_customer: bool = False,
        actor: str,
    ) -> Result:
        """Write down that a payment is to be refunded, all or a part of what is left.

        Args:
            order: whose payment.
            form: the id of the form, made anew with each page: one form makes one refund.
            amount: how much.
            left: what the page said is left: if that has changed, nothing is refunded.
            reason: why.
            cancel: whether the coming meetings are canceled too.
            blocks_customer: the operator has confirmed what ``fraudulent`` does.
            actor: the person who acts.
        """
        if reason is RefundReason.FRAUDULENT and not blocks_customer:
            return Result.FRAUD_NOT_CONFIRMED
        await self._fulfilment.check(order, because=Cause.OPERATOR, actor=actor)
        for _ in range(TRIES):
            current = await self._ledger.orders.find(id=order.id)
            if current is None:
                return Result.UNKNOWN
            effects = await self._ledger.effects.of(order.id)
            if await self._ledger.effects.find(EffectKind.REFUND, form):
                return Result.REFUND_KNOWN
            if refusal := _refusal(_left(current, effects), amount, seen=left):
                return refusal
            wish = RefundWish(amount.amount, amount.currency, reason, cancel, actor)
            keeps_meetings = not cancel if amount == left else current.keeps_meetings
            moved = await self._ledger.orders.move(
                current,
                because=Cause.OPERATOR,
                actor=actor,
                line=f'refund of {amount} wanted, {reason}{"; the booking is canceled too" * cancel}',
                wants=[NewEffect(EffectKind.REFUND, form, asdict(wish))],
                keeps_meetings=keeps_meetings,
            )
            if moved:
                return Result.REFUND_BEGUN
        raise OurFault(f'{TRIES} conflicts in a row')


class RefundEffects:
    """Carries out the wishes, one at a time, and writes down what came of each."""

    def __init__(self, ledger: Ledger, payments: Payments, fulfilment: Fulfilment) -> None:
        """Make it.

        Args:
            ledger: has the wishes, and keeps their results.
            payments: refunds.
            fulfilment: reads what is true of the order afterwards.
        """
        self._ledger = ledger
        self._payments = payments
        self._fulfilment = fulfilment
        self.handlers: Mapping[EffectKind, Callable[[Effect], Awaitable[None]]] = {
            EffectKind.REFUND: self.refund
        }

    async def refund(self, effect: Effect) -> None:
        """Refund once: what an earlier try has done is looked up before anything is sent.

        Raises:
            ShopError: it is not known yet what became of it; the effect is tried again.
        """
        order = await self._ledger.orders.find(id=effect.order_id)
        assert order is not None
        wish = RefundWish(**effect.details)
        try:
            if not order.environment.same_as(self._payments.environment):
                raise PaymentRefused('the order was sold with another Stripe account or mode', reason='')
            if await self._find(order, effect) is None:
                await self._make(order, effect, wish)
        except PaymentRefused as error:
            await self._write_refusal(order, effect, wish, error)
            return
        await self._read(order, effect)  # before the wish ends: what is left of the payment is never too much
        refund = await self._find(order, effect)
        if refund is None:
            raise PaymentUnreachable('the refund was made, and Stripe does not list it yet')
        await self._write_result(effect, wish, refund)

    async def _find(self, order: Order, effect: Effect) -> Refund | None:
        attempt = RefundWish(**effect.details).attempt
        return await self._payments.refunds.find(order.facts.payment_id, effect.target, attempt=attempt)

    async def _make(self, order: Order, effect: Effect, wish: RefundWish) -> None:
        try:
            await self._payments.refunds.make(
                order.facts.payment_id,
                wish=effect.target,
                attempt=wish.attempt,
                money=wish.money,
                reason=wish.reason,
                reference=order.reference,
            )
        except ShopError as error:
            if was_answered(error):
                await self._ledger.effects.keep_details(effect, asdict(wish.next_attempt()))
            raise

    async def _read(self, order: Order, effect: Effect) -> None:
        await self._fulfilment.fulfil(order.session_id or '', because=Cause.OPERATOR, actor=effect.actor)

    async def _write_result(self, effect: Effect, wish: RefundWish, refund: Refund) -> None:
        finish = self._ledger.effects.finish
        if refund.has_failed:
            line = f'refund of {wish.money} has failed: {refund.failure or refund.status} ({refund.id})'
            details = asdict(wish.next_attempt())
            await finish(
                effect, EffectState.REFUSED, line=line, error=refund.status, details=details, alerts=True
            )
            return
        line = f'refund of {refund.money} made: {refund.status} ({refund.id})'
        cancels = CANCEL_REASON if wish.cancel else ''
        await finish(effect, EffectState.DONE, line=line, cancels_meetings=cancels)

    async def _write_refusal(
        self, order: Order, effect: Effect, wish: RefundWish, error: PaymentRefused
    ) -> None:
        """Write down that Stripe will not refund; what somebody else has refunded meanwhile needs no hand."""
        with suppress(ShopError):
            await self._read(order, effect)
        is_back = error.reason == 'charge_already_refunded'
        await self._ledger.effects.finish(
            effect,
            EffectState.DROPPED if is_back else EffectState.REFUSED,
            line=f'no refund of {wish.money}: {error}',
            error=str(error),
            details=asdict(wish.next_attempt()),
            alerts=not is_back,
        )


def _left(order: Order, effects: Iterable[Effect]) -> Money:
    """Return what is left of a payment: neither refunded nor lost nor about to be refunded."""
    facts = order.facts
    paid = (facts.amount_total or 0) if facts.payment_status == 'paid' else 0
    wanted = sum(
        int(effect.details['amount'])
        for effect in effects
        if effect.kind is EffectKind.REFUND and effect.state is EffectState.WANTED
    )
    return Money(max(0, paid - facts.amount_refunded - facts.amount_lost - wanted), order.paid.currency)


def _refusal(left: Money, amount: Money, *, seen: Money) -> Result | None:
    """Return why an amount is not refunded; None where it is."""
    if not left.amount:
        return Result.REFUND_NOTHING
    if left != seen:
        return Result.REFUND_CHANGED
    if amount.currency != left.currency or not 0 < amount.amount <= left.amount:
        return Result.REFUND_TOO_MUCH
    return None
