"""What a rehearsal does at Stripe in test mode: nothing of it is an order, and all of it is closed again.

A session cannot be paid by a documented call, so the payment is one of its own, without a session.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.money import Money
from services.orders import Order, PaymentSession
from services.payments.api import StripeApi
from services.payments.errors import refusals
from services.payments.translate import session_from

SESSIONS, INTENTS, REFUNDS, EVENTS = (
    '/v1/checkout/sessions',
    '/v1/payment_intents',
    '/v1/refunds',
    '/v1/events',
)
MARK = 'paidslot_rehearsal'
"""The only metadata of what a rehearsal makes: without the metadata of an order no shop takes it for one."""
TEST_CARD = 'pm_card_visa'  # docs.stripe.com/testing
EXPIRED = 'checkout.session.expired'
LIMIT = 100  # events


@dataclass(frozen=True)
class RehearsalEvent:
    """Stripe's event about a session: its id, and whether some endpoint has not taken it yet.

    Stripe does not say which one. ``others`` are the ids of events of the same kind about other sessions.
    """

    id: str
    is_pending: bool
    others: frozenset[str]


class PaymentRehearsal:
    """The calls of a rehearsal; each has an idempotency key, so that repeating one makes nothing new."""

    def __init__(self, api: StripeApi, *, params_of: Callable[[Order], dict[str, Any]]) -> None:
        """Make it; nothing is requested yet.

        Args:
            api: sends the requests.
            params_of: returns what the session of an order is opened with.
        """
        self._api = api
        self._params_of = params_of

    async def open_session(self, order: Order) -> PaymentSession:
        """Open a session as that of an order is opened, but without anything that names an order.

        Args:
            order: one that is in no ledger.

        Raises:
            PaymentRefused: Stripe will not do it.
            ShopError: it is not known whether Stripe has done it.
        """
        mark = {MARK: order.id}
        params = self._params_of(order) | {'metadata': mark, 'client_reference_id': f'rehearsal-{order.id}'}
        params['payment_intent_data'] = {'metadata': mark, 'description': 'Rehearsal'}
        with refusals():
            answer = await self._api.post(SESSIONS, idempotency_key=f'rehearsal-{order.id}-session', **params)
        return session_from(answer)

    async def pay(self, rehearsal: str, money: Money) -> tuple[str, str]:
        """Pay an amount with a test card; returns Stripe's id of the payment, and its word for how it stands.

        Args:
            rehearsal: our id.
            money: how much.

        Raises:
            PaymentRefused: Stripe will not do it, or the key has no right to.
            ShopError: it is not known whether Stripe has done it.
        """
        with refusals():
            answer = await self._api.post(
                INTENTS,
                idempotency_key=f'rehearsal-{rehearsal}-payment',
                amount=money.amount,
                currency=money.currency,
                confirm=True,
                payment_method=TEST_CARD,
                automatic_payment_methods={'enabled': True, 'allow_redirects': 'never'},
                metadata={MARK: rehearsal},
                description='Rehearsal',
            )
        return str(answer['id']), str(answer.get('status') or '')

    async def refund(self, rehearsal: str, payment_id: str) -> str:
        """Refund such a payment; returns Stripe's word for how it stands.

        Args:
            rehearsal: our id.
            payment_id: of such a payment.

        Raises:
            PaymentRefused: Stripe will not do it, or the key has no right to.
            ShopError: it is not known whether Stripe has done it.
        """
        key = f'rehearsal-{rehearsal}-refund'
        with refusals():
            answer = await self._api.post(
                REFUNDS, idempotency_key=key, payment_intent=payment_id, metadata={MARK: rehearsal}
            )
        return str(answer.get('status') or '')

    async def find_expiry(self, session: PaymentSession, since: datetime) -> RehearsalEvent | None:
        """Find the event that tells of the end of a session; None while Stripe does not list it.

        Args:
            session: it has expired.
            since: from when on events are read, in UTC.

        Raises:
            ShopError: Stripe does not answer, or the key has no right to read events.
        """
        created = {'gte': int(since.timestamp())}
        answer = await self._api.read(EVENTS, type=EXPIRED, created=created, limit=LIMIT)
        events = {event['data']['object']['id']: event for event in answer['data']}
        found = events.get(session.id)
        if found is None:
            return None
        others = frozenset(event['id'] for about, event in events.items() if about != session.id)
        return RehearsalEvent(found['id'], bool(found.get('pending_webhooks')), others)
