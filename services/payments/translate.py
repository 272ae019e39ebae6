"""Stripe's objects in our terms; no vendor type passes this page."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.errors import PaymentsUnavailable
from services.money import Money
from services.orders import DISPUTE_FACTS, Facts, PaymentSession, plain_text
from services.payments.disputes import disputes_of
from services.settings.urls import host_of

FAILED_INTENT = ('requires_payment_method', 'canceled')
FAILED_REFUND = ('failed', 'canceled')
OF_CHARGE = DISPUTE_FACTS | {'amount_refunded', 'card_fingerprint', 'card_last4'}
OF_CHARGE |= {'receipt_url', 'receipt_number'}
OF_PAYMENT = OF_CHARGE | {
    'payment_failed',
    'awaits_customer',
    'voucher_url',
    'voucher_expires_at',
    'under_review',
}
INSTRUCTIONS = ('hosted_voucher_url', 'hosted_instructions_url', 'hosted_verification_url')


def price_from(data: Mapping[str, Any]) -> Money:
    """Translate a price (docs.stripe.com/api/prices/object).

    Raises:
        PaymentsUnavailable: it is inactive, recurring, free or has no whole fixed amount.
    """
    amount = data.get('unit_amount')
    problems = {
        'is not active': data.get('active') is False,
        'is recurring, not one-time': data.get('type') == 'recurring',
        'has no fixed amount': not isinstance(amount, int),
        'costs nothing': amount == 0,
    }
    for problem, wrong in problems.items():
        if wrong:
            raise PaymentsUnavailable(f'the price {data.get("id")} {problem}')
    return Money(int(amount or 0), str(data['currency']).lower())


def session_from(data: Mapping[str, Any], *, hosts: frozenset[str] = frozenset()) -> PaymentSession:
    """Translate a checkout session (docs.stripe.com/api/checkout/sessions/object).

    Args:
        data: the session, with payment, charge, refunds, disputes, review and invoice as far as they were
            read; an object that could not be read has its id and ``unread``.
        hosts: further host names that customers may be sent to for payment instructions.
    """
    payment = _object(data.get('payment_intent'))
    return PaymentSession(
        id=data['id'],
        url=data.get('url'),
        mode=data.get('mode') or 'payment',
        livemode=bool(data.get('livemode')),
        created_at=datetime.fromtimestamp(data.get('created') or 0, UTC),
        facts=_facts_from(data, payment, hosts),
        metadata=data.get('metadata') or {},
        adds_tax=bool((data.get('automatic_tax') or {}).get('enabled')),
        unread=_unread(payment, _object(data.get('invoice'))),
    )


def _object(value: Any) -> Mapping[str, Any]:
    """Return an object that Stripe sent along; of one that it only named, the id."""
    return value if isinstance(value, Mapping) else {'id': value}


def _unread(payment: Mapping[str, Any], invoice: Mapping[str, Any]) -> frozenset[str]:
    """Name the facts that could not be read, because the key may not read the objects that tell them."""
    of_invoice = frozenset({'invoice_url'} if invoice.get('unread') else ())
    if payment.get('unread'):
        return OF_PAYMENT | of_invoice
    charge, review = _object(payment.get('latest_charge')), payment.get('open_review') or {}
    unread = of_invoice
    if charge.get('unread'):
        unread |= OF_CHARGE
    elif charge.get('disputed') and charge.get('disputes') is None:
        unread |= DISPUTE_FACTS
    return unread | {'under_review'} if review.get('unread') else unread


def _facts_from(data: Mapping[str, Any], payment: Mapping[str, Any], hosts: frozenset[str]) -> Facts:
    details = data.get('total_details') or {}
    customer = data.get('customer_details') or {}
    charge, review = _object(payment.get('latest_charge')), payment.get('open_review') or {}
    disputes = disputes_of(charge)
    voucher_url, voucher_expires_at = _voucher(payment.get('next_action') or {}, hosts)
    return Facts(
        session_status=data.get('status') or '',
        payment_status=data.get('payment_status') or '',
        amount_subtotal=data.get('amount_subtotal'),
        amount_total=data.get('amount_total'),
        amount_discount=details.get('amount_discount') or 0,
        amount_tax=details.get('amount_tax') or 0,
        seen_currency=(data.get('currency') or '').lower(),
        payment_failed=payment.get('status') in FAILED_INTENT,
        amount_refunded=_refunded(charge),
        amount_disputed=disputes.disputed,
        amount_lost=disputes.lost,
        dispute_status=disputes.status,
        dispute_due_at=disputes.due_at,
        open_disputes=disputes.open_ids,
        under_review=bool(review.get('open') or review.get('unread')),
        awaits_customer=payment.get('status') == 'requires_action',
        voucher_url=voucher_url,
        voucher_expires_at=voucher_expires_at,
        terms_accepted=(data.get('consent') or {}).get('terms_of_service') == 'accepted',
        payment_id=payment.get('id') or '',
        card_fingerprint=_card_of(charge).get('fingerprint') or '',
        card_last4=plain_text(_card_of(charge).get('last4'), limit=4),
        email=plain_text(customer.get('email') or data.get('customer_email')),
        name=plain_text(customer.get('name')),
        phone=plain_text(customer.get('phone'), limit=40),
        receipt_url=_stripes_url(charge.get('receipt_url'), hosts),
        receipt_number=plain_text(charge.get('receipt_number')),
        invoice_url=_stripes_url(_object(data.get('invoice')).get('hosted_invoice_url'), hosts),
    )


def _card_of(charge: Mapping[str, Any]) -> Mapping[str, Any]:
    return (charge.get('payment_method_details') or {}).get('card') or {}


def _refunded(charge: Mapping[str, Any]) -> int:
    """Return what was refunded: by the list of refunds where it was read, since one may fail later."""
    refunds = charge.get('all_refunds')
    if refunds is None:
        return int(charge.get('amount_refunded') or 0)
    return sum(
        int(refund.get('amount') or 0) for refund in refunds if refund.get('status') not in FAILED_REFUND
    )


def _voucher(next_action: Mapping[str, Any], hosts: frozenset[str]) -> tuple[str, datetime | None]:
    """Return Stripe's page with payment instructions and until when, ('', None) where there is none.

    The field lies under the name of the action's type (docs.stripe.com/api/payment_intents/object).
    """
    details = next_action.get(str(next_action.get('type'))) or {}
    url = next((details[name] for name in INSTRUCTIONS if details.get(name)), '')
    expires = details.get('expires_at') or details.get('expires_after')
    until = datetime.fromtimestamp(expires, UTC) if isinstance(expires, int) else None
    return _stripes_url(url, hosts), until


def _stripes_url(value: Any, hosts: frozenset[str]) -> str:
    """Return a URL if it leads to Stripe or to one of these hosts, '' otherwise."""
    url = str(value or '')
    host = host_of(url)
    is_stripes = url.startswith('https://') and (host == 'stripe.com' or host.endswith('.stripe.com'))
    return url if is_stripes or host in hosts else ''
