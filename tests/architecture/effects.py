"""The rule that nothing happens on import: what may stand, and be called, at the top of a module."""

import ast
from collections.abc import Iterator
from functools import cache
from typing import TypeGuard

from tests.architecture.source import Module, file_of, imports

# Calls that only make a value. A class defined in the same module makes one too.
MAKES_A_VALUE = frozenset(
    # values of the language
    'bytes chr dict frozenset float int len list max min ord range set sorted str sum tuple zip'
    ' auto field fields compile getLogger get_logger MappingProxyType NewType ParamSpec TypeVar ContextVar'
    ' Path date datetime time timedelta timezone ZoneInfo Decimal Fraction namedtuple dedent'
    # methods of values
    ' casefold encode format fromhex fromkeys items join keys lower lstrip replace resolve rstrip split'
    ' splitlines strip title union upper values with_name with_suffix'
    # values of libraries
    ' AfterValidator BeforeValidator ConfigDict Field Limits Markup StringConstraints Timeout'
    ' Route TypeAdapter'.split()
)
# Tables are values as well, but only where tables are.
MAKES_A_TABLE = frozenset(
    'MetaData Table Column ForeignKey ForeignKeyConstraint Index UniqueConstraint CheckConstraint'
    ' PrimaryKeyConstraint Integer BigInteger Text String Boolean JSON LargeBinary DateTime TypeDecorator'
    ' text func'.split()
)
REGISTERS = frozenset(
    'get post put delete head api_route route websocket page middleware exception_handler on_event on_startup'
    ' on_shutdown on_connect on_disconnect on_exception on_page_exception listens_for register'.split()
)
QUIET = (ast.Import, ast.ImportFrom, ast.Pass)


def nothing_on_import(module: Module) -> Iterator[str]:
    """At the top of a module stand imports, constants, functions and classes, and no call with an effect.

    Left out are ``__main__.py`` and the migrations, which are run and never imported.
    """
    if module.path.name == '__main__.py' or module.lies_in('services.database.migrations'):
        return
    known = MAKES_A_VALUE | (MAKES_A_TABLE if module.lies_in('services.database.schema') else frozenset())
    allowed = _with_methods(known) | makers(module)
    for line, what in _effects(module.tree.body, allowed):
        yield f'{module.path.as_posix()}:{line}: nothing happens on import: {what}'


def makers(module: Module) -> frozenset[str]:
    """Names of ours in a module that only make a value when called.

    These are classes without an ``__init__`` of their own (dataclasses, enumerations), and functions that
    call nothing but what makes a value; defined here, or in the module of ours they are imported from.
    """
    known: set[str] = set()
    for found in imports(module):
        package, _, name = found.name.rpartition('.')
        if file := file_of(package):
            known |= {name} & _makers_in(file)
        if file := file_of(found.name):
            known |= {f'.{maker}' for maker in _makers_in(file)}
    return _makers_in(module, frozenset(known)) | known


@cache
def _makers_in(module: Module, known: frozenset[str] = frozenset()) -> frozenset[str]:
    allowed = _with_methods(MAKES_A_VALUE) | known
    while more := {node.name for node in module.tree.body if _only_makes(node, allowed)} - allowed:
        allowed |= more
    return allowed - known - _with_methods(MAKES_A_VALUE)


def _only_makes(node: ast.stmt, allowed: frozenset[str]) -> TypeGuard[ast.FunctionDef | ast.ClassDef]:
    if isinstance(node, ast.ClassDef):
        return not any(isinstance(part, ast.FunctionDef) and part.name == '__init__' for part in node.body)
    return isinstance(node, ast.FunctionDef) and not any(_calls(part, allowed) for part in node.body)


def _with_methods(names: frozenset[str]) -> frozenset[str]:
    return names | {f'.{name}' for name in names}


def _effects(body: list[ast.stmt], allowed: frozenset[str]) -> Iterator[tuple[int, str]]:
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _function(statement, allowed)
        elif isinstance(statement, ast.ClassDef):
            yield from _effects(statement.body, allowed)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            yield from _calls(statement, allowed)
        elif isinstance(statement, ast.If):
            yield from _branch(statement, allowed)
        elif isinstance(statement, ast.Try):
            yield from _effects([*statement.body, *statement.orelse, *statement.finalbody], allowed)
        elif not isinstance(statement, QUIET) and not _is_text(statement):
            yield statement.lineno, f'{type(statement).__name__.lower()} statement'


def _function(
    function: ast.FunctionDef | ast.AsyncFunctionDef, allowed: frozenset[str]
) -> Iterator[tuple[int, str]]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and _called(decorator).lstrip('.') in REGISTERS:
            yield decorator.lineno, f'@{_called(decorator)}(…) registers {function.name}'
    for default in [*function.args.defaults, *(d for d in function.args.kw_defaults if d)]:
        yield from _calls(default, allowed)


def _branch(statement: ast.If, allowed: frozenset[str]) -> Iterator[tuple[int, str]]:
    if '__name__' in ast.unparse(statement.test):
        return
    yield from _calls(statement.test, allowed)
    yield from _effects([*statement.body, *statement.orelse], allowed)


def _calls(node: ast.AST, allowed: frozenset[str]) -> list[tuple[int, str]]:
    """Calls below a node that are made at once: those in a lambda or an inner function are not."""
    if isinstance(node, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    found = [call for child in ast.iter_child_nodes(node) for call in _calls(child, allowed)]
    if isinstance(node, ast.Call) and _called(node) not in allowed:
        found.insert(0, (node.lineno, f'{ast.unparse(node.func)}(…) is called'))
    return found


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return f'.{call.func.attr}'
    return call.func.id if isinstance(call.func, ast.Name) else ''


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
