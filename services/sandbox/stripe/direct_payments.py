"""Payment intents that the API creates, and confirms at once if asked to; they belong to no session."""

from services.sandbox.state import SandboxState, Session
from services.sandbox.stripe import cards, events, payment_objects
from services.sandbox.stripe.errors import StripeError, not_found
from services.sandbox.stripe.payments import mark_declined, mark_paid
from services.sandbox.types import Json

# Names of test cards (https://docs.stripe.com/testing).
CARDS = {'pm_card_visa': '4242424242424242', 'pm_card_chargeDeclined': '4000000000000002'}
EXPIRY = '12/34'
LEAST = 50  # minor units (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts)
NEEDS_RETURN_URL = (
    'This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of '
    'these payment methods might redirect your customer off of your page, you must provide a `return_url`. '
    "If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
    '`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and '
    'Payment Intents.'
)


def create_intent(state: SandboxState, params: Json) -> Json:
    """Create a payment intent (https://docs.stripe.com/api/payment_intents/create)."""
    method, methods = params.get('payment_method'), params.get('automatic_payment_methods', {'enabled': True})
    if params['amount'] < LEAST:
        message = 'Amount must be at least $0.50 usd'
        raise StripeError(message, code='amount_too_small', param='amount')
    if method is not None and method not in CARDS:
        raise not_found('PaymentMethod', method, 'payment_method', status=400)
    if params.get('confirm') and 'return_url' not in params and methods.get('allow_redirects') != 'never':
        raise StripeError(NEEDS_RETURN_URL)
    source = _source(state, params)
    intent = state.add(source, payment_objects.intent(state, source))
    source.intent = intent['id']
    state.intents_without_session[intent['id']] = source
    intent |= {'automatic_payment_methods': {'allow_redirects': 'always'} | methods, 'payment_method': method}
    if method:
        intent['status'] = 'requires_confirmation'
    events.record(state, 'payment_intent.created', intent)
    if params.get('confirm'):
        _confirm(state, source, intent)
    return intent


def _confirm(state: SandboxState, source: Session, intent: Json) -> None:
    """Charge the card of an intent (https://docs.stripe.com/api/payment_intents/confirm)."""
    if intent['payment_method'] is None:
        message = (
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
            'update the PaymentIntent with a payment method and then confirm it again, or confirm it again '
            'directly with a payment method or ConfirmationToken.'
        )
        raise StripeError(message, code='payment_intent_unexpected_state')
    number = CARDS[intent['payment_method']]
    paid_by = cards.details('card', number, EXPIRY)
    charge = state.add(source, payment_objects.charge(state, source, paid_by, 'pending'))
    intent['latest_charge'] = charge['id']
    decline = cards.behaviour(number).decline
    if decline is None:
        mark_paid(state, intent, charge)
        return
    outcome = mark_declined(state, intent, charge, decline)
    error = intent['last_payment_error']
    more = {'charge': charge['id'], 'decline_code': error['decline_code'], 'payment_intent': dict(intent)}
    raise StripeError(outcome.message, status=402, kind='card_error', code=error['code'], **more)


def _source(state: SandboxState, params: Json) -> Session:
    """Return what the objects of the payment are made from, as those of a session's payment are."""
    return Session(
        id='', created=state.timestamp(), expires_at=0, quantity=1,
        params={'payment_intent_data': {
            name: params[name] for name in ('description', 'metadata', 'receipt_email') if name in params
        }},
        price={'currency': params['currency'].lower(), 'unit_amount': params['amount']},
    )  # fmt: skip
