"""Pages of Stripe's lists, newest first."""

from collections.abc import Callable, Iterable
from operator import ge, gt, le, lt

from services.sandbox.stripe.errors import StripeError, not_found
from services.sandbox.types import Json

COMPARE = {'gt': gt, 'gte': ge, 'lt': lt, 'lte': le}


def matches_time(created: int, condition: object) -> bool:
    """Whether a time matches `created` or `created[gte]` and the like."""
    if condition is None:
        return True
    if not isinstance(condition, dict):
        return created == condition
    return all(COMPARE[name](created, bound) for name, bound in condition.items())


def limit_of(params: Json) -> int:
    """Return the page size: 1 to 100, by default 10."""
    limit = int(params.get('limit', 10))
    if not 1 <= limit <= 100:
        raise StripeError('Invalid limit: must be between 1 and 100', param='limit')
    return limit


def list_page(
    items: Iterable[Json], params: Json, url: str, kind: str, show: Callable[[Json], Json] = lambda item: item
) -> Json:
    """Return one page of `items`, which are newest first and have an `id`; `show` completes an item."""
    limit = limit_of(params)
    page, has_more = _page(list(items), params, limit, kind)
    return {'object': 'list', 'data': [show(item) for item in page], 'has_more': has_more, 'url': url}


def _page(items: list[Json], params: Json, limit: int, kind: str) -> tuple[list[Json], bool]:
    after, before = params.get('starting_after'), params.get('ending_before')
    if after:
        rest = items[_index(items, after, 'starting_after', kind) + 1 :]
        return rest[:limit], len(rest) > limit
    if before:
        rest = items[: _index(items, before, 'ending_before', kind)]
        return rest[-limit:], len(rest) > limit
    return items[:limit], len(items) > limit


def _index(items: list[Json], key: str, param: str, kind: str) -> int:
    for index, item in enumerate(items):
        if item['id'] == key:
            return index
    raise not_found(kind, key, param, status=400)
