"""The guides in docs/ say what is there: commands, containers, settings, versions of files."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from services.admin.attention_words import TITLES
from services.ledger.matters import AttentionKind
from services.settings import SETTINGS
from tests.docs import check_messages, documents

WRONG = 'docs/when-something-is-wrong.md'
IN_PLACE = {'COMPOSE_FILE', 'ENV_FILE', 'NICEGUI_STORAGE_PATH'}
"""Names that are no settings of the shop: of Docker Compose, of the process itself."""
COMMAND = re.compile(
    r'docker compose (exec|run|stop|up|logs|restart|build)((?: --?[\w-]+(?:=\S+)?)*)((?: [a-z][\w-]*)*)'
)


def _compose_files() -> list[Path]:
    return sorted(documents.ROOT.glob('compose*.yaml'))


def _services() -> set[str]:
    return {name for file in _compose_files() for name in yaml.safe_load(file.read_text())['services']}


def test_the_readme_leads_to_every_guide() -> None:
    """A guide that nobody finds is none."""
    assert set(documents.guides()) <= documents.links(documents.read('README.md'))


def test_every_compose_file_is_explained() -> None:
    """Each is named in a guide."""
    told = ' '.join(documents.read(guide) for guide in documents.guides())
    assert [file.name for file in _compose_files()[1:] if file.name not in told] == []


@pytest.mark.parametrize('guide', [*documents.guides(), 'README.md'])
def test_the_containers_of_the_commands_exist(guide: str) -> None:
    """Each word after ``docker compose …`` that names a container names one of the compose files."""
    named: set[str] = set()
    for line in documents.commands(documents.read(guide)):
        if found := COMMAND.match(line):
            words = found[3].split()
            named |= set(words if found[1] in ('stop', 'up', 'build', 'restart') else words[:1])
    assert named <= _services()


@pytest.mark.parametrize('guide', documents.guides())
def test_the_settings_exist(guide: str) -> None:
    """Each name in capitals is a setting, or a variable of a compose file or of the proxy."""
    places = [*_compose_files(), *(documents.ROOT / 'deploy').iterdir()]
    variables = {name for file in places for name in re.findall(r'\{?\$\{?([A-Z_0-9]+)', file.read_text())}
    known = {row.name for row in SETTINGS} | variables | IN_PLACE
    named = set(re.findall(r'`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`', documents.read(guide)))
    named |= set(re.findall(r'^([A-Z][A-Z0-9_]+)=', documents.read(guide), re.MULTILINE))
    assert named - known == set()


def test_what_is_put_into_an_override_fits() -> None:
    """The example for a proxy of one's own changes containers that are there."""
    guide = documents.read('docs/small-server.md')
    (block,) = re.findall(r'^```yaml\n(.*?)^```', guide, re.MULTILINE | re.DOTALL)
    assert set(yaml.safe_load(block)['services']) <= _services()


@pytest.mark.skipif(shutil.which('nginx') is None, reason='nginx is not installed')
def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    """The file for nginx is complete; a certificate is made for the test."""
    pem, inner, outer = tmp_path / 'both.pem', tmp_path / 'shop.conf', tmp_path / 'nginx.conf'
    options = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=coach.example']
    _run('openssl', 'req', *options, '-keyout', str(pem), '-out', str(tmp_path / 'cert.pem'))
    pem.write_text(pem.read_text() + (tmp_path / 'cert.pem').read_text())
    text = documents.read('deploy/nginx.conf')
    inner.write_text(re.sub(r'(ssl_certificate(?:_key)?) \S+;', rf'\1 {pem};', text))
    outer.write_text(f'pid {tmp_path}/pid;\nevents {{}}\nhttp {{ include {inner}; }}\n')
    assert 'test is successful' in _run('nginx', '-t', '-c', str(outer))


def _run(program: str, *arguments: str) -> str:
    """Run a program; returns what it says on its standard error."""
    command = [shutil.which(program) or program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_everything_that_the_check_finds_has_a_remedy() -> None:
    """Each message is a row of the guide with what helps, and the guide has no message that is gone."""
    text = documents.read(WRONG).partition('## Needs a hand')[0]
    one_section = re.sub(r'^## .*$', '# Check', text, flags=re.MULTILINE)
    rows = {row[0]: row[1] for row in documents.rows_of(one_section, 'check')}
    explained = {message: remedy for message, remedy in rows.items() if message not in ('it says', '---')}
    assert sorted(check_messages.messages() ^ set(explained)) == []
    assert [message for message, remedy in explained.items() if len(remedy) < 5] == []


def test_every_row_that_needs_a_hand_has_a_first_step() -> None:
    """They come in the order of the admin's page."""
    rows = documents.rows_of(documents.read(WRONG), 'needs a hand')[2:]
    assert [row[0] for row in rows] == [TITLES[kind] for kind in AttentionKind]
    assert all(len(row[1]) > 10 for row in rows)


@pytest.mark.parametrize('document', [*documents.guides(), 'README.md'])
def test_links_into_a_page_meet_a_heading(document: str) -> None:
    """What stands behind a # is a heading of that page, written as GitHub writes it in an address."""
    folder = (documents.ROOT / document).parent
    for name, fragment in re.findall(r'\]\(([\w./-]*\.md)#([^)]+)\)', documents.read(document)):
        headings = re.findall(r'^#+ (.+)$', (folder / name).read_text(encoding='utf-8'), re.MULTILINE)
        slugs = {re.sub(r'[^\w -]', '', heading.lower()).replace(' ', '-') for heading in headings}
        assert fragment in slugs, f'{name}#{fragment}'
