"""Money going back: refunds, and disputes with their end."""

from services.sandbox.forms import Nested
from services.sandbox.problems import Json, StripeProblem, missing
from services.sandbox.state import SandboxState
from services.sandbox.stripe import events, payment_views


def charge_of(state: SandboxState, params: Nested) -> Json:
    """The charge a refund is for, named by itself or by its intent."""
    intent_id, charge_id = params.get('payment_intent'), params.get('charge')
    if not (intent_id or charge_id):
        words = 'One of the following params should be provided for this request: payment_intent or charge.'
        raise StripeProblem(words, code='parameter_missing')
    if intent_id:
        intent = state.tables['payment_intent'].get(intent_id)
        if intent is None:
            raise missing('payment_intent', intent_id, 'payment_intent')
        if intent['status'] != 'succeeded':
            raise StripeProblem(
                f'This PaymentIntent ({intent_id}) does not have a successful charge to refund.'
            )
        charge_id = intent['latest_charge']
    charge = state.tables['charge'].get(str(charge_id))
    if charge is None:
        raise missing('charge', str(charge_id), 'charge')
    return charge


def refund(state: SandboxState, params: Nested) -> Json:
    """Refund all that is left of a charge, or a part of it."""
    charge = charge_of(state, params)
    left = charge['amount'] - charge['amount_refunded']
    amount = params.get('amount', left)
    _check(charge, amount, left)
    made = payment_views.refund(state, charge, amount, params.get('reason'), params.get('metadata', {}))
    state.add(state.session_by(charge['payment_intent']), made)
    charge['amount_refunded'] += amount
    charge['refunded'] = charge['amount_refunded'] == charge['amount']
    events.record(state, 'refund.created', made)
    events.record(state, 'charge.refunded', charge)
    return made


def _check(charge: Json, amount: int, left: int) -> None:
    key = charge['id']
    if charge['disputed']:
        words = f'Charge {key} has been charged back; cannot issue a refund.'
        raise StripeProblem(words, code='charge_disputed')
    if charge['status'] != 'succeeded':
        raise StripeProblem(f'Charge {key} has not succeeded; cannot issue a refund.')
    if left == 0:
        raise StripeProblem(f'Charge {key} has already been refunded.', code='charge_already_refunded')
    if amount < 1:
        raise StripeProblem('This value must be greater than or equal to 1.', param='amount')
    if amount > left:
        words = f'Refund amount ({amount}) is greater than unrefunded amount on charge ({left})'
        raise StripeProblem(words, param='amount')


def fail_refund(state: SandboxState, made: Json) -> Json:
    """A refund comes back from the bank: its money is ours again."""
    if made['status'] == 'failed':
        raise ValueError('this refund has failed already')
    made |= {'status': 'failed', 'failure_reason': 'expired_or_canceled_card'}
    charge = state.tables['charge'][made['charge']]
    charge['amount_refunded'] -= made['amount']
    charge['refunded'] = False
    events.record(state, 'refund.updated', made)
    events.record(state, 'refund.failed', made)
    return made


def open_dispute(state: SandboxState, charge: Json, reason: str) -> Json:
    """The cardholder's bank takes the money back for now."""
    if charge['disputed']:
        raise ValueError('this charge is disputed already')
    made = payment_views.dispute(state, charge, reason)
    state.add(state.session_by(charge['payment_intent']), made)
    charge['disputed'] = True
    events.record(state, 'charge.dispute.created', made)
    events.record(state, 'charge.dispute.funds_withdrawn', made)
    return made


def close_dispute(state: SandboxState, made: Json, status: str) -> Json:
    """A dispute ends `won` or `lost`."""
    if made['status'] in ('won', 'lost'):
        raise ValueError('this dispute is closed already')
    made['status'] = status
    if status == 'won':
        events.record(state, 'charge.dispute.funds_reinstated', made)
    events.record(state, 'charge.dispute.closed', made)
    return made
