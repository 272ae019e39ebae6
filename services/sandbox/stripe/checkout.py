"""The life of a checkout session: opened, expired by hand or by the clock, read."""

import heapq

from services.sandbox.forms import Nested
from services.sandbox.problems import Json, StripeProblem, missing
from services.sandbox.state import SandboxState, Session, new_id
from services.sandbox.stripe import events, views

MINIMUM = {'usd': 50, 'eur': 50, 'gbp': 30, 'jpy': 50}


def put_price(state: SandboxState, key: str, amount: int, currency: str, name: str) -> Json:
    """Make a price and its product; `amount` in minor units."""
    product_id = new_id('prod_', 14)
    created = 1_700_000_000
    state.products[product_id] = views.product(product_id, name, key, created)
    state.prices[key] = views.price(key, product_id, amount, currency, created)
    return state.prices[key]


def find(state: SandboxState, session_id: str) -> Session:
    """The session of that id, or Stripe's 404."""
    if session_id not in state.sessions:
        raise missing('checkout.session', session_id, 'session')
    return state.sessions[session_id]


def open_session(state: SandboxState, params: Nested) -> Session:
    """Make a session from checked parameters, or refuse as Stripe would."""
    _check_mode(params)
    price, quantity = _line_item(state, params)
    now = state.timestamp()
    expires = params.get('expires_at', now + 86400)
    _check_deadline(expires - now)
    session = Session(new_id('cs_test_a1', 56), now, expires, params, dict(price), quantity)
    if session.total < MINIMUM.get(session.currency, 1):
        words = "The Checkout Session's total amount must convert to at least 50 cents."
        raise StripeProblem(words, code='amount_too_small')
    state.sessions[session.id] = session
    heapq.heappush(state.deadlines, (float(expires), session.id))
    while len(state.sessions) > state.config.keep_open + state.config.keep_settled:
        state.forget(next(iter(state.sessions)))
    return session


def _check_mode(params: Nested) -> None:
    if params['mode'] != 'payment':
        raise StripeProblem('The sandbox plays `payment` mode only.', param='mode')
    if params.get('ui_mode', 'hosted_page') != 'hosted_page':
        raise StripeProblem('The sandbox plays `hosted_page` only.', param='ui_mode')
    if 'success_url' not in params:
        raise StripeProblem(
            'Missing required param: success_url.', code='parameter_missing', param='success_url'
        )
    if params.get('submit_type') == 'subscribe':
        raise StripeProblem(
            'You can only use `submit_type=subscribe` in `subscription` mode.', param='submit_type'
        )


def _check_deadline(seconds: int) -> None:
    if seconds < 30 * 60:
        words = 'The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.'
        raise StripeProblem(words, param='expires_at')
    if seconds > 24 * 3600:
        words = 'The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.'
        raise StripeProblem(words, param='expires_at')


def _line_item(state: SandboxState, params: Nested) -> tuple[Json, int]:
    items = params.get('line_items') or []
    if len(items) != 1:
        words = (
            'Missing required param: line_items.'
            if not items
            else 'The sandbox sells one line item at a time.'
        )
        raise StripeProblem(words, code=None if items else 'parameter_missing', param='line_items')
    where = 'line_items[0][price]'
    if 'price' not in items[0]:
        raise StripeProblem(f'Missing required param: {where}.', code='parameter_missing', param=where)
    if items[0].get('quantity', 0) < 1:
        raise StripeProblem(
            'Quantity is required. Add `quantity` to `line_items[0]`', param='line_items[0][quantity]'
        )
    price = state.prices.get(items[0]['price'])
    if price is None:
        raise missing('price', items[0]['price'], where, status=400)
    _check_price(price, params, where)
    return price, items[0]['quantity']


def _check_price(price: Json, params: Nested, where: str) -> None:
    if not price['active']:
        words = 'The price specified is inactive. This field only accepts active prices.'
        raise StripeProblem(words, param=where)
    if price['type'] == 'recurring':
        words = (
            'You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode '
            'or use only one-time prices.'
        )
        raise StripeProblem(words, param='mode')
    wanted = str(params.get('currency', price['currency'])).lower()
    if wanted != price['currency']:
        words = (
            f"The price specified only supports `{price['currency']}`. This doesn't match the expected "
            f'currency: `{wanted}`.'
        )
        raise StripeProblem(words, param=where)


def expire(state: SandboxState, session: Session) -> None:
    """Close an open session, as `POST …/expire` does."""
    if session.status != 'open':
        words = (
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f'This Checkout Session has a status of `{session.status}`.'
        )
        raise StripeProblem(words)
    session.status = 'expired'
    state.settle(session)
    events.record(state, 'checkout.session.expired', views.session(state, session))


def sweep(state: SandboxState) -> None:
    """Expire what is due by the sandbox's clock."""
    now = state.now().timestamp()
    while state.deadlines and state.deadlines[0][0] <= now:
        _, session_id = heapq.heappop(state.deadlines)
        session = state.sessions.get(session_id)
        if session is not None and session.status == 'open':
            expire(state, session)
