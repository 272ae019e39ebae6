"""Why a database cannot be used, in words for the operator: what is wrong, and what helps."""

import sqlite3

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, TimeoutError

from services.database.schema import UnknownVersion
from services.database.sqlite import code_of
from services.settings import how_to_run

DAMAGED = 'The file is damaged or is no database. Put a backup in its place: ' + how_to_run('restore FILE')
READ_ONLY = 'The file and its folder must be writable for this user.'
FULL = 'There is no room left on the disk.'
LOCKED = (
    'Another program keeps it locked: a second shop with the same file, a program that shows or changes '
    'databases, or a network file system whose locks do not work. End that program ("fuser -v FILE" names '
    'it), or keep the file on a local disk.'
)
DAMAGES = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
REMEDIES = {
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_PERM: READ_ONLY,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR: 'The disk does not work, or is full.',
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
}
OTHERWISE = {
    'sqlite': 'Its folder must exist or be makeable, be writable for this user, and have room left.',
    'postgresql': 'The server must run; user, password and database in the address must be right, '
    'and the database must belong to that user.',
}
NEWER = 'It was written by another version of Paidslot: start that one, or a newer one.'


BUGS = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE)
"""What SQLite answers to a wrong statement; all other codes say that the database does not work."""


LOST = ('40', '55', '57014')
"""What PostgreSQL answers to one statement that lost against others: a deadlock, a serialization failure, a
lock or statement timeout (postgresql.org/docs/current/errcodes-appendix.html)."""


def is_outage(error: Exception, dialect: str) -> bool:
    """Say whether the database itself does not work, rather than one statement.

    Args:
        error: what the driver or SQLAlchemy raised.
        dialect: sqlite or postgresql.
    """
    if isinstance(error, TimeoutError):  # no connection became free
        return True
    if dialect == 'sqlite':
        return code_of(error) not in (0, *BUGS)
    if str(getattr(getattr(error, 'orig', None), 'sqlstate', None) or '').startswith(LOST):
        return False
    return isinstance(error, OperationalError | InterfaceError | InternalError)


def in_words(error: BaseException, dialect: str, *, damaged: str = DAMAGED) -> str:
    """Say in one line what is wrong with a database and what helps.

    Args:
        error: what the driver, SQLAlchemy, Alembic or the system raised.
        dialect: sqlite or postgresql.
        damaged: what helps if the file is damaged.
    """
    why = str(getattr(error, 'orig', None) or error).partition('\nLINE ')[
        0
    ]  # PostgreSQL quotes the statement
    why = why.strip().replace('\n', ' ').rstrip('.')
    if isinstance(error, UnknownVersion):
        return f'{why}. {NEWER}'
    code = code_of(error)
    remedy = damaged if code in DAMAGES else REMEDIES.get(code) or OTHERWISE[dialect]
    return f'{why}. {remedy}'
