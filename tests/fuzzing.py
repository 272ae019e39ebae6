"""What the fuzz tests share: the number of examples, what is sent, and what no response may contain."""

import copy
import hashlib
import hmac
import json
import os
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.processes import ROOT

EXAMPLES = int(os.environ.get('FUZZ_EXAMPLES', '0'))
USUAL = 150  # without FUZZ_EXAMPLES; always the same examples, so that a failure can be repeated


def fuzz_settings(share: float = 1.0) -> settings:
    """Return the settings of one fuzz test.

    Args:
        share: the part of all examples it runs, less than 1 for slow endpoints.
    """
    return settings(
        max_examples=max(1, round((EXAMPLES or USUAL) * share)),
        derandomize=not EXAMPLES,
        deadline=None,  # the endpoints talk to the sandbox over HTTP
        # All examples share one shop on purpose: each compares what it holds before and after.
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


ODD = ('\x00', '\ud800', '\u202e', "' OR 1=1 --", '../../etc/passwd', '{{7*7}}', '%00', '<b>', '9' * 5000)
TEXTS = st.one_of(
    st.sampled_from(ODD), st.text(st.characters(), max_size=40), st.text('ab_.:/%?&=', max_size=300)
)
NUMBERS = st.one_of(
    st.integers(), st.sampled_from([2**31, 2**63, -(2**63) - 1, 10**400]), st.floats(), st.booleans()
)
SCALARS = st.one_of(st.none(), NUMBERS, TEXTS)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(TEXTS, inside, max_size=4),
    max_leaves=8,
)
DEEP = st.builds(lambda depth, kind: kind * depth, st.integers(1, 3000), st.sampled_from(['[', '{"a":']))

ENCODINGS = ('utf-8', 'utf-16', 'utf-32', 'utf-8-sig', 'utf-7')
HEADER_TEXT = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters='\x7f'), max_size=60
)
KINDS = (
    'application/json',
    'application/json; charset=utf-8',
    'application/json; charset=utf-16',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'multipart/form-data',
    'text/plain',
    '',
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        'content-type': st.sampled_from(KINDS) | HEADER_TEXT,
        'content-encoding': st.sampled_from(['gzip', 'identity', 'br, gzip', '']) | HEADER_TEXT,
        'cookie': HEADER_TEXT | HEADER_TEXT.map('paidslot_browser={}'.format),
        'accept': HEADER_TEXT,
        'accept-language': HEADER_TEXT,
        'origin': HEADER_TEXT,
        'x-forwarded-for': HEADER_TEXT,
        'x-forwarded-proto': HEADER_TEXT,
        'user-agent': HEADER_TEXT,
        'referer': HEADER_TEXT,
        'range': HEADER_TEXT,
        'authorization': HEADER_TEXT,
    },
).map(lambda headers: {name: value.strip().encode('latin-1') for name, value in headers.items()})


def json_bytes(value: object, encoding: str = 'utf-8') -> bytes:
    """Return JSON; characters that the encoding lacks are written as JSON escapes."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(value).encode(encoding)


BODIES = st.one_of(
    st.binary(max_size=200),
    st.builds(json_bytes, VALUES, st.sampled_from(ENCODINGS)),
    DEEP.map(str.encode),
    st.builds(lambda part, times: part * times, st.binary(min_size=1, max_size=8), st.integers(1, 60_000)),
)


def signature(body: bytes, secret: str, *, tail: str = '') -> bytes:
    """Return the header with which both services sign a body, with a tail."""
    stamp = int(time.time())
    mac = hmac.new(secret.encode(), f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()
    return f't={stamp},v1={mac}{tail}'.encode('latin-1')


def mutations_of(valid: dict[str, Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw copies of a valid value in which one or two parts, at any depth, are missing or replaced."""

    @st.composite
    def mutated(draw: st.DrawFn) -> dict[str, Any]:
        value = copy.deepcopy(valid)
        for path in draw(st.lists(st.sampled_from(paths), min_size=1, max_size=2)):
            _replace(value, path, draw(st.just(MISSING) | st.sampled_from(ODD) | odd))
        return value

    paths = list(_paths(valid))
    return mutated()


MISSING = object()


def _paths(value: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, part in value.items():
        yield (name,)
        if isinstance(part, dict):
            yield from ((name, *path) for path in _paths(part))


def _replace(value: Any, path: tuple[str, ...], odd: object) -> None:
    *parents, last = path
    for name in parents:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        return  # a part that contains it has been replaced already
    if odd is MISSING:
        value.pop(last, None)
    else:
        value[last] = odd


LEAKS = (
    r'Traceback \(most recent',
    r'\b[A-Z][A-Za-z]*(?:Error|Exception|Warning)\b',
    r'File "[^"]+", line \d+',
    r'site-packages|\.py\b',
    r'\b(?:sk|rk|whsec)_\w+',
    re.escape(str(ROOT)),
    r'sqlalchemy|sqlite|psycopg|pydantic|starlette',
)


def leaks_in(text: str, secrets: Iterable[str]) -> list[str]:
    """Return what only the log may contain: Python errors, file paths, keys, the URL of the calendar."""
    found = [match[0] for pattern in LEAKS if (match := re.search(pattern, text))]
    return found + [secret for secret in secrets if secret in text]


def secrets_of(environment: dict[str, str]) -> tuple[str, ...]:
    """Return the values of the settings that no customer may see."""
    names = ('STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'CALENDLY_TOKEN', 'CALENDLY_WEBHOOK_SIGNING_KEY')
    return tuple(
        environment[name] for name in (*names, 'CALENDLY_LINK', 'DATABASE_URL') if name in environment
    )
