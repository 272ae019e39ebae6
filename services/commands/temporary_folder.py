"""A folder for a database that ends with its command; the next command deletes what a killed one has left."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

LOCK = 'in-use'
JUST_MADE = 60.0  # seconds in which a folder may not be locked yet


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """Yield a new folder and delete it at the end; delete those of earlier processes that were killed.

    A process locks a file in its folder. The system takes the lock back however the process ends.

    Args:
        purpose: a word in its name.
    """
    prefix = f'paidslot-{purpose}-'
    new = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
    with new as name, (Path(name) / LOCK).open('w') as file:
        _is_locked_now(file)
        for folder in Path(name).parent.glob(f'{prefix}*'):
            if folder != Path(name):
                with suppress(OSError):  # of another user, or gone already
                    _delete_if_left(folder)
        yield Path(name)


def _delete_if_left(folder: Path) -> None:
    is_old = folder.stat(follow_symlinks=False).st_mtime < time.time() - JUST_MADE
    if not is_old or folder.is_symlink():
        return
    with (folder / LOCK).open('r+') as file:
        if _is_locked_now(file):
            shutil.rmtree(folder)


def _is_locked_now(file: IO[str]) -> bool:
    """Lock a file; False if another process has locked it, or that cannot be known."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
