"""What is written down is true: settings, routes, commands, links and the version."""

import re
import subprocess
import sys
import tomllib

import pytest

from services import settings
from tests.docs import papers
from tests.docs.routes import routes_of_the_product

PAPERS = ('README.md', 'ARCHITECTURE.md', 'DECISIONS.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md')


def test_the_example_names_every_setting_once() -> None:
    """.env.example and the settings module name the same settings, each once."""
    assert sorted(papers.names_in_env_file(papers.read('.env.example'))) == sorted(settings.NAMES)


def test_the_example_holds_no_secret() -> None:
    """Nothing in .env.example could be taken for a real key."""
    assert not re.search(r'(sk|rk|pk)_(test|live)_\w|whsec_\w|price_\w', papers.read('.env.example'))


def test_the_readme_lists_every_setting_once() -> None:
    """README's settings table and the settings module name the same settings, each once."""
    assert sorted(papers.names_in_settings_table(papers.read('README.md'))) == sorted(settings.NAMES)


def test_the_architecture_lists_every_route() -> None:
    """ARCHITECTURE's table of routes is what the product serves, but for HEAD and the demo's sandbox."""
    written, served = papers.routes_in_table(papers.read('ARCHITECTURE.md')), routes_of_the_product()
    assert _named(written) == _named(served)


def _named(routes: set[tuple[str, str]]) -> set[str]:
    named = {f'{method} {path}' for method, path in routes if method != 'HEAD'}
    return {route for route in named if not route.startswith('GET /sandbox')}


def test_every_make_command_exists() -> None:
    """Each `make …` a paper names is a target."""
    lines = [line for paper in PAPERS for line in papers.commands(papers.read(paper))]
    named = {target for line in lines if (m := re.match(r'make ([\w-]+)', line)) for target in m.groups()}
    assert {'demo', 'test'} <= named <= papers.make_targets(papers.read('Makefile'))


def test_every_sub_command_exists() -> None:
    """Each `main.py …` a paper names is in its help."""
    lines = [line for paper in PAPERS for line in papers.commands(papers.read(paper))]
    named = {m[1] for line in lines if (m := re.search(r'main\.py ([a-z]\w*)', line))}
    command = [sys.executable, 'main.py', '--help']
    help_text = subprocess.run(command, cwd=papers.ROOT, capture_output=True, text=True, timeout=60).stdout
    assert named - set(re.findall(r'\w+', help_text)) == set()


@pytest.mark.parametrize('paper', PAPERS)
def test_every_link_leads_somewhere(paper: str) -> None:
    """Each file a paper links to or shows is in the repository."""
    assert [link for link in papers.links(papers.read(paper)) if not (papers.ROOT / link).exists()] == []


def test_the_changelog_has_the_version() -> None:
    """The version of pyproject.toml has a heading in the changelog."""
    version = tomllib.loads(papers.read('pyproject.toml'))['project']['version']
    assert re.search(rf'^## \[?v?{re.escape(version)}\b', papers.read('CHANGELOG.md'), re.MULTILINE)


@pytest.mark.parametrize('name', ['runtime', 'dev', 'contract'])
def test_every_requirement_is_pinned(name: str) -> None:
    """A requirements file holds exact versions with hashes, and no address or path."""
    text = papers.read(f'requirements/{name}.txt')
    entries = re.split(r'\n(?=\S)', re.sub(r'^ *#.*\n', '', text, flags=re.MULTILINE).strip())
    exact = re.compile(r'[\w.-]+==[\w.!+]+(?: ; [^\\\n]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+')
    assert [entry for entry in entries if not exact.fullmatch(entry.strip())] == []
    assert not re.search(r'://|@ |--index|--find-links|--extra', text)
