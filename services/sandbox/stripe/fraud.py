"""Fraud signals: reviews by the shop's own rules, and early fraud warnings from card issuers."""

from services.sandbox.state import SandboxState, new_id
from services.sandbox.stripe import events
from services.sandbox.types import Json


def open_review(state: SandboxState, charge: Json) -> Json:
    """Put a payment under review (https://docs.stripe.com/api/radar/reviews/object)."""
    review = {
        'id': new_id('prv_1'), 'object': 'review', 'billing_zip': None, 'charge': charge['id'],
        'closed_reason': None, 'created': state.timestamp(), 'ip_address': None, 'ip_address_location': None,
        'livemode': False, 'open': True, 'opened_reason': 'rule', 'payment_intent': charge['payment_intent'],
        'reason': 'rule', 'session': None,
    }  # fmt: skip
    state.add(state.get_session_of_intent(charge['payment_intent']), review)
    charge['review'] = state.tables['payment_intent'][charge['payment_intent']]['review'] = review['id']
    charge['outcome'] |= {'type': 'manual_review', 'risk_level': 'elevated', 'reason': 'elevated_risk_level'}
    events.record(state, 'review.opened', review)
    return review


def close_review(state: SandboxState, review: Json, reason: str) -> Json:
    """Close a review; `reason` is such as `approved`, `refunded` or `refunded_as_fraud`."""
    if not review['open']:
        raise ValueError('this review is closed already')
    review |= {'open': False, 'reason': reason, 'closed_reason': reason}
    charge = state.tables['charge'][review['charge']]
    charge['review'] = state.tables['payment_intent'][charge['payment_intent']]['review'] = None
    events.record(state, 'review.closed', review)
    return review


def warn(state: SandboxState, charge: Json) -> Json:
    """Report fraud by the card issuer (https://docs.stripe.com/api/radar/early_fraud_warnings/object)."""
    warning = {
        'id': new_id('issfr_1'), 'object': 'radar.early_fraud_warning', 'actionable': True,
        'charge': charge['id'], 'created': state.timestamp(), 'fraud_type': 'unauthorized_use_of_card',
        'livemode': False, 'payment_intent': charge['payment_intent'],
    }  # fmt: skip
    state.add(state.get_session_of_intent(charge['payment_intent']), warning)
    events.record(state, 'radar.early_fraud_warning.created', warning)
    return warning
