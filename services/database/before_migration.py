"""The copy of a SQLite ledger that is made by itself before a migration changes it."""

import logging
from datetime import datetime
from pathlib import Path

from services.database.backup import backup

log = logging.getLogger(__name__)

KEPT = 3  # copies, the newest ones
MARK = 'before-migration'
NO_COPY = (
    'the tables change from version %s to %s, in one transaction. PostgreSQL is not copied by the shop: '
    'the way back is the dump that you made with pg_dump before the update'
)


def keep_copy(database: Path, version: str, *, now: datetime) -> Path:
    """Copy the ledger into a file beside it, and delete the oldest of such copies.

    Args:
        database: the ledger.
        version: the version of its tables, for the name.
        now: the present time in UTC, for the name.

    Returns:
        Where the copy is.

    Raises:
        BackupRefused: the copy cannot be made, so the ledger must not be changed.
    """
    copy = Path(f'{database}.{MARK}-{version}-{now:%Y%m%dT%H%M%SZ}')
    log.info('before the migration %s', backup(f'sqlite:///{database}', copy))
    for old in _copies_of(database)[:-KEPT]:
        old.unlink(missing_ok=True)
    return copy


def say_that_none_is_made(version: str, newest: str) -> None:
    """Write into the log that a PostgreSQL database is migrated without a copy."""
    log.warning(NO_COPY, version, newest)


def _copies_of(database: Path) -> list[Path]:
    """Return the copies beside a ledger, the oldest first."""
    found = database.parent.glob(f'{database.name}.{MARK}-*')
    return sorted(found, key=lambda path: path.name.rpartition('-')[2])
