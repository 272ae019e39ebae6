"""Disputes: a cardholder's bank takes money back, in whole or in part, and the dispute ends won or lost."""

from services.sandbox.state import SandboxState, new_id
from services.sandbox.stripe import events, payment_objects
from services.sandbox.stripe.errors import StripeError
from services.sandbox.types import Json

CLOSED = ('won', 'lost', 'prevented', 'warning_closed')
CAN_BE_ANSWERED = ('needs_response', 'warning_needs_response')
LONGEST_EVIDENCE = 150_000  # characters of all texts together


def open_dispute(
    state: SandboxState, charge: Json, reason: str, amount: int | None = None, *, inquiry: bool = False
) -> Json:
    """Open a dispute and withdraw its amount; an inquiry withdraws nothing."""
    amount = charge['amount'] if amount is None else amount
    if not 0 < amount <= charge['amount']:
        raise ValueError('the amount must be between 1 and the amount of the charge')
    dispute = payment_objects.dispute(state, charge, reason, amount)
    state.add(state.get_session_of_intent(charge['payment_intent']), dispute)
    if inquiry:
        dispute['status'] = 'warning_needs_response'
        dispute['payment_method_details']['card']['case_type'] = 'inquiry'
        events.record(state, 'charge.dispute.created', dispute)
        return dispute
    charge['disputed'] = True
    _move(state, dispute, -amount)
    events.record(state, 'charge.dispute.created', dispute)
    events.record(state, 'charge.dispute.funds_withdrawn', dispute)
    return dispute


def update_dispute(state: SandboxState, dispute: Json, params: Json) -> Json:
    """Stage evidence, or submit it, as is the default (https://docs.stripe.com/api/disputes/update)."""
    evidence = params.get('evidence', {})
    if evidence:
        _stage(dispute, evidence)
    if 'metadata' in params:
        dispute['metadata'] = params['metadata']
    details = dispute['evidence_details']
    if params.get('submit', True) and details['has_evidence'] and dispute['status'] in CAN_BE_ANSWERED:
        details['submission_count'] += 1
        inquiry = dispute['status'].startswith('warning')
        dispute['status'] = 'warning_under_review' if inquiry else 'under_review'
    events.record(state, 'charge.dispute.updated', dispute)
    return dispute


def _stage(dispute: Json, evidence: Json) -> None:
    if dispute['status'] not in CAN_BE_ANSWERED:
        raise StripeError('This dispute is already closed, or its evidence was submitted.', param='evidence')
    kept = dispute['evidence'] | evidence
    if sum(len(text) for text in kept.values() if isinstance(text, str)) > LONGEST_EVIDENCE:
        message = f'The combined character count of all evidence fields must be at most {LONGEST_EVIDENCE}.'
        raise StripeError(message, param='evidence')
    dispute['evidence'] = kept
    dispute['evidence_details']['has_evidence'] = True


def escalate(state: SandboxState, dispute: Json) -> None:
    """Turn an inquiry into a chargeback, which withdraws the amount."""
    state.tables['charge'][dispute['charge']]['disputed'] = True
    dispute['status'] = 'needs_response'
    dispute['payment_method_details']['card']['case_type'] = 'chargeback'
    _move(state, dispute, -dispute['amount'])
    events.record(state, 'charge.dispute.updated', dispute)
    events.record(state, 'charge.dispute.funds_withdrawn', dispute)


def close_dispute(state: SandboxState, dispute: Json, status: str) -> Json:
    """Close a dispute as `won`, `lost`, `prevented` or `warning_closed`.

    An inquiry that ends otherwise than `warning_closed` has become a chargeback before.
    """
    if dispute['status'] in CLOSED:
        raise ValueError('this dispute is closed already')
    if dispute['status'].startswith('warning') and status != 'warning_closed':
        escalate(state, dispute)
    dispute['status'] = status
    if status == 'won' and dispute['balance_transactions']:
        _move(state, dispute, dispute['amount'])
        events.record(state, 'charge.dispute.funds_reinstated', dispute)
    events.record(state, 'charge.dispute.closed', dispute)
    return dispute


def appeal(state: SandboxState, dispute: Json) -> Json:
    """Appeal a lost dispute; the money stays withdrawn."""
    if dispute['status'] != 'lost':
        raise ValueError('only a lost dispute can be appealed')
    dispute['status'] = 'appeal_under_review'
    events.record(state, 'charge.dispute.updated', dispute)
    return dispute


def _move(state: SandboxState, dispute: Json, amount: int) -> None:
    """Add a balance transaction, with Stripe's fee for a withdrawal."""
    fee = 1500 if amount < 0 else 0
    dispute['balance_transactions'].append({
        'id': new_id('txn_3'), 'object': 'balance_transaction', 'amount': amount,
        'available_on': state.timestamp(), 'balance_type': 'payments', 'created': state.timestamp(),
        'currency': dispute['currency'],
        'description': None, 'exchange_rate': None, 'fee': fee, 'fee_details': [], 'net': amount - fee,
        'reporting_category': 'dispute' if amount < 0 else 'dispute_reversal', 'source': dispute['id'],
        'status': 'available', 'type': 'adjustment',
    })  # fmt: skip
