"""One SQLite file as a database: set up, checked at the start, and not used any more once it was removed."""

import logging
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from services.database.file_system import shared_kind

log = logging.getLogger(__name__)

LOCK_TIMEOUT = 5.0  # seconds to wait for another writer
START_TIMEOUT = 4.0  # seconds after which a start that waits for a lock does not try again
CHECKED = 256 * 1024 * 1024  # bytes; a file up to this size is checked at the start, in about a second
GONE = 'the file of the ledger was removed or replaced while the shop was running'

SHARED = (
    'the database %s is on a network or shared file system (%s): locks may fail there, and two processes can '
    'damage the file. Keep it on a local disk or a Docker volume, or use PostgreSQL'
)


class SqliteFile:
    """What an engine does with its file; a file in memory is nobody else's and needs no watching."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._is_shared = bool(shared_kind(path))
        self._opened: tuple[int, int] | None = None

    def attach(self, engine: Engine) -> None:
        """Have every connection of an engine watch the file."""
        event.listen(engine, 'do_connect', self._require)
        event.listen(engine, 'connect', self._set_up)
        event.listen(engine, 'begin', self._begin)

    def _set_up(self, connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        # Readers and one writer at once; every commit on disk; wait for the other writer instead of failing.
        waiting = f'busy_timeout={LOCK_TIMEOUT * 1000:.0f}'
        for pragma in (waiting, 'journal_mode=WAL', 'synchronous=FULL', 'foreign_keys=ON'):
            cursor.execute(f'PRAGMA {pragma}')
        cursor.close()
        self._opened = self._opened or self._identity()

    def _begin(self, connection: Connection) -> None:
        """Begin a write as a write, so that it need not be upgraded; a single read needs no transaction."""
        self._require()
        if connection.get_execution_options().get('writes'):
            connection.exec_driver_sql('BEGIN IMMEDIATE')

    def _require(self, *_: object) -> None:
        """Refuse to go on in a file that nobody will find again: systems let one write to a removed file.

        Raises:
            sqlite3.OperationalError: the file is not where it was.
        """
        if self._opened and self._identity() != self._opened:
            gone = sqlite3.OperationalError(GONE)
            gone.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise gone

    def _identity(self) -> tuple[int, int] | None:
        """Return what tells one file from another of the same name, None while there is none.

        Network and shared file systems may number one file anew; there it only has to exist.
        """
        try:
            found = os.stat(self._path)  # noqa: PTH116  # with every transaction, and Path.stat takes longer
        except OSError:
            return None
        return (0, 0) if self._is_shared else (found.st_dev, found.st_ino)


def first_connection(engine: Engine) -> None:
    """Connect once, which makes the file if need be and switches it to its write-ahead log.

    SQLite refuses that switch at once, without waiting, while another process is at it too; so we wait. While
    another process keeps the file locked, one attempt takes LOCK_TIMEOUT.
    """
    path = engine.url.database or ''
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if kind := shared_kind(path):
        log.warning(SHARED, path, kind)
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            with engine.connect():
                return
        except OperationalError as error:
            locked = code_of(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not locked or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def examine(connection: Connection) -> None:
    """Check a file for damage, unless it is too large for that.

    Raises:
        DatabaseError: a page of it is damaged.
    """
    pages = connection.exec_driver_sql('PRAGMA page_count').scalar_one()
    size = pages * connection.exec_driver_sql('PRAGMA page_size').scalar_one()
    if size > CHECKED:
        return
    found = connection.exec_driver_sql('PRAGMA quick_check(1)').scalar_one()
    if found != 'ok':
        damage = sqlite3.DatabaseError(f'damaged: {found}')
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage


def code_of(error: BaseException) -> int:
    """Return the primary result code of an error, 0 if it is none of SQLite's (sqlite.org/rescode.html)."""
    cause = getattr(error, 'orig', None) or error
    return int(getattr(cause, 'sqlite_errorcode', 0)) & 0xFF
