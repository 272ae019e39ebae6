"""The shape of the tree, held against the source: who may import whom, and what a module may look like."""

import ast
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import packages_distributions

import pytest

from tests.architecture import effects, rules
from tests.architecture.source import ROOT, Module, imports, modules

PRODUCT = ('main.py', 'services', 'ui')
RULES_OF_THE_PRODUCT = (
    rules.arrows,
    rules.owners,
    rules.no_script,
    rules.no_forbidden_words,
    rules.docstring,
    rules.short,
    effects.nothing_on_import,
)
RULES_OF_THE_TESTS = (
    rules.docstring,
    rules.tests_state_their_claim,
    rules.no_forbidden_words,
    rules.no_sleep,
)
Rule = Callable[[Module], Iterator[str]]


@pytest.mark.parametrize('rule', RULES_OF_THE_PRODUCT, ids=lambda rule: rule.__name__)
def test_the_product_keeps_each_rule(rule: Rule) -> None:
    """No module of the product breaks a rule."""
    found = [problem for module in modules(*PRODUCT) for problem in rule(module)]
    assert not found, '\n' + '\n'.join(found)


@pytest.mark.parametrize('rule', RULES_OF_THE_TESTS, ids=lambda rule: rule.__name__)
def test_the_tests_keep_each_rule(rule: Rule) -> None:
    """No test module breaks a rule; only this folder may hold the forbidden words, as examples."""
    tests = (module for module in modules('tests') if not module.lies_in('tests.architecture'))
    found = [problem for module in tests for problem in rule(module)]
    assert not found, '\n' + '\n'.join(found)


def test_the_product_is_there() -> None:
    """The rules look at something: all three places of the product hold modules."""
    assert all(list(modules(place)) for place in PRODUCT)


def test_services_have_no_import_cycle() -> None:
    """No two parts of services import one another, directly or through others."""
    graph: dict[str, set[str]] = {}
    for module in modules('services'):
        ours = {found.name.split('.')[1] for found in imports(module) if found.name.startswith('services.')}
        graph.setdefault(module.part, set()).update(ours - {module.part})
    while leaves := {part for part, others in graph.items() if not others & graph.keys()}:
        graph = {part: others for part, others in graph.items() if part not in leaves}
    assert not graph


def test_every_library_is_declared() -> None:
    """What the product imports stands in pyproject.toml, not only in what some library happens to bring."""
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']
    declared = {_bare(line) for line in project['dependencies']}
    owner = packages_distributions()
    used = {found.name.split('.')[0] for module in modules(*PRODUCT) for found in imports(module)}
    missing = {top for top in used if top in owner and not {_bare(d) for d in owner[top]} & declared}
    assert not missing


def _bare(requirement: str) -> str:
    name = requirement.partition('[')[0].partition('>')[0].partition('=')[0]
    return name.strip().lower().replace('_', '-')


@pytest.mark.parametrize('kind', ['*.js', '*.mjs', '*.ts', '*.vue'])
def test_no_file_of_script(kind: str) -> None:
    """There is no script file of ours."""
    assert not [found for place in ('ui', 'services') for found in (ROOT / place).rglob(kind)]


def test_every_rule_is_run() -> None:
    """Whatever is written as a rule is among those that are run."""
    written = {
        node.name
        for module in modules('tests/architecture/rules.py', 'tests/architecture/effects.py')
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith('_') and node.name != 'makers'
    }
    assert written == {rule.__name__ for rule in (*RULES_OF_THE_PRODUCT, *RULES_OF_THE_TESTS)}
