"""The rules of the tree: each takes one module and yields what breaks it, as ``file:line: rule``."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import Import, Module, imports

LONGEST_FUNCTION = 45
LONGEST_FILE = 250

# From the ground up; a part may import from any floor below its own.
FLOORS = (
    ('errors', 'money'),
    ('catalog', 'orders', 'settings', 'site'),
    ('ledger', 'database', 'payments', 'scheduling', 'mail', 'rate_limit', 'metrics'),
    ('checkout', 'fulfilment', 'booking', 'reconciler', 'admin'),
    ('endpoints', 'shop', 'commands'),
)
FLOOR = {part: number for number, parts in enumerate(FLOORS) for part in parts}
ADAPTERS = 2  # the floor whose parts know the outside environment, and never one another
STORAGE = frozenset({'ledger', 'database'})
LOGS = 'logs'  # everybody in services may log; it may see how, and the errors
VALUES = frozenset(FLOORS[0] + FLOORS[1])

# Who alone may import what.
OWNERS = {
    'stripe': ('services.payments',),
    'sqlalchemy': ('services.ledger', 'services.database'),
    'alembic': ('services.ledger', 'services.database'),
    'sqlite3': ('services.database', 'services.sandbox'),
    'psycopg': ('services.database',),
    'smtplib': ('services.mail', 'services.sandbox'),
    'aiosmtplib': ('services.mail',),
    'prometheus_client': ('services.metrics',),
    'nicegui': ('ui',),
    'services.sandbox': ('services.sandbox', 'services.commands.demo'),
}

SCRIPT = re.compile(
    r'<script(?! type="application/ld\+json")|run_javascript|js_handler|<[a-z][^<>]*\son[a-z]+\s*=\s*["\']',
    re.IGNORECASE,
)
FORBIDDEN = re.compile(r'\b(?:TODO|FIXME|XXX|HACK|NotImplementedError|lorem ipsum)\b')
SLEEP = re.compile(r'\b(?:time\.sleep|wait_for_timeout|asyncio\.sleep\((?!0\)))')


def arrows(module: Module) -> Iterator[str]:
    """Imports point one way: see the table of floors."""
    if not module.lies_in('services', 'ui'):
        return
    for found in imports(module):
        if found.comes_from('services', 'ui') and (problem := _wrong_way(module, found)):
            yield _say(module, found.line, f'{problem} (imports {found.name})')


def _wrong_way(module: Module, found: Import) -> str:
    package, part = [*found.name.split('.'), ''][:2]
    if package == module.name.split('.')[0] and part == module.part:
        return ''
    if module.lies_in('services.sandbox'):
        return 'the sandbox imports nothing of ours'
    if package == 'ui':
        return '' if module.lies_in('ui') else 'services never import ui'
    if part in ('', '*'):
        return 'name the module that is meant'
    if module.lies_in('ui'):
        seen = part in ('shop', 'endpoints') or part in VALUES
        return '' if seen else 'ui sees the shop, the endpoints and the value types only'
    return _wrong_floor(module.part, part)


def _wrong_floor(part: str, other: str) -> str:
    if part == LOGS:
        return '' if other in ('errors', 'settings') else 'logs sees errors and settings only'
    if other in (LOGS, 'sandbox'):  # the sandbox has an owner of its own
        return ''
    unknown = next((name for name in (part, other) if name not in FLOOR), '')
    if unknown:
        return f'{unknown!r} has no floor yet: add it to FLOORS'
    if FLOOR[other] > FLOOR[part]:
        return f'{part} lies below {other}'
    if FLOOR[part] == FLOOR[other] == ADAPTERS and not {part, other} <= STORAGE:
        return f'{part} and {other} never see one another'
    return ''


def owners(module: Module) -> Iterator[str]:
    """Each vendor's library has one importer."""
    for found in imports(module):
        for library, places in OWNERS.items():
            if found.comes_from(library) and not module.lies_in(*places):
                yield _say(module, found.line, f'{library} is imported by {" and ".join(places)} only')


def no_script(module: Module) -> Iterator[str]:
    """No JavaScript of ours; JSON-LD is data and may stay."""
    yield from _lines_with(module, SCRIPT, 'no script of ours')


def no_forbidden_words(module: Module) -> Iterator[str]:
    """Nothing unfinished."""
    yield from _lines_with(module, FORBIDDEN, 'forbidden word')


def no_sleep(module: Module) -> Iterator[str]:
    """A test waits for something, not for some time; the one poll is in tests/processes.py."""
    if not module.lies_in('tests.processes'):
        yield from _lines_with(module, SLEEP, 'waits by sleeping')


def _lines_with(module: Module, pattern: re.Pattern[str], rule: str) -> Iterator[str]:
    for match in pattern.finditer(module.text):
        line = module.text.count('\n', 0, match.start()) + 1
        yield _say(module, line, f'{rule}: {match.group()!r}')


def docstring(module: Module) -> Iterator[str]:
    """A file opens with a sentence: what it owns."""
    if not (ast.get_docstring(module.tree) or '').strip():
        yield _say(module, 1, 'a module opens with a docstring')


def tests_state_their_claim(module: Module) -> Iterator[str]:
    """Every test says in a sentence what it claims."""
    for node in _functions(module):
        if node.name.startswith('test_') and not ast.get_docstring(node):
            yield _say(module, node.lineno, f'{node.name} states its claim in a docstring')


def short(module: Module) -> Iterator[str]:
    """Functions and files end before the reader tires."""
    lines = len(module.text.splitlines())
    if lines > LONGEST_FILE:
        yield _say(module, lines, f'{lines} lines are more than {LONGEST_FILE}')
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield _say(
                    module, node.lineno, f'{node.name} has {length} lines, more than {LONGEST_FUNCTION}'
                )


def _functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _say(module: Module, line: int, rule: str) -> str:
    return f'{module.path.as_posix()}:{line}: {rule}'
