"""Form bodies and query strings with brackets, read as Stripe reads them."""

import re
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from services.sandbox.problems import StripeProblem

Nested = dict[str, Any]
_PARTS = re.compile(r'\[([^\[\]]*)\]')


def pairs(text: str) -> list[tuple[str, str]]:
    """The plain name and value pairs of a form body or query, in order."""
    return parse_qsl(text, keep_blank_values=True)


async def typed(request: Request) -> dict[str, str]:
    """What was filled into a page's plain form."""
    return dict(pairs((await request.body()).decode(errors='replace')))


def decode(items: list[tuple[str, str]]) -> Nested:
    """Pairs such as `line_items[0][price]` or `expand[]` as nested dicts and lists."""
    tree: Nested = {}
    for name, value in items:
        _put(tree, _path(name), value, name)
    settled: Nested = {name: _settled(value) for name, value in tree.items()}
    return settled


def _path(name: str) -> list[str]:
    head, bracket, rest = name.partition('[')
    parts = _PARTS.findall(bracket + rest)
    if not head or ']' in head or ''.join(f'[{part}]' for part in parts) != bracket + rest:
        raise StripeProblem(f'Invalid parameter name: {name}', param=name)
    return [head, *parts]


def _put(node: Nested, path: list[str], value: str, name: str) -> None:
    for part, following in pairwise(path):
        key = part if part else _next_index(node, following)
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            raise StripeProblem(f'Invalid parameter name: {name}', param=name)
    node[path[-1] or str(len(node))] = value


def _next_index(node: Nested, following: str) -> str:
    """`a[][x]=1&a[][y]=2` is one item until a name repeats."""
    last = str(len(node) - 1)
    return last if node and following not in node[last] else str(len(node))


def _settled(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        return [_settled(value[key]) for key in sorted(value, key=int)]
    return {key: _settled(item) for key, item in value.items()}
