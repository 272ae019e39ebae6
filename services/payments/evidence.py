"""Evidence for a dispute: written into it as a draft, which the operator submits in Stripe's Dashboard."""

from collections.abc import Mapping

from services.payments.api import StripeApi
from services.payments.disputes import LOST, WON
from services.payments.errors import refusals

DISPUTES = '/v1/disputes'
LONGEST_FIELD, LONGEST_EVIDENCE = 20_000, 150_000  # characters, of one text and of all together
LONGEST_SHORT_FIELD = 5_000
SHORT_FIELDS = frozenset({'customer_email_address', 'customer_name', 'service_date'})  # of those we send
WAITS = ('needs_response', 'warning_needs_response')


class DisputeEvidence:
    """The evidence of the disputes of this account."""

    def __init__(self, api: StripeApi) -> None:
        """Make it; nothing is requested yet."""
        self._api = api

    async def find_dispute(self, payment_id: str) -> str | None:
        """Return Stripe's id of the dispute of a payment that can be answered; None where there is none.

        Raises:
            PaymentRefused: the key may not read disputes.
            ShopError: Stripe does not answer.
        """
        with refusals():
            answer = await self._api.read(DISPUTES, payment_intent=payment_id, limit=100)
        found = [item for item in answer['data'] if item.get('status') not in LOST | WON]
        waiting = [item for item in found if item.get('status') in WAITS]
        return str((waiting or found)[0]['id']) if found else None

    async def draft(self, dispute_id: str, fields: Mapping[str, str], *, key: str) -> None:
        """Write evidence into a dispute without submitting it; what was drafted before is replaced.

        Args:
            dispute_id: Stripe's id of the dispute.
            fields: the texts by Stripe's names for them.
            key: the same for a repetition of one request.

        Raises:
            PaymentRefused: Stripe will not take it.
            ShopError: it is not known whether Stripe has taken it.
        """
        with refusals():
            await self._api.post(
                f'{DISPUTES}/{dispute_id}',
                idempotency_key=f'evidence-{key}',
                evidence=dict(fields),
                submit=False,
            )


def longest_field(name: str) -> int:
    """Return how many characters Stripe takes in a field of the evidence."""
    return LONGEST_SHORT_FIELD if name in SHORT_FIELDS else LONGEST_FIELD
