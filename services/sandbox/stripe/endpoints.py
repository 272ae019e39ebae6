"""The endpoints of Stripe's API: path, permission, parameters and handler."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from services.sandbox.state import Event, SandboxState, Session
from services.sandbox.stripe import (
    checkout,
    direct_payments,
    disputes,
    event_destinations,
    events,
    objects,
    parameters,
    prices,
    refunds,
    webhook_endpoints,
)
from services.sandbox.stripe.errors import StripeError, not_found
from services.sandbox.stripe.listing import list_page, matches_time
from services.sandbox.stripe.validators import text
from services.sandbox.types import Json

MAX_TYPES = 20  # in one request for events (https://docs.stripe.com/api/events/list)
Handler = Callable[[SandboxState, str, Json], Json]


@dataclass(frozen=True)
class Endpoint:
    """One endpoint; `{}` in the path is an id, `permission` is what a restricted key needs."""

    method: str
    path: str
    permission: str
    handler: Handler
    params: parameters.Validators
    required: tuple[str, ...] = ()

    def match(self, method: str, path: str) -> str | None:
        """Return the id in the path, an empty string without one, or None for another endpoint."""
        found = re.fullmatch(self.path.replace('{}', '([^/]+)'), path)
        if found is None or method != self.method:
            return None
        return found.group(1) if found.groups() else ''


def _account(state: SandboxState, _: str, __: Json) -> Json:
    return objects.account(state)


def _create(state: SandboxState, _: str, params: Json) -> Json:
    return objects.session(state, checkout.create_session(state, params))


def _read(state: SandboxState, key: str, _: Json) -> Json:
    return objects.session(state, checkout.get_session(state, key))


def _expire(state: SandboxState, key: str, _: Json) -> Json:
    session = checkout.get_session(state, key)
    checkout.expire(state, session)
    return objects.session(state, session)


def _lines(state: SandboxState, key: str, _: Json) -> Json:
    return objects.line_items(state, checkout.get_session(state, key))


def _sessions(state: SandboxState, _: str, params: Json) -> Json:
    def matches(item: Session) -> bool:
        mail = params.get('customer_details', {}).get('email')
        return (
            matches_time(item.created, params.get('created'))
            and params.get('status') in (None, item.status)
            and params.get('payment_intent') in (None, item.intent)
            and (mail is None or (item.payer or {}).get('email') == mail)
        )

    found = [{'id': item.id} for item in reversed(state.sessions.values()) if matches(item)]
    return list_page(
        found, params, '/v1/checkout/sessions', 'checkout.session',
        lambda item: objects.session(state, state.sessions[item['id']]),
    )  # fmt: skip


def _events(state: SandboxState, _: str, params: Json) -> Json:
    types = params.get('types') or ([params['type']] if 'type' in params else None)
    delivered = params.get('delivery_success')
    if len(types or ()) > MAX_TYPES:
        raise StripeError(f'Invalid array: at most {MAX_TYPES} types.', param='types')

    def matches(item: Event) -> bool:
        return (
            matches_time(item.created, params.get('created'))
            and (types is None or item.type in types)
            and (delivered is None or delivered == events.delivered(item))
        )

    found = [{'id': item.id} for item in reversed(state.events.values()) if matches(item)]
    return list_page(
        found, params, '/v1/events', 'event', lambda item: events.view(state, state.events[item['id']])
    )


def _event(state: SandboxState, key: str, _: Json) -> Json:
    if key not in state.events:
        raise not_found('event', key, 'id')
    return events.view(state, state.events[key])


def _read_one(kind: str) -> Handler:
    def handler(state: SandboxState, key: str, _: Json) -> Json:
        if key not in state.tables[kind]:
            raise not_found(kind, key, {'payment_intent': 'intent'}.get(kind, kind))
        return dict(state.tables[kind][key])

    return handler


def _list(kind: str, url: str) -> Handler:
    def handler(state: SandboxState, _: str, params: Json) -> Json:
        names = ('charge', 'payment_intent')
        found = [
            item for item in reversed(state.tables[kind].values())
            if matches_time(item['created'], params.get('created'))
            and all(params[name] == item[name] for name in names if name in params)
        ]  # fmt: skip
        return list_page(found, params, url, kind)

    return handler


def _create_intent(state: SandboxState, _: str, params: Json) -> Json:
    return dict(direct_payments.create_intent(state, params))


def _refund(state: SandboxState, _: str, params: Json) -> Json:
    return dict(refunds.create_refund(state, params))


def _dispute(state: SandboxState, key: str, params: Json) -> Json:
    if key not in state.tables['dispute']:
        raise not_found('dispute', key, 'dispute')
    return dict(disputes.update_dispute(state, state.tables['dispute'][key], params))


INTENTS, CHARGES, REFUNDS, DISPUTES = '/v1/payment_intents', '/v1/charges', '/v1/refunds', '/v1/disputes'
SESSIONS, REVIEWS, INVOICES = '/v1/checkout/sessions', '/v1/reviews', '/v1/invoices'
WEBHOOKS = '/v1/webhook_endpoints'
WARNING, WARNINGS = 'radar.early_fraud_warning', '/v1/radar/early_fraud_warnings'
LINES = ENDPOINT_LIST = {name: each for name, each in parameters.PAGE.items() if name != 'created'}
BY_INTENT = parameters.PAGE | {'payment_intent': text()}

ENDPOINTS = (
    Endpoint('GET', '/v1/account', 'connected_account_read', _account, parameters.EXPAND),
    Endpoint('GET', '/v1/prices', 'plan_read', prices.list_prices, parameters.PRICE_LIST),
    Endpoint('POST', '/v1/prices', 'plan_write', prices.create_price, parameters.PRICE_CREATE, ('currency',)),
    Endpoint('GET', '/v1/prices/{}', 'plan_read', prices.read_price, parameters.EXPAND),
    Endpoint('GET', '/v1/products', 'product_read', prices.list_products, parameters.PRODUCT_LIST),
    Endpoint(
        'POST', '/v1/products', 'product_write', prices.create_product, parameters.PRODUCT_CREATE, ('name',)
    ),
    Endpoint('GET', '/v1/products/{}', 'product_read', prices.read_product, parameters.EXPAND),
    Endpoint('GET', WEBHOOKS, 'webhook_read', _list('webhook_endpoint', WEBHOOKS), ENDPOINT_LIST),
    Endpoint(
        'POST',
        WEBHOOKS,
        'webhook_write',
        webhook_endpoints.create,
        parameters.ENDPOINT_CREATE,
        ('enabled_events', 'url'),
    ),
    Endpoint('GET', WEBHOOKS + '/{}', 'webhook_read', _read_one('webhook_endpoint'), parameters.EXPAND),
    Endpoint('POST', WEBHOOKS + '/{}', 'webhook_write', webhook_endpoints.update, parameters.ENDPOINT_UPDATE),
    Endpoint('DELETE', WEBHOOKS + '/{}', 'webhook_write', webhook_endpoints.delete, {}),
    Endpoint(
        'POST', SESSIONS, 'checkout_session_write', _create, parameters.SESSION_CREATE, ('mode', 'line_items')
    ),
    Endpoint('GET', SESSIONS, 'checkout_session_read', _sessions, parameters.SESSION_LIST),
    Endpoint('GET', SESSIONS + '/{}', 'checkout_session_read', _read, parameters.EXPAND),
    Endpoint('POST', SESSIONS + '/{}/expire', 'checkout_session_write', _expire, parameters.EXPAND),
    Endpoint('GET', SESSIONS + '/{}/line_items', 'checkout_session_read', _lines, LINES),
    Endpoint(
        'POST',
        INTENTS,
        'payment_intent_write',
        _create_intent,
        parameters.INTENT_CREATE,
        ('amount', 'currency'),
    ),
    Endpoint('GET', INTENTS, 'payment_intent_read', _list('payment_intent', INTENTS), parameters.PAGE),
    Endpoint('GET', INTENTS + '/{}', 'payment_intent_read', _read_one('payment_intent'), parameters.EXPAND),
    Endpoint('GET', CHARGES, 'charge_read', _list('charge', CHARGES), BY_INTENT),
    Endpoint('GET', CHARGES + '/{}', 'charge_read', _read_one('charge'), parameters.EXPAND),
    Endpoint('POST', REFUNDS, 'charge_write', _refund, parameters.REFUND_CREATE),
    Endpoint('GET', REFUNDS, 'charge_read', _list('refund', REFUNDS), parameters.OF_PAYMENT),
    Endpoint('GET', REFUNDS + '/{}', 'charge_read', _read_one('refund'), parameters.EXPAND),
    Endpoint('GET', DISPUTES, 'dispute_read', _list('dispute', DISPUTES), parameters.OF_PAYMENT),
    Endpoint('GET', DISPUTES + '/{}', 'dispute_read', _read_one('dispute'), parameters.EXPAND),
    Endpoint('POST', DISPUTES + '/{}', 'dispute_write', _dispute, parameters.DISPUTE_UPDATE),
    Endpoint('GET', REVIEWS, 'review_read', _list('review', REVIEWS), parameters.PAGE),
    Endpoint('GET', REVIEWS + '/{}', 'review_read', _read_one('review'), parameters.EXPAND),
    Endpoint('GET', INVOICES + '/{}', 'invoice_read', _read_one('invoice'), parameters.EXPAND),
    Endpoint('GET', WARNINGS, 'charge_read', _list(WARNING, WARNINGS), parameters.OF_PAYMENT),
    Endpoint('GET', WARNINGS + '/{}', 'charge_read', _read_one(WARNING), parameters.EXPAND),
    Endpoint(
        'GET',
        '/v2/core/event_destinations',
        'webhook_read',
        event_destinations.listing,
        parameters.DESTINATION_LIST,
    ),
    Endpoint('GET', '/v1/events', 'event_read', _events, parameters.EVENT_LIST),
    Endpoint('GET', '/v1/events/{}', 'event_read', _event, parameters.EXPAND),
)
