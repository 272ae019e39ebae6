"""Who may import whom: the contracts of import-linter in pyproject.toml hold, and each of them can break."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.architecture.source import PRODUCT, ROOT, imported_names, python_files

VENDORS = {'stripe', 'sqlalchemy', 'alembic', 'sqlite3', 'psycopg', 'smtplib', 'prometheus_client', 'nicegui'}
TREE = tuple(
    'admin availability booking catalog check checkout commands database endpoints errors fulfilment fuse '
    'health inbox ledger logs mail metrics money orders payments rate_limit reconciler sandbox scheduling '
    'settings shop site'.split()
)
"""The parts of services, those included that come later."""
FORBIDDEN = (
    ('services.money', 'services.orders'),
    ('services.orders', 'services.ledger'),
    ('services.payments', 'services.ledger'),
    ('services.payments', 'services.scheduling'),
    ('services.payments', 'services.database'),
    ('services.scheduling', 'services.mail'),
    ('services.metrics', 'services.rate_limit'),
    ('services.database', 'services.ledger'),
    ('services.ledger', 'services.fulfilment'),
    ('services.checkout', 'services.shop'),
    ('services.inbox', 'services.endpoints'),
    ('services.logs', 'services.orders'),
    ('services.sandbox', 'services.errors'),
    ('services.checkout', 'services.sandbox'),
    ('services.shop', 'services.sandbox'),
    ('services.checkout', 'services.database'),
    ('services.checkout', 'ui'),
    ('ui', 'services'),
    ('ui', 'services.ledger'),
    ('ui', 'services.checkout'),
    ('ui', 'services.endpoints'),
    ('ui', 'services.sandbox'),
    ('services.endpoints', 'stripe'),
    ('services.sandbox', 'stripe'),
    ('ui', 'stripe'),
    ('services.orders', 'sqlalchemy'),
    ('services.shop', 'alembic'),
    ('services.ledger', 'sqlite3'),
    ('services.ledger', 'psycopg'),
    ('services.inbox', 'smtplib'),
    ('ui', 'prometheus_client'),
    ('services.shop', 'nicegui'),
)
ALLOWED = (
    ('services.errors', 'services.money'),
    ('services.ledger', 'services.database'),
    ('services.ledger', 'sqlalchemy'),
    ('services.database', 'alembic'),
    ('services.database', 'sqlite3'),
    ('services.database', 'psycopg'),
    ('services.metrics', 'prometheus_client'),
    ('services.payments', 'stripe'),
    ('services.payments', 'services.settings'),
    ('services.payments', 'services.logs'),
    ('services.fulfilment', 'services.payments'),
    ('services.fulfilment', 'services.booking'),
    ('services.commands.demo', 'services.sandbox'),
    ('services.mail', 'smtplib'),
    ('ui', 'services.shop'),
    ('ui.pages', 'services.money'),
    ('ui.pages', 'services.orders.text'),
    ('ui.pages', 'services.endpoints.request_body'),
    ('ui.pages', 'nicegui'),
)


def lint_imports(folder: Path) -> tuple[int, str]:
    """Hold the packages in a folder against our contracts; returns exit code and output."""
    command = [sys.executable, '-c', 'from importlinter.cli import lint_imports_command as main; main()']
    options = [str(ROOT / 'pyproject.toml'), '--no-cache']
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def plant(folder: Path, imports: tuple[tuple[str, str], ...]) -> None:
    """Write a tree with the parts of ours, in which modules have nothing but these imports."""
    names = {f'services.{part}' for part in TREE} | {'services', 'ui', 'ui.pages', 'services.commands.demo'}
    names |= {'services.orders.text', 'services.endpoints.request_body'}
    for name in sorted(names):
        package = folder.joinpath(*name.split('.'))
        package.mkdir(parents=True, exist_ok=True)
        lines = [f'import {imported}' for importer, imported in imports if importer == name]
        (package / '__init__.py').write_text('\n'.join(lines))


def test_the_product_keeps_the_contracts() -> None:
    """No module imports what its layer must not see."""
    code, output = lint_imports(ROOT)
    assert code == 0, output


def test_allowed_imports_pass(tmp_path: Path) -> None:
    """Imports downwards, and those that a contract names, break nothing."""
    plant(tmp_path, ALLOWED)
    code, output = lint_imports(tmp_path)
    assert code == 0, output


def test_each_forbidden_import_is_found(tmp_path: Path) -> None:
    """Each import upwards, sideways or of another's library breaks a contract, which names its line."""
    plant(tmp_path, (*ALLOWED, *FORBIDDEN))
    code, output = lint_imports(tmp_path)
    assert code == 1, output
    found = set(re.findall(r'(\S+) -> (\S+) \(l\.\d', output))
    assert set(FORBIDDEN) - found == set()


def test_a_part_without_a_layer_is_found(tmp_path: Path) -> None:
    """A new part of services must be given its layer."""
    plant(tmp_path, ALLOWED)
    (tmp_path / 'services' / 'novelty.py').touch()
    code, output = lint_imports(tmp_path)
    assert code == 1
    assert 'novelty' in output


def test_main_imports_neither_vendors_nor_the_sandbox() -> None:
    """main.py is no package, so the contracts do not see it; it only chooses a command."""
    names = imported_names(ROOT / 'main.py')
    assert {name.split('.')[0] for name in names} & VENDORS == set()
    assert [name for name in names if name.startswith('services.sandbox')] == []


def test_every_library_is_declared() -> None:
    """What the product imports stands in pyproject.toml, not only in what some library happens to bring."""
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']
    declared = {_bare(line) for line in project['dependencies']}
    owner = packages_distributions()
    used = {name.split('.')[0] for path in python_files(*PRODUCT) for name in imported_names(path)}
    assert {'stripe', 'nicegui'} <= used
    assert {top for top in used if top in owner and not {_bare(d) for d in owner[top]} & declared} == set()


def _bare(requirement: str) -> str:
    name = requirement.partition('[')[0].partition('>')[0].partition('=')[0]
    return name.strip().lower().replace('_', '-')
