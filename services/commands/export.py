"""``main.py export``: write orders, bookings or journal of a period, also while the shop is running."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from services.admin.export import Exports, Form, Subject, parse_period
from services.commands.refused import CommandRefused
from services.ledger import Ledger, connect
from services.settings import Settings


def run(
    settings: Settings, subject: Subject, form: Form, *, first: str, last: str, output: Path | None
) -> None:
    """Write an export to a file, or to the standard output.

    Args:
        settings: say where the ledger is.
        subject: what is exported.
        form: how it is written.
        first: the first day, '' for no limit.
        last: the last day, '' for no limit.
        output: a new file; the standard output, if not given.

    Raises:
        CommandRefused: the period or the file cannot be used; no file is left.
        SettingsError: the database cannot be used.
    """
    try:
        period = parse_period(first, last)
    except ValueError as error:
        raise CommandRefused(f'{error}.') from error
    ledger = Ledger(connect(settings.database_url), lambda: datetime.now(UTC))
    pieces = Exports(ledger).write(subject, form, period)
    if output is None:
        _to_standard_output(ledger, pieces)
        return
    with _new_file(output) as file:
        asyncio.run(_write(ledger, pieces, file))
    print(f'The {subject} were written to {output}.')


async def _write(ledger: Ledger, pieces: AsyncIterator[bytes], file: BinaryIO) -> None:
    await ledger.store.open_existing()
    try:
        async for piece in pieces:
            file.write(piece)
    finally:
        await ledger.close()


def _to_standard_output(ledger: Ledger, pieces: AsyncIterator[bytes]) -> None:
    try:
        asyncio.run(_write(ledger, pieces, sys.stdout.buffer))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


@contextmanager
def _new_file(output: Path) -> Iterator[BinaryIO]:
    """Write a temporary file beside a file that does not exist yet; rename it when it is whole.

    Only this user may read it: it holds names and e-mail addresses.

    Raises:
        CommandRefused: the file exists, or cannot be written.
    """
    if output.exists():
        raise CommandRefused(f'{output} exists already, and is not overwritten: name another file.')
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=output.parent, prefix=f'.{output.name}.', delete=False) as file:
            temporary = Path(file.name)
            yield file  # type: ignore[misc]  # a wrapper that writes as a file does
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(output)
    except OSError as error:
        raise CommandRefused(f'{output} cannot be written: {error.strerror}.') from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
