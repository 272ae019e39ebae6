"""Stripe's objects in our terms; no vendor type passes this page."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.errors import PaymentsUnavailable
from services.money import Money
from services.orders import Facts, PaymentSession, plain_text

FAILED_INTENT = ('requires_payment_method', 'canceled')


def price_from(data: Mapping[str, Any]) -> Money:
    """Translate a price (docs.stripe.com/api/prices/object).

    Raises:
        PaymentsUnavailable: it is inactive, recurring or has no whole fixed amount.
    """
    amount = data.get('unit_amount')
    complaints = {
        'is not active': data.get('active') is False,
        'is recurring, not one-time': data.get('type') == 'recurring',
        'has no fixed amount': not isinstance(amount, int),
    }
    for complaint, wrong in complaints.items():
        if wrong:
            raise PaymentsUnavailable(f'the price {data.get("id")} {complaint}')
    return Money(int(amount or 0), str(data['currency']).lower())


def session_from(data: Mapping[str, Any]) -> PaymentSession:
    """Translate a checkout session (docs.stripe.com/api/checkout/sessions/object)."""
    return PaymentSession(
        id=data['id'],
        url=data.get('url'),
        mode=data.get('mode') or 'payment',
        livemode=bool(data.get('livemode')),
        created_at=datetime.fromtimestamp(data.get('created') or 0, UTC),
        facts=_facts_from(data),
        metadata=data.get('metadata') or {},
    )


def _facts_from(data: Mapping[str, Any]) -> Facts:
    details = data.get('total_details') or {}
    customer = data.get('customer_details') or {}
    intent = data.get('payment_intent')
    payment = intent if isinstance(intent, Mapping) else {'id': intent}
    charge = payment.get('latest_charge')
    charge = charge if isinstance(charge, Mapping) else {}
    dispute = _worst(charge.get('disputes') or [])
    return Facts(
        session_status=data.get('status') or '',
        payment_status=data.get('payment_status') or '',
        amount_subtotal=data.get('amount_subtotal'),
        amount_total=data.get('amount_total'),
        amount_discount=details.get('amount_discount') or 0,
        amount_tax=details.get('amount_tax') or 0,
        seen_currency=(data.get('currency') or '').lower(),
        payment_failed=payment.get('status') in FAILED_INTENT,
        amount_refunded=charge.get('amount_refunded') or 0,
        amount_disputed=dispute.get('amount') or 0,
        dispute_status=dispute.get('status') or '',
        payment_id=payment.get('id') or '',
        card_fingerprint=_card_of(charge).get('fingerprint') or '',
        email=plain_text(customer.get('email') or data.get('customer_email')),
        name=plain_text(customer.get('name')),
    )


def _card_of(charge: Mapping[str, Any]) -> Mapping[str, Any]:
    return (charge.get('payment_method_details') or {}).get('card') or {}


def _worst(disputes: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the dispute that decides: a lost one, else an open one, else any."""

    def weight(dispute: Mapping[str, Any]) -> int:
        return {'lost': 2, 'won': 0, 'warning_closed': 0}.get(str(dispute.get('status')), 1)

    return max(disputes, key=weight, default={})
