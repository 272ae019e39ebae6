"""An update that changes the tables copies a SQLite ledger first; the next version is made up here."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from services.database.before_migration import KEPT, keep_copy
from services.ledger import Ledger, connect
from services.orders import Cause
from tests.factories import NOON, an_order
from tests.postgres import Cluster
from tests.processes import ROOT

MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade() -> None:
    op.create_table('made_up', sa.Column('name', sa.Text(), nullable=False))
    {further}
"""
START = """
import asyncio, sys
from services import logs
from services.ledger import connect
from services.settings import SettingsError

logs.set_up(form='text', level='info')
try:
    asyncio.run(connect(sys.argv[1]).open())
except SettingsError as error:
    print(*error.problems)
    sys.exit(2)
"""


@pytest.fixture(scope='module')
def next_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a version of the program with one more migration."""
    folder = tmp_path_factory.mktemp('next-version')
    shutil.copytree(ROOT / 'services', folder / 'services', ignore=shutil.ignore_patterns('sandbox'))
    schema = folder / 'services/database/schema.py'
    schema.write_text(schema.read_text().replace("NEWEST = '0001'", "NEWEST = '0002'"))
    _write_migration(folder, 'pass')
    return folder


def _write_migration(folder: Path, further: str) -> None:
    file = folder / 'services/database/migrations/versions/0002_made_up.py'
    file.write_text(MIGRATION.format(further=further))


@pytest.fixture
def failing_version(next_version: Path) -> Iterator[Path]:
    """Let the migration of the next version fail in its middle."""
    _write_migration(next_version, "raise OSError('pulled the plug')")
    yield next_version
    _write_migration(next_version, 'pass')


async def _sell(database_url: str) -> None:
    ledger = Ledger(connect(database_url), lambda: NOON)
    await ledger.open()
    assert await ledger.orders.add(an_order(), because=Cause.BUTTON)
    await ledger.close()


def _start(version: Path, database_url: str) -> tuple[int, str]:
    """Open a ledger with another version of the program; return its exit code and what it wrote."""
    command = [sys.executable, '-c', START, database_url]
    environment = {'PATH': os.environ['PATH'], 'PYTHONPATH': str(version)}
    done = subprocess.run(command, cwd=version, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def _copies(folder: Path) -> list[Path]:
    return sorted(folder.glob('shop.db.before-migration-*'))


def _version_and_orders(file: Path) -> tuple[str, int]:
    with closing(sqlite3.connect(file)) as connection:
        (version,) = connection.execute('SELECT version_num FROM alembic_version').fetchone()
        (orders,) = connection.execute('SELECT count(*) FROM orders').fetchone()
    return version, orders


async def test_a_ledger_is_copied_before_it_is_migrated(tmp_path: Path, next_version: Path) -> None:
    """The copy has the old tables and every order; the next start has nothing to migrate or to copy."""
    url = f'sqlite:///{tmp_path}/shop.db'
    await _sell(url)
    code, log = _start(next_version, url)
    assert code == 0, log
    (copy,) = _copies(tmp_path)
    assert copy.name.startswith('shop.db.before-migration-0001-')
    assert _version_and_orders(copy) == ('0001', 1)
    assert _version_and_orders(tmp_path / 'shop.db') == ('0002', 1)
    assert f'shop.db was copied to {copy}: 1 orders' in log
    assert _start(next_version, url)[0] == 0
    assert _copies(tmp_path) == [copy]


async def test_a_migration_that_fails_leaves_the_ledger_as_it_was(
    tmp_path: Path, failing_version: Path
) -> None:
    """The start is refused, the ledger still has the old version, and the copy is there."""
    url = f'sqlite:///{tmp_path}/shop.db'
    await _sell(url)
    code, log = _start(failing_version, url)
    assert code == 2
    assert 'pulled the plug' in log
    assert _version_and_orders(tmp_path / 'shop.db') == ('0001', 1)
    assert [_version_and_orders(copy) for copy in _copies(tmp_path)] == [('0001', 1)]


async def test_without_a_copy_nothing_is_migrated(tmp_path: Path, next_version: Path) -> None:
    """A ledger that cannot be copied is not changed, and the problem is named."""
    url = f'sqlite:///{tmp_path}/shop.db'
    await _sell(url)
    with closing(sqlite3.connect(tmp_path / 'shop.db')) as connection, connection:
        connection.execute('DROP TABLE journal')  # so the check of the copy fails
    code, log = _start(next_version, url)
    assert code == 2
    assert 'nothing was migrated, because no copy could be made first' in log
    assert _version_and_orders(tmp_path / 'shop.db') == ('0001', 1)
    assert _copies(tmp_path) == []


async def test_a_new_database_is_not_copied(tmp_path: Path, next_version: Path) -> None:
    """There is nothing in it yet."""
    assert _start(next_version, f'sqlite:///{tmp_path}/shop.db')[0] == 0
    assert _copies(tmp_path) == []


async def test_the_newest_copies_are_kept(tmp_path: Path) -> None:
    """Older ones are deleted, whatever their version; other files beside them stay."""
    await _sell(f'sqlite:///{tmp_path}/shop.db')
    (tmp_path / 'shop.db.before-restore-20200101T000000Z').write_text('precious')
    made = []
    for number, version in enumerate(['0001', '0003', '0002', '0002', '0001']):
        made.append(keep_copy(tmp_path / 'shop.db', version, now=NOON + timedelta(days=number)))
    assert set(_copies(tmp_path)) == set(made[-KEPT:])
    assert (tmp_path / 'shop.db.before-restore-20200101T000000Z').exists()


async def test_a_migration_of_postgresql_says_that_no_copy_is_made(
    postgres_server: Cluster, next_version: Path
) -> None:
    """It is migrated in one transaction, and the log names pg_dump."""
    with postgres_server.database() as url:
        await _sell(url)
        code, log = _start(next_version, url)
    assert code == 0, log
    assert 'the tables change from version 0001 to 0002' in log
    assert 'pg_dump' in log
