"""`expand[]`: ids replaced by the objects they name, and parts that are left out unless asked for."""

from collections.abc import Callable

from services.sandbox.problems import Json, StripeProblem
from services.sandbox.state import SandboxState
from services.sandbox.stripe import views

Lookup = Callable[[SandboxState, str], Json | None]


def _table(kind: str) -> Lookup:
    return lambda state, key: state.tables[kind].get(key)


def _product(state: SandboxState, key: str) -> Json | None:
    return state.products.get(key)


def _price(state: SandboxState, key: str) -> Json | None:
    return state.prices.get(key)


# (object, field) -> where the id is looked up; https://docs.stripe.com/api/expanding_objects
EXPANDABLE: dict[tuple[str, str], Lookup] = {
    ('checkout.session', 'payment_intent'): _table('payment_intent'),
    ('payment_intent', 'latest_charge'): _table('charge'),
    ('charge', 'payment_intent'): _table('payment_intent'),
    ('refund', 'charge'): _table('charge'),
    ('refund', 'payment_intent'): _table('payment_intent'),
    ('dispute', 'charge'): _table('charge'),
    ('dispute', 'payment_intent'): _table('payment_intent'),
    ('price', 'product'): _product,
    ('product', 'default_price'): _price,
}


def expanded(state: SandboxState, thing: Json, paths: list[str]) -> Json:
    """A copy of an object or list with all asked-for parts in place."""
    for index, path in enumerate(paths):
        if path.count('.') > 3:
            words = 'You cannot expand more than 4 levels of a property.'
            raise StripeProblem(words, code='property_expansion_max_depth', param=f'expand[{index}]')
        thing = _along(state, thing, path.split('.'), path, index)
    return thing


def _along(state: SandboxState, thing: Json, parts: list[str], path: str, index: int) -> Json:
    name, rest = parts[0], parts[1:]
    if thing.get('object') == 'list' and name == 'data':
        return thing | {
            'data': [_along(state, item, rest, path, index) if rest else item for item in thing['data']]
        }
    child = _child(state, thing, name)
    if child is None and not _known(thing, name):
        raise StripeProblem(f'This property cannot be expanded ({path}).', param=f'expand[{index}]')
    if isinstance(child, dict) and rest:
        child = _along(state, child, rest, path, index)
    return thing | {name: child}


def _known(thing: Json, name: str) -> bool:
    kind = str(thing.get('object'))
    return (kind, name) in EXPANDABLE or (kind, name) in INCLUDABLE or isinstance(thing.get(name), dict)


def _child(state: SandboxState, thing: Json, name: str) -> Json | None:
    kind, value = str(thing.get('object')), thing.get(name)
    if isinstance(value, dict):
        return value
    if (kind, name) in INCLUDABLE:
        return INCLUDABLE[kind, name](state, thing['id'])
    lookup = EXPANDABLE.get((kind, name))
    return lookup(state, value) if lookup and isinstance(value, str) else None


def _lines(state: SandboxState, key: str) -> Json | None:
    return views.line_items(state, state.sessions[key])


def _refunds(state: SandboxState, key: str) -> Json | None:
    found = [item for item in state.tables['refund'].values() if item['charge'] == key]
    return {'object': 'list', 'data': found[::-1], 'has_more': False, 'url': f'/v1/charges/{key}/refunds'}


INCLUDABLE: dict[tuple[str, str], Lookup] = {
    ('checkout.session', 'line_items'): _lines,
    ('charge', 'refunds'): _refunds,
}
