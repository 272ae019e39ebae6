"""Writing the ``.env`` file: other lines stay, and the file is complete at every moment."""

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from services.set_up.steps import LISTS
from services.set_up.webhooks import each_of
from services.settings import HOME
from services.settings.env_file import read

PRIVATE = 0o600
PLATFORM = ('DATABASE_URL', 'PORT')  # settings that hosting companies put into the environment
# The empty lines before a binding, and the end of its last line.
AROUND = re.compile(r'(\s*[\r\n])?.*?((?:\r\n|\n|\r)?)', re.DOTALL)
PLAIN = re.compile(r'[\w./:@,+%=?&-]*', re.ASCII)
SECRETS = frozenset(
    'STRIPE_SECRET_KEY STRIPE_PUBLISHABLE_KEY STRIPE_WEBHOOK_SECRET CALENDLY_TOKEN '
    'CALENDLY_WEBHOOK_SIGNING_KEY ADMIN_PASSWORD'.split()
)


class NotWritten(Exception):
    """The file could not be written; it is as it was."""


def can_write(path: Path, environ: Mapping[str, str]) -> bool:
    """Whether the settings belong into this file: it can be replaced, or made where the shop is developed.

    The image has no such file: one that is made there is gone with the container. Neither has a platform that
    gives a port or a database in the environment: it throws its folder away with the next release.

    Args:
        path: the file.
        environ: the process environment.
    """
    if path.exists():
        return path.is_file() and os.access(path, os.W_OK) and os.access(path.resolve().parent, os.W_OK)
    is_platform = any(environ.get(name) for name in PLATFORM)
    return not is_platform and (HOME / 'Makefile').exists() and os.access(path.parent, os.W_OK)


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return the text of a file with other values; comments and other lines stay as they are.

    Args:
        text: of the file as it is.
        values: by name; of a name that is there several times, every binding is changed.
    """
    lines = {name: f'{name}={_quoted(value)}' for name, value in values.items()}
    bindings = list(parse_stream(StringIO(text)))  # a quoted value may have several lines
    whole = ''.join(_with_line(each.original.string, lines.get(each.key or '')) for each in bindings)
    there = {each.key for each in bindings}
    for name in (name for name in lines if name not in there):
        whole += ('' if whole.endswith('\n') or not whole else '\n') + lines[name] + '\n'
    return whole


def write(path: Path, values: Mapping[str, str]) -> None:
    """Put values into a file: write a temporary one beside it, fsync it, rename it. Its mode is 600.

    The line of a value that the file has already stays as it is.

    Raises:
        NotWritten: the file is as it was.
    """
    path = path.resolve()
    try:
        before = path.read_bytes().decode('utf-8-sig') if path.exists() else ''
        temporary = path.with_name(f'.{path.name}.{secrets.token_hex(4)}')
        try:
            known = read(path)
            changed = {name: value for name, value in values.items() if known.get(name) != value}
            _write_new(temporary, with_values(before, changed))
            if any(read(temporary).get(name) != value for name, value in values.items()):
                raise NotWritten(f'{path}: a value cannot be written in such a file')
            if path.exists():  # whoever the shop runs as must be able to read it, also after a set-up as root
                with suppress(PermissionError):
                    os.chown(temporary, path.stat().st_uid, path.stat().st_gid)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _fsync_folder(path.parent)
    except OSError as error:
        raise NotWritten(f'{path}: {error.strerror}') from error


def masked(name: str, value: str) -> str:
    """Return a value for people to see: of a secret only the last four characters, of a password none.

    Of several secrets each is shown, so that people see which one is missing.
    """
    if name not in SECRETS or not value:
        return value or 'none'
    if name in LISTS and ',' in value:
        return ' and '.join(masked(name, each) for each in each_of(value))
    return 'set' if name == 'ADMIN_PASSWORD' or len(value) < 12 else f'…{value[-4:]}'


def _with_line(binding: str, line: str | None) -> str:
    around = AROUND.fullmatch(binding)
    return binding if line is None or around is None else f'{around[1] or ""}{line}{around[2]}'


def _quoted(value: str) -> str:
    """Write a value so that python-dotenv and Docker Compose read the same."""
    if PLAIN.fullmatch(value):
        return value
    escaped = value.replace('\\', '\\\\').replace("'", "\\'")
    return f"'{escaped}'"


def _write_new(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, 'w', encoding='utf-8', newline='') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
