"""The off-machine copy of compose.backup.yaml: Litestream as a process, configured as in ``deploy/``."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import ROOT

CONFIGURATION = ROOT / 'deploy/litestream.yml'
TIMEOUT = 60.0  # seconds


def find() -> str | None:
    """Return where Litestream is installed, None if it is not."""
    return shutil.which('litestream') or shutil.which('litestream', path=str(Path(sys.prefix, 'bin')))


@contextmanager
def replicating(database: Path, copy: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Copy a database while the block runs; the process is killed at its end, if it has not been before.

    Args:
        database: the file, which need not exist yet.
        copy: the folder that stands for another machine.
    """
    with (copy.parent / 'litestream.log').open('ab') as log:
        process = subprocess.Popen(
            [find() or 'litestream', 'replicate', '-config', str(CONFIGURATION)],
            env=_environment(database, copy),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def bring_back(database: Path, copy: Path) -> None:
    """Do what ``bring-back`` does before the shop starts."""
    options = ['-if-db-not-exists', '-if-replica-exists', '-config', str(CONFIGURATION)]
    done = subprocess.run(
        [find() or 'litestream', 'restore', *options, str(database)],
        env=_environment(database, copy),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr


def _environment(database: Path, copy: Path) -> dict[str, str]:
    return {
        'PATH': os.environ['PATH'],
        'HOME': str(copy.parent),
        'DATABASE_FILE': str(database),
        'BACKUP_URL': f'file://{copy}',
    }
