"""Stripe's form encoding: brackets in parameter names make nested objects and lists."""

import re
from itertools import pairwise
from typing import Any

from services.sandbox.stripe.errors import StripeError
from services.sandbox.types import Json

PARTS = re.compile(r'\[([^\[\]]*)\]')


def decode(items: list[tuple[str, str]]) -> Json:
    """Convert pairs such as `line_items[0][price]` or `expand[]` to nested dicts and lists."""
    tree: Json = {}
    for name, value in items:
        _put(tree, _path(name), value, name)
    nested: Json = {name: _with_lists(value) for name, value in tree.items()}
    return nested


def _path(name: str) -> list[str]:
    head, bracket, rest = name.partition('[')
    parts = PARTS.findall(bracket + rest)
    if not head or ']' in head or ''.join(f'[{part}]' for part in parts) != bracket + rest:
        raise StripeError(f'Invalid parameter name: {name}', param=name)
    return [head, *parts]


def _put(node: Json, path: list[str], value: str, name: str) -> None:
    for part, following in pairwise(path):
        key = part if part else _next_index(node, following)
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            raise StripeError(f'Invalid parameter name: {name}', param=name)
    node[path[-1] or str(len(node))] = value


def _next_index(node: Json, following: str) -> str:
    """In `a[][x]=1&a[][y]=2` both belong to one item; a repeated name starts the next one."""
    last = str(len(node) - 1)
    return last if node and following not in node[last] else str(len(node))


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        return [_with_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _with_lists(item) for key, item in value.items()}
