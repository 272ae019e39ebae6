"""Beginning a set-up: what is there already, and the ledger that keeps the answers."""

import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from services.ledger import Ledger, connect, read_kept_settings
from services.set_up.answers import Answers, Given
from services.set_up.env_writer import PRIVATE, can_write
from services.set_up.set_up import SetUp
from services.settings import SettingsError, find_value, problem_of, texts
from services.settings.env_file import read

NECESSARY = ('STRIPE_SECRET_KEY', 'STRIPE_PRICE_ID', 'CALENDLY_LINK')


def no_settings(environ: Mapping[str, str], env_file: Path) -> bool:
    """Whether nothing is set that a shop cannot do without: then it is set up, and not refused.

    Args:
        environ: the process environment.
        env_file: the file that settings are read from.
    """
    found = texts(environ, env_file, read_kept_settings)
    return not any(found.get(name) for name in NECESSARY)


@asynccontextmanager
async def opened(environ: Mapping[str, str], env_file: Path) -> AsyncIterator[SetUp]:
    """Open the ledger, and yield the set-up; arguments as above.

    Raises:
        SettingsError: the database cannot be used.
    """
    existing = texts(environ, env_file, read_kept_settings)
    if problems := [each for name in ('DATABASE_URL', 'SITE_FILE') if (each := problem_of(name, existing))]:
        raise SettingsError(problems)
    ledger = Ledger(connect(find_value('DATABASE_URL', existing)), lambda: datetime.now(UTC))
    await ledger.open()
    try:
        _make_private(ledger)
        place = f'the process {os.getpid()} of {socket.gethostname()}'
        answers = Answers(ledger, partial(_given, environ, env_file), place)
        set_up = SetUp(answers, environ=environ, env_file=env_file)
        await set_up.open()
        try:
            yield set_up
        finally:
            await answers.hold.release()
    finally:
        await ledger.close()


def _given(environ: Mapping[str, str], env_file: Path) -> Given:
    existing = texts(environ, env_file, read_kept_settings)
    # What stands in a file that cannot be written wins over what the ledger keeps.
    return Given(existing, {**({} if can_write(env_file, environ) else read(env_file)), **environ})


def _make_private(ledger: Ledger) -> None:
    """Let nobody else read the file of the ledger: it will hold keys."""
    if ledger.store.dialect != 'sqlite':
        return
    for suffix in ('', '-wal', '-shm'):
        file = Path(f'{ledger.store.engine.url.database}{suffix}')
        with suppress(FileNotFoundError, PermissionError):  # its owner decides
            file.chmod(PRIVATE)
