"""One word per thing: words that were retired appear nowhere in code, schema, documents and messages."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import ROOT

RETIRED = {
    # what is retired: what to write instead
    'twins?': 'sandbox',
    'stand-ins?': 'sandbox',
    'pretended': 'sandbox',
    r'doubles|test double|a double(?!\s+(click|charge|press))|double of': 'sandbox; duplicate',
    'levers?': 'fault',
    'verbs?': 'fault, action, method',
    'worlds?': 'Environment; SandboxState',
    'visitors?': 'browser_id, browser_hash; customer',
    'paid_twice': 'duplicate_of',
    'parcels?': 'payload',
    'settles?|settled_at': 'mark_handled, handled_at',
    'sweeps?': 'ListCursor',
    'doors?|doorbells?': 'endpoint, router',
    'crowds?|crowded': 'load shedding',
    r'kept\W+(landing\W+)?pages?': 'load shedding, cached page',
    'relieves?|relieved': 'load shedding',
    'head.?starts?': 'early flush',
    'paint(s|ed|er|able|ing)?': 'server rendering, render',
    'tills?': 'PayButtons; until',
    'troubles?': 'errors',
    'judg(es?|ed|ing)': 'parse, check',
    'complain(s|ed|ts?)?': 'problem',
    'desks?|operator pages?': 'admin',
    'maybe_spent': 'bookings_unknown',
    'extras': 'PriceAdjustments',
    'next_looks?': 'next_check',
    'at_work': 'LEASE',
    'patience': 'a name with TIMEOUT',
    'NotImplementedError|lorem ipsum': 'the finished thing',
}
RETIRED_CALLS = {r'\b(told|asked)=(?!=)': 'on_x', r'\.follow\(': 'subscribe'}
WEB_METRICS = re.compile(r'(first|largest)[\W_]*(contentful)?[\W_]*paints?', re.IGNORECASE)
ALLOWED = (
    # where, what may stand there, why
    ('services/sandbox/', r'settles?', "a bank debit settles: the banks' word"),
    ('services/commands/demo.py', 'bank_settles_after', "a bank debit settles: the banks' word"),
    ('ui/middleware/early_flush.py', 'long enough to paint', 'browsers paint'),
    ('benchmarks/pages/lighthouse.py', r'\{what\} paint', 'the first or the largest one, a web metric'),
    ('tests/', r"bank_(payment_)?settles|settles later|'settle'", "a bank debit settles: the banks' word"),
)
KINDS = {'.py', '.md', '.css', '.html', '.toml', '.yaml', '.mako', ''}
LEFT_OUT = {'data', 'requirements', 'test-results', '__pycache__'}
WORD = re.compile(rf'(?<![a-z])({"|".join(RETIRED)})(?![a-z])|{"|".join(RETIRED_CALLS)}', re.IGNORECASE)


def files() -> Iterator[Path]:
    """Yield every text file of the repository but this one and the requirement files."""
    for place in ROOT.iterdir():
        if place.name == '.env.example' or not (place.name.startswith('.') or place.name in LEFT_OUT):
            yield from [place] if place.is_file() else (path for path in place.rglob('*') if path.is_file())


def retired_in(path: Path, text: str) -> Iterator[str]:
    """Yield each retired word in a text, as ``file:line: word (write: …)``."""
    text = WEB_METRICS.sub('', text)
    for place, allowed, _ in ALLOWED:
        text = re.sub(allowed, '', text, flags=re.IGNORECASE) if path.as_posix().startswith(place) else text
    for found in WORD.finditer(text):
        line = text.count('\n', 0, found.start())
        yield f'{path}:{line}: {found.group()} (write: {_instead_of(found.group())})'


def _instead_of(word: str) -> str:
    rows = (RETIRED | RETIRED_CALLS).items()
    return next(use for pattern, use in rows if re.match(pattern, word, re.IGNORECASE))


def test_no_retired_word_is_left() -> None:
    """No file holds a retired word, in its text or in its name."""
    found: list[str] = []
    for file in sorted(files()):
        path = file.relative_to(ROOT)
        if path.suffix in KINDS and not LEFT_OUT & set(path.parts) and file != Path(__file__):
            found += retired_in(path, f'{path}\n' + file.read_text(encoding='utf-8'))
    assert not found, f'{len(found)} retired words\n' + '\n'.join(found)


def test_the_exceptions_stay_few() -> None:
    """At most ten exceptions, each with its reason."""
    assert len(ALLOWED) <= 10
    assert all(why for _, _, why in ALLOWED)


@pytest.mark.parametrize(
    'text',
    [
        'a Twin', 'stand-ins', 'test doubles', 'lever_fail = 1', 'VERBS', 'World', 'visitor_id', 'paid_twice',
        'parcel', 'settled_at', 'pk_sweeps', 'doors', 'the kept page', 'head_start', 'head start', 'painted',
        'Till(', 'trouble', 'judge_', 'complains', 'operator pages', 'MAYBE_SPENT', 'Extras', 'f(told=x)',
        'ledger.follow(order)', 'next_look', 'AT_WORK', 'PAGE_PATIENCE', 'raise NotImplementedError',
    ],
)  # fmt: skip
def test_a_retired_word_is_found(text: str) -> None:
    """Each is found in prose and in names, in capitals or not."""
    assert len(list(retired_in(Path('x.py'), text))) == 1


@pytest.mark.parametrize(
    'text',
    [
        'first contentful paint',
        'Largest Contentful Paint',
        'the first paint',
        'a double click',
        'worldwide',
        'until',
    ],
)
def test_other_words_pass(text: str) -> None:
    """The names of web metrics, longer words and other meanings are no retired words."""
    assert list(retired_in(Path('x.py'), text)) == []
