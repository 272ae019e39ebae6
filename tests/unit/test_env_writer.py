"""Writing ``.env``: what stays, what changes, and how values are written."""

import os
from pathlib import Path

import pytest

from services.set_up.env_writer import NotWritten, can_write, masked, with_values, write
from services.settings.env_file import read


def test_other_lines_and_comments_stay(tmp_path: Path) -> None:
    """A value is replaced where it stands, a new one comes last; the file is private."""
    file = tmp_path / '.env'
    file.write_text('# my shop\nexport DOMAIN=http://old\n\n# DOMAIN=http://never\nPORT=3000')
    write(file, {'DOMAIN': 'https://new.example', 'ADMIN_PASSWORD': 'a b c'})
    assert file.read_text() == (
        "# my shop\nDOMAIN=https://new.example\n\n# DOMAIN=http://never\nPORT=3000\nADMIN_PASSWORD='a b c'\n"
    )
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ['.env']


def test_the_line_of_a_value_that_stays_is_not_touched(tmp_path: Path) -> None:
    """It may have a comment of its own, or another way to write it."""
    file = tmp_path / '.env'
    file.write_text('export DOMAIN="https://a.example"  # ours\nPORT=3000\n')
    write(file, {'DOMAIN': 'https://a.example', 'PORT': '4000'})
    assert file.read_text() == 'export DOMAIN="https://a.example"  # ours\nPORT=4000\n'


@pytest.mark.parametrize('value', ['', 'plain_1', 'a $b', "it's", '#x', '"q"', 'a\\b', '\\', "\\'", 'ü=é'])
def test_every_value_is_read_back(tmp_path: Path, value: str) -> None:
    """Whatever characters it has."""
    write(tmp_path / '.env', {'ADMIN_PASSWORD': value})
    assert read(tmp_path / '.env') == {'ADMIN_PASSWORD': value}


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    """A folder in the place of the file."""
    (tmp_path / '.env').mkdir()
    with pytest.raises(NotWritten):
        write(tmp_path / '.env', {'PORT': '1'})
    assert [each.name for each in tmp_path.iterdir()] == ['.env']


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can give files away')
def test_the_owner_stays(tmp_path: Path) -> None:
    """A set-up as root does not take the file away from the user that the shop runs as."""
    file = tmp_path / '.env'
    file.touch()
    os.chown(file, 10001, 10001)
    write(file, {'PORT': '1'})
    assert (file.stat().st_uid, file.stat().st_gid) == (10001, 10001)


def test_a_value_that_stands_twice_is_changed_twice() -> None:
    """So that it does not matter which line a program reads."""
    assert with_values('A=1\nB=2\nA=3\n', {'A': '4'}) == 'A=4\nB=2\nA=4\n'


@pytest.mark.parametrize('end', ['\n', '\r\n'])
def test_a_value_of_several_lines_is_replaced_whole(tmp_path: Path, end: str) -> None:
    """What stood in its other lines becomes no setting, and the lines around it stay."""
    file = tmp_path / '.env'
    file.write_bytes("# mine\n\nA='one\nPORT=1\nthree'  # was mine\n  \nB=2".replace('\n', end).encode())
    write(file, {'A': 'new', 'B': '3', 'C': '4'})
    expected = f'# mine{end}{end}A=new{end}  {end}B=3'
    assert file.read_bytes().decode() == f'{expected}\nC=4\n'
    assert read(file) == {'A': 'new', 'B': '3', 'C': '4'}


def test_a_line_that_is_no_setting_stays() -> None:
    """Neither it nor a comment with the same name is taken for the setting."""
    assert with_values("A 'x\n#B=1\nB=2\n", {'B': '3'}) == "A 'x\n#B=1\nB=3\n"


def test_only_files_can_be_written(tmp_path: Path) -> None:
    """A device is none; a file that is missing is made beside main.py, since this is no image."""
    assert not can_write(Path('/dev/null'), {})
    assert can_write(tmp_path / '.env', {})
    assert not can_write(tmp_path / 'missing' / '.env', {})


@pytest.mark.parametrize('name', ['DATABASE_URL', 'PORT'])
def test_no_file_is_made_where_a_platform_sets_port_or_database(tmp_path: Path, name: str) -> None:
    """It would be gone with the next release; a file that is there already is the operator's."""
    file = tmp_path / '.env'
    assert not can_write(file, {name: '4000'})
    assert can_write(file, {name: ''})
    file.touch()
    assert can_write(file, {name: '4000'})


@pytest.mark.parametrize(
    ('name', 'value', 'shown'),
    [
        ('STRIPE_SECRET_KEY', 'sk_test_123456789', '…6789'), ('ADMIN_PASSWORD', 'a long password', 'set'),
        ('CALENDLY_TOKEN', 'short', 'set'), ('DOMAIN', 'https://a.example', 'https://a.example'),
        ('CALENDLY_TOKEN', '', 'none'),
        ('STRIPE_WEBHOOK_SECRET', 'whsec_123456789,whsec_1,whsec_123456000', '…6789 and set and …6000'),
    ],
)  # fmt: skip
def test_secrets_are_masked(name: str, value: str, shown: str) -> None:
    """Of a key the last four characters are shown, of a password none; of a list each secret."""
    assert masked(name, value) == shown
