"""The played Stripe endpoints: address, right, parameters and what they do."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.sandbox.forms import Nested
from services.sandbox.problems import Json, missing
from services.sandbox.state import Event, SandboxState, Session
from services.sandbox.stripe import checkout, events, refunds, views
from services.sandbox.stripe import parameters as shapes
from services.sandbox.stripe.listing import in_time, listed
from services.sandbox.stripe.shapes import text

Work = Callable[[SandboxState, str, Nested], Json]


@dataclass(frozen=True)
class Endpoint:
    """One endpoint; `{}` in the path is an id. `right` is what a restricted key needs."""

    method: str
    path: str
    right: str
    work: Work
    params: shapes.Shapes
    required: tuple[str, ...] = ()

    def match(self, method: str, path: str) -> str | None:
        """The id in the path ('' where it has none), or None if this is another endpoint."""
        found = re.fullmatch(self.path.replace('{}', '([^/]+)'), path)
        if found is None or method != self.method:
            return None
        return found.group(1) if found.groups() else ''


def _account(state: SandboxState, _: str, __: Nested) -> Json:
    return views.account(state)


def _create(state: SandboxState, _: str, params: Nested) -> Json:
    return views.session(state, checkout.open_session(state, params))


def _read(state: SandboxState, key: str, _: Nested) -> Json:
    return views.session(state, checkout.find(state, key))


def _expire(state: SandboxState, key: str, _: Nested) -> Json:
    session = checkout.find(state, key)
    checkout.expire(state, session)
    return views.session(state, session)


def _lines(state: SandboxState, key: str, _: Nested) -> Json:
    return views.line_items(state, checkout.find(state, key))


def _sessions(state: SandboxState, _: str, params: Nested) -> Json:
    def fits(item: Session) -> bool:
        mail = params.get('customer_details', {}).get('email')
        return (
            in_time(item.created, params.get('created'))
            and params.get('status') in (None, item.status)
            and params.get('payment_intent') in (None, item.intent)
            and (mail is None or (item.payer or {}).get('email') == mail)
        )

    found = [{'id': item.id} for item in reversed(state.sessions.values()) if fits(item)]
    return listed(
        found, params, '/v1/checkout/sessions', 'checkout.session',
        lambda item: views.session(state, state.sessions[item['id']]),
    )  # fmt: skip


def _events(state: SandboxState, _: str, params: Nested) -> Json:
    types = params.get('types') or ([params['type']] if 'type' in params else None)
    wanted = params.get('delivery_success')

    def fits(item: Event) -> bool:
        return (
            in_time(item.created, params.get('created'))
            and (types is None or item.type in types)
            and (wanted is None or wanted == events.delivered(item))
        )

    found = [{'id': item.id} for item in reversed(state.events.values()) if fits(item)]
    return listed(
        found, params, '/v1/events', 'event', lambda item: events.view(state, state.events[item['id']])
    )


def _event(state: SandboxState, key: str, _: Nested) -> Json:
    if key not in state.events:
        raise missing('event', key, 'id')
    return events.view(state, state.events[key])


def _prices(state: SandboxState, _: str, params: Nested) -> Json:
    names = ('active', 'product', 'type', 'currency')
    found = [
        item for item in reversed(state.prices.values())
        if in_time(item['created'], params.get('created'))
        and all(params[name] == item[name] for name in names if name in params)
    ]  # fmt: skip
    return listed(found, params, '/v1/prices', 'price')


def _shelf(name: str, kind: str) -> Work:
    def work(state: SandboxState, key: str, _: Nested) -> Json:
        shelf: dict[str, Any] = getattr(state, name)
        if key not in shelf:
            raise missing(kind, key, kind)
        return dict(shelf[key])

    return work


def _one(kind: str) -> Work:
    def work(state: SandboxState, key: str, _: Nested) -> Json:
        if key not in state.tables[kind]:
            raise missing(kind, key, {'payment_intent': 'intent'}.get(kind, kind))
        return dict(state.tables[kind][key])

    return work


def _many(kind: str, url: str) -> Work:
    def work(state: SandboxState, _: str, params: Nested) -> Json:
        names = ('charge', 'payment_intent')
        found = [
            item for item in reversed(state.tables[kind].values())
            if in_time(item['created'], params.get('created'))
            and all(params[name] == item[name] for name in names if name in params)
        ]  # fmt: skip
        return listed(found, params, url, kind)

    return work


def _refund(state: SandboxState, _: str, params: Nested) -> Json:
    return dict(refunds.refund(state, params))


INTENTS, CHARGES, REFUNDS, DISPUTES = '/v1/payment_intents', '/v1/charges', '/v1/refunds', '/v1/disputes'
SESSIONS = '/v1/checkout/sessions'
LINES = {name: shape for name, shape in shapes.PAGE.items() if name != 'created'}
BY_INTENT = shapes.PAGE | {'payment_intent': text()}

ENDPOINTS = (
    Endpoint('GET', '/v1/account', 'account_read', _account, shapes.EXPAND),
    Endpoint('GET', '/v1/prices', 'plan_read', _prices, shapes.PRICE_LIST),
    Endpoint('GET', '/v1/prices/{}', 'plan_read', _shelf('prices', 'price'), shapes.EXPAND),
    Endpoint('GET', '/v1/products/{}', 'product_read', _shelf('products', 'product'), shapes.EXPAND),
    Endpoint(
        'POST', SESSIONS, 'checkout_session_write', _create, shapes.SESSION_CREATE, ('mode', 'line_items')
    ),
    Endpoint('GET', SESSIONS, 'checkout_session_read', _sessions, shapes.SESSION_LIST),
    Endpoint('GET', SESSIONS + '/{}', 'checkout_session_read', _read, shapes.EXPAND),
    Endpoint('POST', SESSIONS + '/{}/expire', 'checkout_session_write', _expire, shapes.EXPAND),
    Endpoint('GET', SESSIONS + '/{}/line_items', 'checkout_session_read', _lines, LINES),
    Endpoint('GET', INTENTS, 'payment_intent_read', _many('payment_intent', INTENTS), shapes.PAGE),
    Endpoint('GET', INTENTS + '/{}', 'payment_intent_read', _one('payment_intent'), shapes.EXPAND),
    Endpoint('GET', CHARGES, 'charge_read', _many('charge', CHARGES), BY_INTENT),
    Endpoint('GET', CHARGES + '/{}', 'charge_read', _one('charge'), shapes.EXPAND),
    Endpoint('POST', REFUNDS, 'refund_write', _refund, shapes.REFUND_CREATE),
    Endpoint('GET', REFUNDS, 'refund_read', _many('refund', REFUNDS), shapes.OF_PAYMENT),
    Endpoint('GET', REFUNDS + '/{}', 'refund_read', _one('refund'), shapes.EXPAND),
    Endpoint('GET', DISPUTES, 'dispute_read', _many('dispute', DISPUTES), shapes.OF_PAYMENT),
    Endpoint('GET', DISPUTES + '/{}', 'dispute_read', _one('dispute'), shapes.EXPAND),
    Endpoint('GET', '/v1/events', 'event_read', _events, shapes.EVENT_LIST),
    Endpoint('GET', '/v1/events/{}', 'event_read', _event, shapes.EXPAND),
)
