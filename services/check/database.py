"""The database: can it be written, are its tables those of this version, is there room for it."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from services.check.finding import Finding, ok, warning, wrong
from services.database.file_system import shared_kind
from services.database.problems import in_words
from services.database.sqlite import SHARED
from services.errors import ShopError
from services.ledger import Ledger, connect
from services.settings import Settings, SettingsError

PART = 'database'
LITTLE, HARDLY_ANY = 1024**3, 100 * 1024**2  # bytes free
MIB = 1024**2
FILE = 'sqlite:///'
START = 'Start the shop once: it makes the database.'
UPDATE = (
    'If an older version of Paidslot has made it, start the shop: it brings it up to date. One of a newer '
    'version needs that version.'
)
REPAIR = 'See what it says. README, "Backups", says how a backup is restored.'
ROOM = 'Delete what is not needed there, or give the disk more room.'
LOCAL = 'Set DATABASE_URL to a file on a local disk or a Docker volume, or use PostgreSQL.'


async def check_database(
    settings: Settings, *, free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free
) -> tuple[list[Finding], Ledger | None]:
    """Check the database; return what was found, and the ledger, open, where it can be used.

    Args:
        settings: say where the database is.
        free_bytes: returns how much room a folder has.
    """
    path = _file_of(settings)
    place = _check_place(path, free_bytes) if path else []
    if path and not path.exists():
        return [*place, warning(PART, f'there is no database at {path} yet', START)], None
    ledger = Ledger(connect(settings.database_url), lambda: datetime.now(UTC))
    try:
        await ledger.store.open_existing()
        await ledger.store.ping()
    except SettingsError as error:
        await ledger.close()
        remedy = UPDATE if 'this version' in str(error) else REPAIR
        return [*place, wrong(PART, str(error), remedy)], None
    except ShopError as error:
        await ledger.close()
        why = in_words(error.__cause__ or error, ledger.store.dialect)
        return [*place, wrong(PART, f'the database cannot be written: {why}', REPAIR)], None
    where = str(path) if path else 'the server of DATABASE_URL'
    return [ok(PART, f'{where} can be written, and its tables are those of this version'), *place], ledger


def _file_of(settings: Settings) -> Path | None:
    """Return the file of a SQLite database, None for a server."""
    url = settings.database_url
    return Path(url.removeprefix(FILE)) if url.startswith(FILE) else None


def _check_place(path: Path, free_bytes: Callable[[Path], int]) -> list[Finding]:
    """Check the file system that a file is on, or will be on."""
    folder = next((each for each in path.parents if each.is_dir()), Path('/'))
    found = []
    free = free_bytes(folder)
    text = f'{free // MIB} MB are free at {folder}'
    if free < HARDLY_ANY:
        found.append(wrong(PART, f'the disk is nearly full: {text}', ROOM))
    elif free < LITTLE:
        found.append(warning(PART, f'the disk will soon be full: {text}', ROOM))
    else:
        found.append(ok(PART, text))
    if kind := shared_kind(str(path)):
        found.append(warning(PART, (SHARED % (path, kind)).partition('. ')[0], LOCAL))
    return found
