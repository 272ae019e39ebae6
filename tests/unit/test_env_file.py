"""The file with the settings: how it is read, and what in it or beside it is named as a likely mistake."""

from pathlib import Path

import pytest

from services.settings import HOME, SettingsError, env_file, how_to_run, load, parse_settings, warnings
from tests.unit.given_settings import GOOD


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """A value in the environment replaces the one in .env; a Windows file with a byte order mark is read."""
    file = tmp_path / '.env'
    lines = [f'{name}="{value}"' for name, value in GOOD.items()] + ['DOMAIN=http://localhost:4000']
    file.write_bytes(b'\xef\xbb\xbf' + '\r\n'.join(lines).encode())
    assert load({}, file).domain == 'http://localhost:4000'
    assert load({'DOMAIN': 'http://localhost:5000'}, file).domain == 'http://localhost:5000'


def test_a_file_that_is_not_utf_8_is_a_problem(tmp_path: Path) -> None:
    """The problem says that the file cannot be read."""
    file = tmp_path / '.env'
    file.write_bytes(b'STRIPE_SECRET_KEY=\xff\xfe')
    with pytest.raises(SettingsError, match=r'line 1, cannot be read as UTF-8'):
        load({}, file)


@pytest.mark.parametrize('encoding', ['utf-16', 'utf-16-le', 'utf-16-be'])
def test_a_file_in_utf_16_is_told_so(tmp_path: Path, encoding: str) -> None:
    """Notepad's "Unicode" and PowerShell's ``>`` write it, with a mark at the beginning or without."""
    file = tmp_path / '.env'
    file.write_bytes('STRIPE_SECRET_KEY=sk_test_abc'.encode(encoding))
    with pytest.raises(SettingsError, match='is UTF-16 text: save it as UTF-8'):
        load({}, file)


def test_relative_paths_begin_beside_main_py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the shop is started from: the same file, the same orders, the same texts."""
    monkeypatch.chdir(tmp_path)
    settings = parse_settings(GOOD | {'SITE_FILE': 'site.toml'})
    assert settings.database_url == f'sqlite:///{HOME}/data/paidslot.db'
    assert settings.site_file == HOME / 'site.toml'
    assert env_file({}) == HOME / '.env'
    assert (HOME / 'main.py').exists()
    with pytest.raises(SettingsError, match='ENV_FILE: there is no file'):
        env_file({'ENV_FILE': str(tmp_path / 'none')})


def test_names_that_are_nearly_ours_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the nearest right one; right names and those of other programs are not."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / 'settings'
    lines = [
        'TRUSTED_PROXY=1',
        'STRIPE_SECRET=sk_test_hush',
        'STRIPE_XYZZY=1',
        'DOMAIN=http://localhost',
        'PYTHONPATH=x',
        'log_level=debug',
    ]
    file.write_text('\n'.join(lines))
    assert warnings({'DATABASE_URI': 'x', 'PATH': 'y', 'POSTGRES_PASSWORD': 'z'}, file) == [
        'DATABASE_URI is no setting; did you mean DATABASE_URL?',
        'STRIPE_SECRET is no setting; did you mean STRIPE_SECRET_KEY?',
        'STRIPE_XYZZY is no setting; did you mean STRIPE_JS?',
        'TRUSTED_PROXY is no setting; did you mean TRUSTED_PROXIES?',
        'log_level is no setting; did you mean LOG_LEVEL?',
    ]


@pytest.mark.parametrize(
    ('link', 'named'),
    [
        ('https://calendly.com/coach/session?month=2025-01&a1=x#top', '#…, month'),
        ('"https://calendly.com/coach/session?date=2025-01-03&month=2025-01"', 'date, month'),
        ('https://calendly.com/coach/session?a1=month', ''),
        ('nonsense', ''),
    ],
)
def test_what_is_left_out_of_the_calendly_link_is_named(tmp_path: Path, link: str, named: str) -> None:
    """The link works, but it is not the one that was copied; the environment wins over the file."""
    file = tmp_path / '.env'
    file.write_text('CALENDLY_LINK=https://calendly.com/coach/session#in-the-file')
    found = [line for line in warnings({'CALENDLY_LINK': link}, file) if line.startswith('CALENDLY_LINK')]
    expected = f'CALENDLY_LINK is used without {named}: the link of an event type does not have it'
    assert found == ([expected] if named else [])
    assert len([line for line in warnings({}, file) if 'without #…:' in line]) == 1


def test_a_dollar_that_compose_would_replace_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not its value; single quotes are right, and a comment does not matter."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / 'settings'
    lines = ["CALENDLY_TOKEN='a$b'", 'PORT=1 # $', 'CALENDLY_WEBHOOK_SIGNING_KEY="hush$er"', '#HOST=$x']
    file.write_text('\n'.join(lines))
    (warning,) = warnings({}, file)
    assert 'CALENDLY_WEBHOOK_SIGNING_KEY holds a $' in warning
    assert 'hush' not in warning


def test_messages_name_what_works_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a clone that is make and .venv; in the image, which has no Makefile, it is Docker."""
    assert how_to_run('demo') == 'make demo'
    assert how_to_run('restore FILE') == '.venv/bin/python main.py restore FILE'
    monkeypatch.setattr('services.settings.place.HOME', tmp_path)
    assert how_to_run('demo').startswith('docker run ')
    assert how_to_run('restore FILE') == 'docker compose run --rm shop restore FILE'


def test_a_file_that_is_not_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator who starts the shop elsewhere learns which file counts."""
    monkeypatch.chdir(tmp_path)
    here = tmp_path / '.env'
    here.write_text('')
    (warning,) = warnings({}, HOME / '.env-of-a-test')
    assert warning.startswith(f'{here} is not read')
    assert warnings({}, here) == []
