"""What is written down is true: settings, routes, commands, links and the version."""

import re
import subprocess
import sys
import tomllib

import pytest

from services import settings
from services.payments import RELEVANT
from tests.docs import documents
from tests.docs.routes import routes_of_the_product

DOCUMENTS = (
    *('README.md', 'ARCHITECTURE.md', 'DECISIONS.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'),
    *documents.guides(),
)


def test_the_example_follows_the_table() -> None:
    """.env.example is what the table of settings says, to the letter."""
    assert documents.read('.env.example') == documents.env_example()


def test_the_example_holds_no_secret() -> None:
    """Nothing in .env.example could be taken for a real key."""
    assert not re.search(r'(sk|rk|pk)_(test|live)_\w|whsec_\w|price_\w', documents.read('.env.example'))


def test_the_readme_lists_every_setting() -> None:
    """README's settings table names the same settings, and says of each when it is needed."""
    table = documents.settings_table(documents.read('README.md'))
    assert {name: needed for name, (needed, _) in table.items()} == {
        row.name: row.needed.value for row in settings.SETTINGS
    }


def test_the_readme_says_the_defaults() -> None:
    """README names the default of each setting that has one and is no switch."""
    table = documents.settings_table(documents.read('README.md'))
    rows = [row for row in settings.SETTINGS if row.default not in ('', '0', '1')]
    assert [row.name for row in rows if (row.example or row.default) not in table[row.name][1]] == []


def test_the_readme_lists_the_events_to_select() -> None:
    """README names each event type that the shop uses, once, and no other."""
    assert sorted(documents.events_to_select(documents.read('README.md'))) == sorted(RELEVANT)


def test_the_architecture_lists_every_route() -> None:
    """ARCHITECTURE's table of routes is what the product serves, but for HEAD and the demo's sandbox."""
    written, served = documents.routes_in_table(documents.read('ARCHITECTURE.md')), routes_of_the_product()
    assert _named(written) == _named(served)


def _named(routes: set[tuple[str, str]]) -> set[str]:
    named = {f'{method} {path}' for method, path in routes if method != 'HEAD'}
    return {route for route in named if not route.startswith('GET /sandbox')}


def test_every_make_command_exists() -> None:
    """Each `make …` a document names is a target."""
    lines = [line for document in DOCUMENTS for line in documents.commands(documents.read(document))]
    named = {target for line in lines if (m := re.match(r'make ([\w-]+)', line)) for target in m.groups()}
    assert {'demo', 'test'} <= named <= documents.make_targets(documents.read('Makefile'))


def test_every_sub_command_exists() -> None:
    """Each `main.py …` a document names is in its help."""
    lines = [line for document in DOCUMENTS for line in documents.commands(documents.read(document))]
    named = {m[1] for line in lines if (m := re.search(r'main\.py ([a-z]\w*)', line))}
    command = [sys.executable, 'main.py', '--help']
    help_text = subprocess.run(command, cwd=documents.ROOT, capture_output=True, text=True, timeout=60).stdout
    assert named - set(re.findall(r'\w+', help_text)) == set()


@pytest.mark.parametrize('document', DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    """Each file a document links to or shows is in the repository."""
    folder = (documents.ROOT / document).parent
    assert [link for link in documents.links(documents.read(document)) if not (folder / link).exists()] == []


def test_the_changelog_has_the_version() -> None:
    """The version of pyproject.toml has a heading in the changelog."""
    version = tomllib.loads(documents.read('pyproject.toml'))['project']['version']
    assert re.search(rf'^## \[?v?{re.escape(version)}\b', documents.read('CHANGELOG.md'), re.MULTILINE)


@pytest.mark.parametrize('name', ['runtime', 'dev', 'contract'])
def test_every_requirement_is_pinned(name: str) -> None:
    """A requirements file holds exact versions with hashes, and no address or path."""
    text = documents.read(f'requirements/{name}.txt')
    entries = re.split(r'\n(?=\S)', re.sub(r'^ *#.*\n', '', text, flags=re.MULTILINE).strip())
    exact = re.compile(r'[\w.-]+==[\w.!+]+(?: ; [^\\\n]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+')
    assert [entry for entry in entries if not exact.fullmatch(entry.strip())] == []
    assert not re.search(r'://|@ |--index|--find-links|--extra', text)


def test_contributing_says_the_coverage() -> None:
    """The figure of the coverage gate is in CONTRIBUTING."""
    report = tomllib.loads(documents.read('pyproject.toml'))['tool']['coverage']['report']
    assert f'at least {report["fail_under"]} %' in documents.read('CONTRIBUTING.md')
