"""Validators of request parameters: each takes a value and its name and returns the typed value or raises."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from services.sandbox.stripe.errors import StripeError

Validator = Callable[[Any, str], Any]


def _string(value: Any, name: str, kind: str = 'string') -> str:
    if not isinstance(value, str):
        raise StripeError(f'Invalid {kind}: {value}', param=name)
    if value == '':
        message = (
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
            f"parameter; however '{name}' cannot be unset. You should remove '{name}' from your request "
            'or supply a non-empty value.'
        )
        raise StripeError(message, code='parameter_invalid_empty', param=name)
    return value


def text(limit: int = 5000) -> Validator:
    """Accept a string of at most `limit` characters."""

    def check(value: Any, name: str) -> str:
        if len(_string(value, name)) > limit:
            raise StripeError(f'Invalid string: {value[:9]}…; must be at most {limit} characters', param=name)
        return str(value)

    return check


def integer(value: Any, name: str) -> int:
    """Accept an integer."""
    if not _string(value, name, 'integer').lstrip('-').isdecimal():
        raise StripeError(f'Invalid integer: {value}', code='parameter_invalid_integer', param=name)
    return int(value)


def boolean(value: Any, name: str) -> bool:
    """Accept `true` or `false`."""
    if _string(value, name, 'boolean') not in ('true', 'false'):
        raise StripeError(f'Invalid boolean: {value}', param=name)
    return bool(value == 'true')


def url(value: Any, name: str) -> str:
    """Accept an absolute http or https URL."""
    parts = urlsplit(_string(value, name))
    if parts.scheme not in ('http', 'https') or not parts.netloc:
        raise StripeError('Not a valid URL', code='url_invalid', param=name)
    return str(value)


def email(value: Any, name: str) -> str:
    """Accept a plausible e-mail address."""
    local, at, domain = _string(value, name).rpartition('@')
    if not (local and at and '.' in domain) or any(mark.isspace() for mark in value):
        raise StripeError(f'Invalid email address: {value}', code='email_invalid', param=name)
    return str(value)


def one_of(*words: str) -> Validator:
    """Accept one of the given words."""

    def check(value: Any, name: str) -> str:
        if _string(value, name) not in words:
            choices = ', '.join(words[:-1]) + f', or {words[-1]}' if len(words) > 1 else words[0]
            raise StripeError(f'Invalid {name}: must be one of {choices}', param=name)
        return str(value)

    return check


def list_of(item: Validator) -> Validator:
    """Accept a list whose items all pass one validator."""

    def check(value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise StripeError('Invalid array', param=name)
        return [item(member, f'{name}[{index}]') for index, member in enumerate(value)]

    return check


def object_of(members: Mapping[str, Validator], required: tuple[str, ...] = ()) -> Validator:
    """Accept an object with known members."""

    def check(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise StripeError('Invalid object', param=name)
        return validate(value, members, required, name)

    return check


def validate(
    params: Mapping[str, Any],
    members: Mapping[str, Validator],
    required: tuple[str, ...] = (),
    within: str = '',
) -> dict[str, Any]:
    """Return all parameters typed; raise for the first unknown, missing or malformed one."""
    full = {key: f'{within}[{key}]' if within else key for key in (*params, *required)}
    for key in params:
        if key not in members:
            message = f'Received unknown parameter: {full[key]}'
            raise StripeError(message, code='parameter_unknown', param=full[key])
    for key in required:
        if key not in params:
            message = f'Missing required param: {full[key]}.'
            raise StripeError(message, code='parameter_missing', param=full[key])
    return {key: members[key](value, full[key]) for key, value in params.items()}


def metadata(value: Any, name: str) -> dict[str, str]:
    """Accept up to 50 pairs, keys of 40 and values of 500 characters (https://docs.stripe.com/metadata)."""
    if value == '':
        return {}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise StripeError('Invalid object', param=name)
    if len(value) > 50:
        raise StripeError('Metadata can have up to 50 keys.', param=name)
    for key, item in value.items():
        if len(key) > 40 or len(item) > 500:
            message = f'Metadata keys can have up to 40 and values up to 500 characters: {key[:40]}'
            raise StripeError(message, param=f'{name}[{key[:40]}]')
    return {key: item for key, item in value.items() if item}


def unsupported(value: Any, name: str) -> Any:
    """Reject a documented parameter that the sandbox does not support, instead of ignoring it."""
    raise StripeError(f'The sandbox does not support the parameter `{name}`.', param=name)
