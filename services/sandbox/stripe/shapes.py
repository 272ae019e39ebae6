"""Small checkers for form parameters: each takes a value and its name and returns it typed, or refuses it."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from services.sandbox.problems import StripeProblem

Shape = Callable[[Any, str], Any]


def _plain(value: Any, name: str, what: str = 'string') -> str:
    if not isinstance(value, str):
        raise StripeProblem(f'Invalid {what}: {value}', param=name)
    if value == '':
        words = (
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
            f"parameter; however '{name}' cannot be unset. You should remove '{name}' from your request "
            'or supply a non-empty value.'
        )
        raise StripeProblem(words, code='parameter_invalid_empty', param=name)
    return value


def text(limit: int = 5000) -> Shape:
    """A string of at most `limit` characters."""

    def check(value: Any, name: str) -> str:
        if len(_plain(value, name)) > limit:
            raise StripeProblem(
                f'Invalid string: {value[:9]}…; must be at most {limit} characters', param=name
            )
        return str(value)

    return check


def whole(value: Any, name: str) -> int:
    """A whole number."""
    if not _plain(value, name, 'integer').lstrip('-').isdecimal():
        raise StripeProblem(f'Invalid integer: {value}', code='parameter_invalid_integer', param=name)
    return int(value)


def flag(value: Any, name: str) -> bool:
    """`true` or `false`."""
    if _plain(value, name, 'boolean') not in ('true', 'false'):
        raise StripeProblem(f'Invalid boolean: {value}', param=name)
    return bool(value == 'true')


def address(value: Any, name: str) -> str:
    """An absolute http or https address."""
    parts = urlsplit(_plain(value, name))
    if parts.scheme not in ('http', 'https') or not parts.netloc:
        raise StripeProblem('Not a valid URL', code='url_invalid', param=name)
    return str(value)


def mail(value: Any, name: str) -> str:
    """Something that can be an e-mail address."""
    local, at, domain = _plain(value, name).rpartition('@')
    if not (local and at and '.' in domain) or any(mark.isspace() for mark in value):
        raise StripeProblem(f'Invalid email address: {value}', code='email_invalid', param=name)
    return str(value)


def one_of(*words: str) -> Shape:
    """One word of a closed list."""

    def check(value: Any, name: str) -> str:
        if _plain(value, name) not in words:
            listed_words = ', '.join(words[:-1]) + f', or {words[-1]}' if len(words) > 1 else words[0]
            raise StripeProblem(f'Invalid {name}: must be one of {listed_words}', param=name)
        return str(value)

    return check


def listed(item: Shape) -> Shape:
    """A list whose items all have one shape."""

    def check(value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise StripeProblem('Invalid array', param=name)
        return [item(member, f'{name}[{index}]') for index, member in enumerate(value)]

    return check


def group(members: Mapping[str, Shape], required: tuple[str, ...] = ()) -> Shape:
    """A dict with known members."""

    def check(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise StripeProblem('Invalid object', param=name)
        return checked(value, members, required, name)

    return check


def checked(
    tree: Mapping[str, Any], members: Mapping[str, Shape], required: tuple[str, ...] = (), within: str = ''
) -> dict[str, Any]:
    """All parameters of a request, typed; the first unknown, missing or malformed one is refused."""
    full = {key: f'{within}[{key}]' if within else key for key in (*tree, *required)}
    for key in tree:
        if key not in members:
            words = f'Received unknown parameter: {full[key]}'
            raise StripeProblem(words, code='parameter_unknown', param=full[key])
    for key in required:
        if key not in tree:
            words = f'Missing required param: {full[key]}.'
            raise StripeProblem(words, code='parameter_missing', param=full[key])
    return {key: members[key](value, full[key]) for key, value in tree.items()}


def metadata(value: Any, name: str) -> dict[str, str]:
    """Up to 50 pairs, keys to 40 and values to 500 characters (https://docs.stripe.com/metadata)."""
    if value == '':
        return {}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise StripeProblem('Invalid object', param=name)
    if len(value) > 50:
        raise StripeProblem('Metadata can have up to 50 keys.', param=name)
    for key, item in value.items():
        if len(key) > 40 or len(item) > 500:
            words = f'Metadata keys can have up to 40 and values up to 500 characters: {key[:40]}'
            raise StripeProblem(words, param=f'{name}[{key[:40]}]')
    return {key: item for key, item in value.items() if item}


def not_played(value: Any, name: str) -> Any:
    """A documented parameter that the sandbox has no part for: refused instead of silently ignored."""
    raise StripeProblem(f'The sandbox does not play the parameter `{name}`.', param=name)
