"""What the check can find wrong, read from the code that says it, with … for what varies in a message."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.docs.documents import ROOT

PLACES = ('services/check', 'services/health.py', 'services/scheduling', 'services/payments/clock.py')
FINDINGS = {'wrong': 1, 'warning': 1, 'make': 1, 'level': 1, 'CalendarProblem': 0}
"""Calls that make a finding, and which of their arguments has the text."""
PAIRS = {'PROBLEMS', 'REMEDIES', 'OTHERWISE', 'NO_BOOKINGS', 'STRIPE_REFUSED', 'CALENDLY_REFUSED'}
"""Constants that hold a text and a remedy, or several of them."""
VARIES = '…'


def messages() -> set[str]:
    """Return every message about something that is not right."""
    files = [file for place in PLACES for file in _files(ROOT / place)]
    return {text for file in files for text in _in_file(ast.parse(file.read_text(encoding='utf-8'))) if text}


def _files(place: Path) -> list[Path]:
    return sorted(place.glob('*.py')) if place.is_dir() else [place]


def _in_file(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for expression in _texts_of(node):
                yield from _written(expression, tree)
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') in PAIRS:
            yield from (_text(pair.elts[0]) for pair in _pairs(node.value))


def _texts_of(call: ast.Call) -> list[ast.expr]:
    name = getattr(call.func, 'id', '')
    if name == 'Check':
        return [word.value for word in call.keywords if word.arg == 'problem']
    position = FINDINGS.get(name)
    return [call.args[position]] if position is not None and len(call.args) > position else []


def _pairs(value: ast.expr) -> list[ast.Tuple]:
    found = [node for node in ast.walk(value) if isinstance(node, ast.Tuple)]
    return [pair for pair in found if isinstance(pair.elts[0], ast.Constant | ast.JoinedStr)]


def _written(expression: ast.expr, tree: ast.Module) -> Iterator[str]:
    """Yield the texts that an expression can be: written there, or in what its name stands for."""
    if isinstance(expression, ast.Name):
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == expression.id:
                yield _text(node.value)
    else:
        yield _text(expression)


def _text(expression: ast.expr) -> str:
    """Return a text with … for each part that varies, '' if all of it does."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return expression.value.replace('{}', VARIES)
    if isinstance(expression, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else VARIES for part in expression.values]
        text = ''.join(map(str, parts)).replace('{}', VARIES)
        return text if any(character.isalpha() for character in text) else ''
    return ''
