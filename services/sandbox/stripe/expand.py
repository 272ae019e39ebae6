"""`expand[]`: replace ids by their objects, and add parts that a response omits by default."""

from collections.abc import Callable

from services.sandbox.state import SandboxState
from services.sandbox.stripe import objects
from services.sandbox.stripe.errors import StripeError
from services.sandbox.types import Json

Lookup = Callable[[SandboxState, str], Json | None]


def _table(kind: str) -> Lookup:
    return lambda state, key: state.tables[kind].get(key)


def _product(state: SandboxState, key: str) -> Json | None:
    return state.products.get(key)


def _price(state: SandboxState, key: str) -> Json | None:
    return state.prices.get(key)


# (object, field) -> how the id is looked up; https://docs.stripe.com/api/expanding_objects
EXPANDABLE: dict[tuple[str, str], Lookup] = {
    ('checkout.session', 'invoice'): _table('invoice'),
    ('checkout.session', 'payment_intent'): _table('payment_intent'),
    ('payment_intent', 'latest_charge'): _table('charge'),
    ('payment_intent', 'review'): _table('review'),
    ('charge', 'payment_intent'): _table('payment_intent'),
    ('charge', 'review'): _table('review'),
    ('refund', 'charge'): _table('charge'),
    ('refund', 'payment_intent'): _table('payment_intent'),
    ('dispute', 'charge'): _table('charge'),
    ('dispute', 'payment_intent'): _table('payment_intent'),
    ('price', 'product'): _product,
    ('product', 'default_price'): _price,
}


# field -> what reading it needs; https://docs.stripe.com/stripe-apps/reference/permissions
PERMISSIONS = {
    'payment_intent': 'payment_intent_read',
    'latest_charge': 'charge_read',
    'charge': 'charge_read',
    'invoice': 'invoice_read',
    'refunds': 'charge_read',
    'review': 'review_read',
    'product': 'product_read',
}


def permissions_of(paths: list[str]) -> list[str]:
    """Return the permissions that expanding needs."""
    return [PERMISSIONS[name] for path in paths for name in path.split('.') if name in PERMISSIONS]


def expand(state: SandboxState, item: Json, paths: list[str]) -> Json:
    """Return a copy of an object or list with all requested parts expanded."""
    for index, path in enumerate(paths):
        if path.count('.') > 3:
            message = 'You cannot expand more than 4 levels of a property.'
            raise StripeError(message, code='property_expansion_max_depth', param=f'expand[{index}]')
        item = _expand_path(state, item, path.split('.'), path, index)
    return item


def _expand_path(state: SandboxState, item: Json, parts: list[str], path: str, index: int) -> Json:
    name, rest = parts[0], parts[1:]
    if item.get('object') == 'list' and name == 'data':
        return item | {
            'data': [
                _expand_path(state, entry, rest, path, index) if rest else entry for entry in item['data']
            ]
        }
    child = _child(state, item, name)
    if child is None and not _is_expandable(item, name):
        raise StripeError(f'This property cannot be expanded ({path}).', param=f'expand[{index}]')
    if isinstance(child, dict) and rest:
        child = _expand_path(state, child, rest, path, index)
    return item | {name: child}


def _is_expandable(item: Json, name: str) -> bool:
    kind = str(item.get('object'))
    return (kind, name) in EXPANDABLE or (kind, name) in INCLUDABLE or isinstance(item.get(name), dict)


def _child(state: SandboxState, item: Json, name: str) -> Json | None:
    kind, value = str(item.get('object')), item.get(name)
    if isinstance(value, dict):
        return value
    if (kind, name) in INCLUDABLE:
        return INCLUDABLE[kind, name](state, item['id'])
    lookup = EXPANDABLE.get((kind, name))
    return lookup(state, value) if lookup and isinstance(value, str) else None


def _lines(state: SandboxState, key: str) -> Json | None:
    return objects.line_items(state, state.sessions[key])


def _refunds(state: SandboxState, key: str) -> Json | None:
    found = [item for item in state.tables['refund'].values() if item['charge'] == key]
    return {'object': 'list', 'data': found[::-1], 'has_more': False, 'url': f'/v1/charges/{key}/refunds'}


INCLUDABLE: dict[tuple[str, str], Lookup] = {
    ('checkout.session', 'line_items'): _lines,
    ('charge', 'refunds'): _refunds,
}
