"""Backup and restore of a SQLite ledger."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from services.database.problems import DAMAGED, in_words
from services.database.sqlite import code_of

ELSEWHERE = 'DATABASE_URL is PostgreSQL: use its own tools, pg_dump to back up and pg_restore to restore.'
SIDE_FILES = ('-wal', '-shm', '-journal')
"""What SQLite may leave beside a file, by the endings of its name (sqlite.org/tempfiles.html)."""
LOCK_TIMEOUT = 5.0  # seconds

UNBOOKED = """
    SELECT id, version + 1 FROM orders
    WHERE voided_at IS NULL AND session_status <> 'expired' AND NOT bookings_unknown
    AND id NOT IN (SELECT order_id FROM bookings WHERE state = 'active')"""
WRITE_LINE = "INSERT INTO journal (order_id, version, at, because, actor, line) VALUES (?, ?, ?, ?, '', ?)"
MARK = """
    UPDATE orders SET calendar_url = NULL, calendar_url_at = NULL, bookings_unknown = 1, version = ?
    WHERE id = ?"""


OTHER_BACKUP = 'The file is damaged or is no database. Take another backup.'


class BackupRefused(Exception):
    """Nothing was copied; ``problems`` are sentences for the operator."""

    def __init__(self, *problems: str) -> None:
        super().__init__('\n'.join(problems))
        self.problems = problems


def backup(database_url: str, file: Path) -> str:
    """Copy the whole ledger into a file, as of one point in time; the shop may go on selling meanwhile.

    Args:
        database_url: where the ledger is.
        file: what to write; must not exist.

    Returns:
        What was done, in a sentence.

    Raises:
        BackupRefused: the copy cannot be made; nothing is left at ``file``.
    """
    source = _path_of(database_url)
    if not source.is_file():
        raise BackupRefused(f'There is no database at {source}.')
    if file.exists():
        raise BackupRefused(f'{file} exists already, and is not overwritten: name another file.')
    with _as_refusal(f'The backup of {source} to {file} failed'), _temporary_file_for(file) as temporary:
        # A reader that may not write would leave files behind that the shop perhaps may not write either.
        _copy(source, temporary, mode='rw')
        summary = _verify(temporary, source)
        temporary.replace(file)
        _fsync(file.parent)
    return f'{source} was copied to {file}: {summary}.'


def restore(database_url: str, file: Path, *, now: datetime) -> str:
    """Put a backup in the place of the ledger, and keep the old one beside it.

    Args:
        database_url: where the ledger is.
        file: a backup; it stays as it is.
        now: the present time in UTC, for the name of the old ledger.

    Returns:
        What was done, in a sentence.

    Raises:
        BackupRefused: the file is no whole ledger, or a shop uses the old one; nothing was changed.
    """
    target = _path_of(database_url)
    if not file.is_file():
        raise BackupRefused(f'There is no file {file}.')
    if target.exists() and file.samefile(target):
        raise BackupRefused(f'{file} is the database itself.')
    with _as_refusal(f'{file} was not restored', damaged=OTHER_BACKUP):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _temporary_file_for(target) as temporary:
            _copy(file, temporary, mode='ro')
            summary = _verify(temporary, file)
            _mark_unknown_bookings(temporary, now)
            old = _replace(temporary, target, now)
    return f'{file} is now {target}: {summary}.{old} Start the shop: it reads at Stripe what is missing.'


def _path_of(database_url: str) -> Path:
    if not database_url.startswith('sqlite'):
        raise BackupRefused(ELSEWHERE)
    return Path(make_url(database_url).database or '')


@contextmanager
def _as_refusal(what: str, *, damaged: str = DAMAGED) -> Iterator[None]:
    """Turn what SQLite or the system refuses into words."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise BackupRefused(f'{what}: {in_words(error, "sqlite", damaged=damaged)}') from error


@contextmanager
def _temporary_file_for(file: Path) -> Iterator[Path]:
    """Make a file on the same disk that only this user may read, and that is gone unless it was renamed."""
    handle, name = tempfile.mkstemp(prefix=f'.{file.name}.', suffix='.part', dir=file.parent)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        for leftover in (name, *(name + ending for ending in SIDE_FILES)):
            Path(leftover).unlink(missing_ok=True)


def _copy(source: Path, temporary: Path, *, mode: str) -> None:
    """Copy one consistent state of a database into one file that needs no other beside it."""
    with closing(_connect(source, mode)) as there, closing(_connect(temporary, 'rw')) as here:
        there.backup(here)  # in one step: a reader's view, which no writer waits for
        here.execute('PRAGMA journal_mode=DELETE')
    _fsync(temporary)


def _verify(temporary: Path, source: Path) -> str:
    """Say what is in a copy.

    Raises:
        BackupRefused: a page is damaged, or it is not a ledger that this version can open.
    """
    from services.database import migrations  # a shop that runs has no need of them

    with closing(_connect(temporary, 'ro')) as connection:
        found = connection.execute('PRAGMA integrity_check(1)').fetchone()[0]
        if found != 'ok':
            raise BackupRefused(f'{source} is damaged: {found}.')
        names = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if not {'alembic_version', 'orders', 'journal'} <= names:
            raise BackupRefused(f'{source} is not a ledger of Paidslot.')
        versions = [version for (version,) in connection.execute('SELECT version_num FROM alembic_version')]
        if len(versions) != 1 or versions[0] not in migrations.versions():
            raise BackupRefused(
                f'{source} was written by another version of Paidslot ({", ".join(versions)}).'
            )
        orders, last = connection.execute('SELECT count(*), max(created_at) FROM orders').fetchone()
    return f'{orders} orders' + (f', the last of {last[:16]} UTC' if last else '')


def _mark_unknown_bookings(temporary: Path, now: datetime) -> None:
    """Mark the orders that may have been booked since; their bookings are looked up before a link is made."""
    words = (now.strftime('%Y-%m-%d %H:%M:%S.%f'), 'restore', 'restored: it may have been booked since')
    with closing(_connect(temporary, 'rw')) as connection:
        connection.execute('BEGIN')
        marked = connection.execute(UNBOOKED).fetchall()
        connection.executemany(WRITE_LINE, [(order_id, version, *words) for order_id, version in marked])
        connection.executemany(MARK, [(version, order_id) for order_id, version in marked])
        connection.execute('COMMIT')
    _fsync(temporary)


def _replace(temporary: Path, target: Path, now: datetime) -> str:
    """Rename the copy to be the ledger; returns where the old one is."""
    old = Path(f'{target}.before-restore-{now:%Y%m%dT%H%M%SZ}')
    if not target.exists():
        _rename_side_files(target, old)
        temporary.replace(target)
        _fsync(target.parent)
        return ''
    if old.exists():
        raise BackupRefused(f'{old} exists already.')
    _copy_permissions(temporary, target)
    with _exclusive(target):
        _rename_side_files(target, old)
        _link_or_copy(target, old)
        temporary.replace(target)
        _fsync(target.parent)
    return f' The old database is kept as {old}.'


@contextmanager
def _exclusive(target: Path) -> Iterator[None]:
    """Hold a database that nobody else has open; leaving the write-ahead log is SQLite's own proof of that.

    Raises:
        BackupRefused: a shop uses it.
    """
    with closing(_connect(target, 'rw')) as connection:
        try:
            connection.execute('PRAGMA journal_mode=DELETE')
            connection.execute('BEGIN EXCLUSIVE')
        except sqlite3.DatabaseError as error:
            if code_of(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise BackupRefused(f'A shop uses {target}: stop it first.') from error
            # Whatever else is wrong with it is why a backup is wanted.
        yield


def _rename_side_files(target: Path, old: Path) -> None:
    """Take the log of a broken database away with it: beside another file it would do harm."""
    for ending in SIDE_FILES:
        with suppress(FileNotFoundError):
            Path(f'{target}{ending}').replace(f'{old}{ending}')


def _link_or_copy(target: Path, old: Path) -> None:
    """Give a file a second name, so that there is always one; copy it where files have one name only."""
    try:
        os.link(target, old)
    except OSError:
        shutil.copy2(target, old)


def _copy_permissions(temporary: Path, target: Path) -> None:
    """Give the copy the rights and the owner that the ledger has, as far as this user may."""
    shutil.copymode(target, temporary)
    found = target.stat()
    with suppress(PermissionError):
        os.chown(temporary, found.st_uid, found.st_gid)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a file that exists, to read (ro) or to write (rw)."""
    address = f'{path.resolve().as_uri()}?mode={mode}'
    return sqlite3.connect(address, uri=True, timeout=LOCK_TIMEOUT, isolation_level=None)


def _fsync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
