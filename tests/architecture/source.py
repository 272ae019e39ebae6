"""Python source as the rules see it: a module with its place in the tree, and what it imports."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Module:
    """One Python file; ``path`` is relative to the repository and decides which rules hold for it."""

    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text, filename=str(self.path))

    @property
    def name(self) -> str:
        """The dotted name: services/payments/__init__.py is ``services.payments``."""
        parts = self.path.with_suffix('').parts
        return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)

    @property
    def part(self) -> str:
        """The name among its neighbours: ``payments`` for all of services/payments(.py)."""
        return [*self.name.split('.'), ''][1]

    def lies_in(self, *places: str) -> bool:
        """Whether the file is one of the places, or lies below one."""
        return any(self.name == place or self.name.startswith(f'{place}.') for place in places)


@dataclass(frozen=True)
class Import:
    """One imported name, absolute and dotted as far as it is written: ``services.orders.Order``."""

    line: int
    name: str

    def comes_from(self, *places: str) -> bool:
        """Whether the name is one of the places, or lies below one."""
        return any(self.name == place or self.name.startswith(f'{place}.') for place in places)


def modules(*places: str) -> Iterator[Module]:
    """Every Python file below the places (folders or files, relative to the repository)."""
    for place in places:
        start = ROOT / place
        files = [start] if start.is_file() else sorted(start.rglob('*.py'))
        for file in files:
            yield Module(file.relative_to(ROOT), file.read_text(encoding='utf-8'))


@cache
def file_of(name: str) -> Module | None:
    """The module of ours with a dotted name, if there is one."""
    base = ROOT.joinpath(*name.split('.'))
    found = [path for path in (base.with_suffix('.py'), base / '__init__.py') if name and path.is_file()]
    return next(iter(modules(str(found[0].relative_to(ROOT)))), None) if found else None


def imports(module: Module) -> Iterator[Import]:
    """Everything a module imports: anywhere in it, absolute, relative, or by ``import_module('…')``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            yield from (Import(node.lineno, f'{base}.{alias.name}') for alias in node.names)
        elif isinstance(node, ast.Call) and _callee(node) in ('import_module', '__import__', 'run_module'):
            yield from (Import(node.lineno, str(a.value)) for a in node.args if isinstance(a, ast.Constant))


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ''
    package = module.name.split('.')
    up = node.level - (module.path.name == '__init__.py')
    return '.'.join([*package[: len(package) - up], *([node.module] if node.module else [])])


def _callee(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ''
