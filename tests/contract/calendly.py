"""Check requests to Calendly and its responses against our description of its calls, `calendly.json`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.contract.openapi import JSON, Description, Json

Pairs = Sequence[Sequence[str]]


def _read() -> Json:
    spec: Json = json.loads(Path(__file__).with_suffix('.json').read_text(encoding='utf-8'))
    return spec


CALENDLY = Description(_read)


def check_request(method: str, path: str, query: Pairs = (), body: Any = None) -> list[str]:
    """Return what is wrong with a request; an empty list if it is as described.

    Args:
        method: of the request.
        path: without its query.
        query: the parameters of the query, as pairs.
        body: the JSON of the request, None where there is none.
    """
    try:
        _, described = CALENDLY.operation(method, path)
    except LookupError as error:
        return [str(error)]
    return [*_check_query(described, query), *_check_body(described, body)]


def _check_query(described: Json, query: Pairs) -> Iterable[str]:
    known = {item['name']: item for item in described.get('parameters', [])}
    names = [name for name, _ in query]
    for name, value in query:
        if name not in known:
            yield f'{name}: unknown parameter'
        else:
            yield from (f'{name}: {line}' for line in _check_value(known[name]['schema'], value))
    yield from (f'{name}: sent {names.count(name)} times' for name in set(names) if names.count(name) > 1)
    yield from (
        f'{name}: missing' for name, item in known.items() if item.get('required') and name not in names
    )
    one_of = described.get('x-one-of', [])
    if one_of and not set(one_of) & set(names):
        yield f'one of {", ".join(one_of)}: missing'


def _check_value(schema: Json, text: str) -> list[str]:
    """Check the text of one parameter; a number is written in digits."""
    value: Any = int(text) if schema.get('type') == 'integer' and text.isdecimal() else text
    return CALENDLY.check(schema, value)


def _check_body(described: Json, body: Any) -> list[str]:
    if 'requestBody' not in described:
        return [] if body is None else ['a body, where none is described']
    return CALENDLY.check(described['requestBody']['content'][JSON]['schema'], {} if body is None else body)


def scopes(method: str, path: str) -> list[str]:
    """Return the scopes that a token needs for a request."""
    _, described = CALENDLY.operation(method, path)
    return [scope for kind in described['security'] for scope in kind['token']]


def check_answer(
    method: str, path: str, status: int, headers: Mapping[str, str], content: bytes
) -> list[str]:
    """Return what is wrong with an answer: its body, or a header that every answer has."""
    missing = [
        f'{name}: missing' for name in CALENDLY.spec['components']['headers'] if name.lower() not in headers
    ]
    body = json.loads(content) if content else None
    return missing + CALENDLY.check_response(path, status, body, method)


def check_http_answer(base: str, response: httpx.Response) -> None:
    """Assert that an answer is as described; used as a hook of a client.

    Args:
        base: the URL of the API, without a slash at the end.
        response: the answer; of a call that is not described only the status is checked.
    """
    method, path = response.request.method, str(response.request.url.copy_with(query=None))[len(base) :]
    content = response.read()
    try:
        CALENDLY.operation(method, path)
    except LookupError:
        assert response.status_code == 404, f'{method} {path} is not described'
        return
    assert check_answer(method, path, response.status_code, response.headers, content) == []


def check_delivery(body: Any) -> list[str]:
    """Return what is wrong with the body of a webhook delivery about an invitee or an event type."""
    name = 'EventTypeDelivery' if body['event'].startswith('event_type.') else 'InviteeDelivery'
    return CALENDLY.check({'$ref': f'#/components/schemas/{name}'}, body)


def check_logged(requests: Iterable[Json]) -> list[str]:
    """Return what is wrong with those requests of the sandbox's log that were sent with a Calendly token.

    Requests of its pages carry no token.
    """
    return [
        f'{each["method"]} {each["path"]}: {line}'
        for each in requests
        if each['vendor'] == 'calendly' and each['authorized']
        for line in check_request(each['method'], each['path'], each['query'], each['json'])
    ]
