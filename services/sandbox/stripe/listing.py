"""Stripe's lists: newest first, filtered, one page at a time."""

from collections.abc import Callable, Iterable
from operator import ge, gt, le, lt

from services.sandbox.forms import Nested
from services.sandbox.problems import Json, StripeProblem, missing

COMPARE = {'gt': gt, 'gte': ge, 'lt': lt, 'lte': le}


def in_time(created: int, wanted: object) -> bool:
    """Whether a moment meets `created` or `created[gte]` and the like."""
    if wanted is None:
        return True
    if not isinstance(wanted, dict):
        return created == wanted
    return all(COMPARE[name](created, bound) for name, bound in wanted.items())


def limit_of(params: Nested) -> int:
    """The page's size: 10 unless told, 1 to 100."""
    limit = int(params.get('limit', 10))
    if not 1 <= limit <= 100:
        raise StripeProblem('Invalid limit: must be between 1 and 100', param='limit')
    return limit


def listed(
    items: Iterable[Json],
    params: Nested,
    url: str,
    kind: str,
    show: Callable[[Json], Json] = lambda item: item,
) -> Json:
    """One page of `items`, newest first, dicts with at least `id`; `show` completes those shown."""
    limit = limit_of(params)
    wanted, more = _cut(list(items), params, limit, kind)
    return {'object': 'list', 'data': [show(item) for item in wanted], 'has_more': more, 'url': url}


def _cut(items: list[Json], params: Nested, limit: int, kind: str) -> tuple[list[Json], bool]:
    after, before = params.get('starting_after'), params.get('ending_before')
    if after:
        rest = items[_place(items, after, 'starting_after', kind) + 1 :]
        return rest[:limit], len(rest) > limit
    if before:
        rest = items[: _place(items, before, 'ending_before', kind)]
        return rest[-limit:], len(rest) > limit
    return items[:limit], len(items) > limit


def _place(items: list[Json], key: str, param: str, kind: str) -> int:
    for index, item in enumerate(items):
        if item['id'] == key:
            return index
    raise missing(kind, key, param, status=400)
