"""Refunds: made once for each wish of the operator, and found again by it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.money import Money
from services.payments.api import StripeApi
from services.payments.errors import refusals

REFUNDS = '/v1/refunds'
WISH, ATTEMPT = 'paidslot_refund', 'attempt'  # metadata: which wish a refund carries out, and its attempt
FAILED = ('failed', 'canceled')
LIMIT = 100  # refunds of one payment that are read; Stripe gives no more at once


@dataclass(frozen=True)
class Refund:
    """One refund as Stripe returns it; ``failure`` is why it has failed, '' while it has not."""

    id: str
    money: Money
    status: str
    failure: str = ''

    @property
    def has_failed(self) -> bool:
        """Whether the money did not arrive."""
        return self.status in FAILED


class Refunds:
    """The refunds of this account."""

    def __init__(self, api: StripeApi) -> None:
        """Make it; nothing is requested yet."""
        self._api = api

    async def find(self, payment_id: str, wish: str, *, attempt: int) -> Refund | None:
        """Return the refund of a payment that carries out a wish; None if there is none yet.

        One that has failed carries out its own attempt and no later one.

        Args:
            payment_id: Stripe's id of the payment.
            wish: our id for it.
            attempt: the present one.

        Raises:
            PaymentRefused: the key may not read refunds.
            ShopError: Stripe does not answer.
        """
        with refusals():
            answer = await self._api.read(REFUNDS, payment_intent=payment_id, limit=LIMIT)
        for item in answer['data']:
            metadata = item.get('metadata') or {}
            is_ours = metadata.get(WISH) == wish
            if is_ours and (not _from(item).has_failed or metadata.get(ATTEMPT) == str(attempt)):
                return _from(item)
        return None

    async def make(
        self, payment_id: str, *, wish: str, attempt: int, money: Money, reason: str, reference: str
    ) -> Refund:
        """Refund an amount of a payment; a second request of one attempt gives the same refund.

        Args:
            payment_id: Stripe's id of the payment.
            wish: our id for it.
            attempt: how many definite answers there were before.
            money: how much, in the currency of the payment.
            reason: Stripe's word: requested_by_customer, duplicate or fraudulent.
            reference: of the order, for people who read Stripe's Dashboard.

        Raises:
            PaymentRefused: Stripe will not do it.
            ShopError: it is not known whether Stripe has done it.
        """
        with refusals():
            answer = await self._api.post(
                REFUNDS,
                idempotency_key=f'refund-{wish}-{attempt}',
                payment_intent=payment_id,
                amount=money.amount,
                reason=reason,
                metadata={WISH: wish, ATTEMPT: str(attempt), 'order': reference},
            )
        return _from(answer)


def _from(data: Mapping[str, Any]) -> Refund:
    return Refund(
        id=data['id'],
        money=Money(int(data['amount']), str(data['currency']).lower()),
        status=data.get('status') or '',
        failure=str(data.get('failure_reason') or '') if data.get('status') in FAILED else '',
    )
