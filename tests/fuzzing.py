"""What the fuzz tests share: how many examples, what strangers may send, and what no answer may tell."""

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
USUAL = 150  # a endpoint, without FUZZ_EXAMPLES; the same ones each time, so that a red run can be repeated


def thrown(share: float = 1.0) -> settings:
    """Settings of one fuzz test.

    Args:
        share: the part of all examples it gets, for endpoints that take longer to answer.
    """
    return settings(
        max_examples=max(1, round((EXAMPLES or USUAL) * share)),
        derandomize=not EXAMPLES,
        deadline=None,  # the endpoints talk to the sandbox over HTTP
        # One shop for all examples is meant: each example compares what it holds before and after.
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

CODINGS = ('utf-8', 'utf-16', 'utf-32', 'utf-8-sig', 'utf-7')
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


def written(value: object, coding: str = 'utf-8') -> bytes:
    """Write JSON; what a coding cannot express is written as a JSON escape."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        return text.encode(coding)
    except UnicodeEncodeError:
        return json.dumps(value).encode(coding)


BODIES = st.one_of(
    st.binary(max_size=200),
    st.builds(written, VALUES, st.sampled_from(CODINGS)),
    DEEP.map(str.encode),
    st.builds(lambda part, times: part * times, st.binary(min_size=1, max_size=8), st.integers(1, 60_000)),
)


def signature(body: bytes, secret: str, *, tail: str = '') -> bytes:
    """The header with which both services sign a body, with something behind it."""
    stamp = int(time.time())
    mac = hmac.new(secret.encode(), f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()
    return f't={stamp},v1={mac}{tail}'.encode('latin-1')


def almost(right: dict[str, Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Values like a right one, in which one or two parts, at any depth, are missing or something odd."""

    @st.composite
    def spoiled(draw: st.DrawFn) -> dict[str, Any]:
        value = copy.deepcopy(right)
        for path in draw(st.lists(st.sampled_from(paths), min_size=1, max_size=2)):
            _spoil(value, path, draw(st.just(MISSING) | st.sampled_from(ODD) | odd))
        return value

    paths = list(_paths(right))
    return spoiled()


MISSING = object()


def _paths(value: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, part in value.items():
        yield (name,)
        if isinstance(part, dict):
            yield from ((name, *path) for path in _paths(part))


def _spoil(value: Any, path: tuple[str, ...], odd: object) -> None:
    *way, last = path
    for name in way:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        return  # the part around it is spoiled already
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
    """What an answer tells that only the log may know: errors of Python, paths, keys, the calendar."""
    found = [match[0] for pattern in LEAKS if (match := re.search(pattern, text))]
    return found + [secret for secret in secrets if secret in text]


def secrets_of(environment: dict[str, str]) -> tuple[str, ...]:
    """The values of a shop's settings that no stranger may read."""
    names = ('STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'CALENDLY_TOKEN', 'CALENDLY_WEBHOOK_SIGNING_KEY')
    return tuple(
        environment[name] for name in (*names, 'CALENDLY_LINK', 'DATABASE_URL') if name in environment
    )
