"""Disputes: a cardholder's bank takes the money back, and the dispute ends won or lost."""

from services.sandbox.state import SandboxState
from services.sandbox.stripe import events, payment_objects
from services.sandbox.types import Json


def open_dispute(state: SandboxState, charge: Json, reason: str) -> Json:
    """Open a dispute over a charge and withdraw its amount."""
    if charge['disputed']:
        raise ValueError('this charge is disputed already')
    dispute = payment_objects.dispute(state, charge, reason)
    state.add(state.get_session_of_intent(charge['payment_intent']), dispute)
    charge['disputed'] = True
    events.record(state, 'charge.dispute.created', dispute)
    events.record(state, 'charge.dispute.funds_withdrawn', dispute)
    return dispute


def close_dispute(state: SandboxState, dispute: Json, status: str) -> Json:
    """Close a dispute as `won` or `lost`."""
    if dispute['status'] in ('won', 'lost'):
        raise ValueError('this dispute is closed already')
    dispute['status'] = status
    if status == 'won':
        events.record(state, 'charge.dispute.funds_reinstated', dispute)
    events.record(state, 'charge.dispute.closed', dispute)
    return dispute
