"""Python files as the rules see them: where they are, what they say, what they import."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ('main.py', 'services', 'ui')


def python_files(*places: str) -> Iterator[Path]:
    """Yield every Python file below the places (folders or files, relative to the repository)."""
    for place in places:
        start = ROOT / place
        yield from [start] if start.is_file() else sorted(start.rglob('*.py'))


def lines_with(pattern: re.Pattern[str], path: Path) -> list[str]:
    """Return what matches in a file, as ``file:line: match``."""
    text = path.read_text(encoding='utf-8')
    return [f'{path}:{text.count(chr(10), 0, m.start()) + 1}: {m.group()}' for m in pattern.finditer(text)]


def imported_names(path: Path) -> set[str]:
    """Return the dotted names that a file imports, anywhere in it; relative imports are left out."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f'{node.module}.{alias.name}' for alias in node.names}
    return names
