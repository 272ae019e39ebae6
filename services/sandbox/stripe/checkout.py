"""Checkout sessions: create, read and expire them; and the prices they sell."""

import heapq

from services.sandbox.state import SandboxState, Session, new_id
from services.sandbox.stripe import events, objects
from services.sandbox.stripe.errors import StripeError, not_found
from services.sandbox.types import Json

NO_TERMS_URL = (
    'You cannot collect consent to your terms of service unless a URL is set in the Stripe Dashboard. Update '
    'your public business information with a Terms of service URL in your Dashboard '
    'https://dashboard.stripe.com/settings/public.'
)
NO_TAX_OFFICE = (
    'You must have a valid head office address to enable automatic tax calculation in test mode. Visit '
    'https://dashboard.stripe.com/test/settings/tax to update it.'
)
MINIMUM = {'usd': 50, 'eur': 50, 'gbp': 30, 'jpy': 50}


def create_price(state: SandboxState, key: str, amount: int, currency: str, name: str) -> Json:
    """Create a price and its product; `amount` in minor units."""
    product_id = new_id('prod_', 14)
    created = 1_700_000_000
    state.products[product_id] = objects.product(product_id, name, key, created)
    state.prices[key] = objects.price(key, product_id, amount, currency, created)
    return state.prices[key]


def get_session(state: SandboxState, session_id: str) -> Session:
    """Return the session with this id.

    Raises:
        StripeError: there is none; status 404.
    """
    if session_id not in state.sessions:
        raise not_found('checkout.session', session_id, 'session')
    return state.sessions[session_id]


def create_session(state: SandboxState, params: Json) -> Session:
    """Create a session from validated parameters.

    Raises:
        StripeError: Stripe would reject the parameters.
    """
    _check_mode(params)
    price, quantity = _line_item(state, params)
    now = state.timestamp()
    expires = params.get('expires_at', now + 86400)
    _check_lifetime(expires - now)
    session = Session(new_id('cs_test_a1', 56), now, expires, params, dict(price), quantity)
    # Without it the account's default decides (docs.stripe.com/tax/checkout/automatic-tax-default).
    session.adds_tax = params.get('automatic_tax', {'enabled': state.tax.by_default})['enabled']
    _check_dashboard(state, session)
    if session.total < MINIMUM.get(session.currency, 1):
        message = "The Checkout Session's total amount must convert to at least 50 cents."
        raise StripeError(message, code='amount_too_small')
    state.sessions[session.id] = session
    heapq.heappush(state.deadlines, (float(expires), session.id))
    while len(state.sessions) > state.config.max_open + state.config.max_closed:
        state.delete_session(next(iter(state.sessions)))
    return session


def _check_mode(params: Json) -> None:
    if params['mode'] != 'payment':
        raise StripeError('The sandbox supports `payment` mode only.', param='mode')
    if params.get('ui_mode', 'hosted_page') != 'hosted_page':
        raise StripeError('The sandbox supports `hosted_page` only.', param='ui_mode')
    if 'success_url' not in params:
        raise StripeError(
            'Missing required param: success_url.', code='parameter_missing', param='success_url'
        )
    if params.get('submit_type') == 'subscribe':
        raise StripeError(
            'You can only use `submit_type=subscribe` in `subscription` mode.', param='submit_type'
        )


def _check_dashboard(state: SandboxState, session: Session) -> None:
    """Raise if the session needs what is missing in the dashboard."""
    consent = session.params.get('consent_collection', {}).get('terms_of_service')
    if consent == 'required' and not state.dashboard.terms_url:
        raise StripeError(NO_TERMS_URL, param='consent_collection[terms_of_service]')
    if session.adds_tax and not state.dashboard.tax_office:
        raise StripeError(NO_TAX_OFFICE, param='automatic_tax[enabled]')


def _check_lifetime(seconds: int) -> None:
    if seconds < 30 * 60:
        message = 'The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.'
        raise StripeError(message, param='expires_at')
    if seconds > 24 * 3600:
        message = 'The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.'
        raise StripeError(message, param='expires_at')


def _line_item(state: SandboxState, params: Json) -> tuple[Json, int]:
    items = params.get('line_items') or []
    if len(items) != 1:
        message = (
            'Missing required param: line_items.'
            if not items
            else 'The sandbox supports one line item per session.'
        )
        raise StripeError(message, code=None if items else 'parameter_missing', param='line_items')
    where = 'line_items[0][price]'
    if 'price' not in items[0]:
        raise StripeError(f'Missing required param: {where}.', code='parameter_missing', param=where)
    if items[0].get('quantity', 0) < 1:
        raise StripeError(
            'Quantity is required. Add `quantity` to `line_items[0]`', param='line_items[0][quantity]'
        )
    price = state.prices.get(items[0]['price'])
    if price is None:
        raise not_found('price', items[0]['price'], where, status=400)
    _check_price(price, params, where)
    return price, items[0]['quantity']


def _check_price(price: Json, params: Json, where: str) -> None:
    if not price['active']:
        message = 'The price specified is inactive. This field only accepts active prices.'
        raise StripeError(message, param=where)
    if price['type'] == 'recurring':
        message = (
            'You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode '
            'or use only one-time prices.'
        )
        raise StripeError(message, param='mode')
    currency = str(params.get('currency', price['currency'])).lower()
    if currency != price['currency']:
        message = (
            f"The price specified only supports `{price['currency']}`. This doesn't match the expected "
            f'currency: `{currency}`.'
        )
        raise StripeError(message, param=where)


def expire(state: SandboxState, session: Session) -> None:
    """Expire an open session."""
    if session.status != 'open':
        message = (
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f'This Checkout Session has a status of `{session.status}`.'
        )
        raise StripeError(message)
    session.status = 'expired'
    state.close_session(session)
    events.record(state, 'checkout.session.expired', objects.session(state, session))


def expire_due(state: SandboxState) -> None:
    """Expire the open sessions whose time has passed."""
    now = state.now().timestamp()
    while state.deadlines and state.deadlines[0][0] <= now:
        _, session_id = heapq.heappop(state.deadlines)
        session = state.sessions.get(session_id)
        if session is not None and session.status == 'open':
            expire(state, session)
