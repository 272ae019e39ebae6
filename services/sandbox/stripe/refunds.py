"""Refunds of a charge: whole, partial, pending and failed."""

from services.sandbox.state import SandboxState
from services.sandbox.stripe import cards, events, payment_objects
from services.sandbox.stripe.errors import StripeError, not_found
from services.sandbox.types import Json


def _get_charge(state: SandboxState, params: Json) -> Json:
    """Return the charge that the parameters name, directly or by its intent."""
    intent_id, charge_id = params.get('payment_intent'), params.get('charge')
    if not (intent_id or charge_id):
        message = 'One of the following params should be provided for this request: payment_intent or charge.'
        raise StripeError(message, code='parameter_missing')
    if intent_id:
        intent = state.tables['payment_intent'].get(intent_id)
        if intent is None:
            raise not_found('payment_intent', intent_id, 'payment_intent')
        if intent['status'] != 'succeeded':
            raise StripeError(
                f'This PaymentIntent ({intent_id}) does not have a successful charge to refund.'
            )
        charge_id = intent['latest_charge']
    charge = state.tables['charge'].get(str(charge_id))
    if charge is None:
        raise not_found('charge', str(charge_id), 'charge')
    return charge


def create_refund(state: SandboxState, params: Json) -> Json:
    """Refund the rest of a charge, or a part of it."""
    charge = _get_charge(state, params)
    remaining = charge['amount'] - charge['amount_refunded']
    amount = params.get('amount', remaining)
    _check_refundable(charge, amount, remaining)
    refund = payment_objects.refund(state, charge, amount, params.get('reason'), params.get('metadata', {}))
    becomes = cards.refund_of(charge['payment_method_details'])
    if becomes == 'pending':
        refund |= {'status': 'pending', 'pending_reason': 'processing'}
    if becomes != 'succeeded':
        due = state.now().timestamp() + state.config.refund_changes_after
        state.changing_refunds.append((due, refund['id']))
    if refund['reason'] == 'fraudulent':
        charge['fraud_details'] = {'user_report': 'fraudulent'}
    state.add(state.get_session_of_intent(charge['payment_intent']), refund)
    charge['amount_refunded'] += amount
    charge['refunded'] = charge['amount_refunded'] == charge['amount']
    events.record(state, 'refund.created', refund)
    events.record(state, 'charge.refunded', charge)
    return refund


def _check_refundable(charge: Json, amount: int, remaining: int) -> None:
    key = charge['id']
    if charge['disputed']:
        message = f'Charge {key} has been charged back; cannot issue a refund.'
        raise StripeError(message, code='charge_disputed')
    if charge['status'] != 'succeeded':
        raise StripeError(f'Charge {key} has not succeeded; cannot issue a refund.')
    if remaining == 0:
        raise StripeError(f'Charge {key} has already been refunded.', code='charge_already_refunded')
    if amount < 1:
        raise StripeError('This value must be greater than or equal to 1.', param='amount')
    if amount > remaining:
        message = f'Refund amount ({amount}) is greater than unrefunded amount on charge ({remaining})'
        raise StripeError(message, param='amount')


def change_due(state: SandboxState) -> None:
    """Let the refunds of Stripe's test cards succeed or fail that are due (https://docs.stripe.com/testing)."""
    now = state.now().timestamp()
    due = [key for time, key in state.changing_refunds if time <= now]
    state.changing_refunds = [(time, key) for time, key in state.changing_refunds if time > now]
    for refund in filter(None, map(state.tables['refund'].get, due)):
        if refund['status'] == 'pending':
            del refund['pending_reason']
            refund['status'] = 'succeeded'
            events.record(state, 'refund.updated', refund)
            events.record(state, 'charge.refund.updated', refund)
        elif refund['status'] == 'succeeded':
            fail_refund(state, refund)


def fail_refund(state: SandboxState, refund: Json, *, only_old_event: bool = False) -> Json:
    """Let a refund fail: the bank returns its amount.

    Refunds of some payment methods are reported by `charge.refund.updated` alone
    (https://docs.stripe.com/api/events/types).
    """
    if refund['status'] == 'failed':
        raise ValueError('this refund has failed already')
    refund |= {'status': 'failed', 'failure_reason': 'expired_or_canceled_card'}
    charge = state.tables['charge'][refund['charge']]
    charge['amount_refunded'] -= refund['amount']
    charge['refunded'] = False
    events.record(state, 'charge.refund.updated', refund)
    if not only_old_event:
        events.record(state, 'refund.updated', refund)
        events.record(state, 'refund.failed', refund)
    return refund
