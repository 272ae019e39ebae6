"""The ``.env`` file: where it is, how it is read, and what in it looks like a mistake."""

import codecs
import difflib
import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from services.settings.model import SettingsError
from services.settings.parsers import left_out_of
from services.settings.place import HOME
from services.settings.table import NAMES

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
OURS = re.compile('(STRIPE|CALENDLY)_')
KNOWN = frozenset({*NAMES, 'ENV_FILE', 'POSTGRES_PASSWORD'})
LIKE, HARDLY_LIKE = 0.8, 0.4  # how near a name must be to ours; the second for names that begin like ours


def env_file(environ: Mapping[str, str]) -> Path:
    """Return where the settings are read from: ENV_FILE, else ``.env`` beside main.py.

    Raises:
        SettingsError: ENV_FILE names no file.
    """
    given = environ.get('ENV_FILE')
    if given and not Path(given).exists():
        raise SettingsError([f'ENV_FILE: there is no file {given}'])
    return Path(given) if given else HOME / '.env'


def read(path: Path) -> dict[str, str]:
    """Read the names and values of a file; a file that does not exist is empty.

    Raises:
        SettingsError: it is no UTF-8 text.
    """
    values = dotenv_values(stream=StringIO(_text_of(path)), interpolate=False)
    return {name: value or '' for name, value in values.items()}


def warnings(environ: Mapping[str, str], path: Path) -> list[str]:
    """Return what looks like a mistake in the file or the environment, a sentence each, without values.

    Args:
        environ: the process environment.
        path: the file that is read.
    """
    here = Path.cwd() / '.env'
    found = []
    if here.exists() and not (path.exists() and here.samefile(path)):
        found.append(f'{here} is not read: the settings come from the environment and from {path}')
    for name in sorted({*read(path), *environ} - KNOWN):
        begins_like_ours = bool(OURS.match(name))
        cutoff = HARDLY_LIKE if begins_like_ours else LIKE
        near = difflib.get_close_matches(name.upper(), NAMES, n=1, cutoff=cutoff)
        if near or begins_like_ours:
            found.append(f'{name} is no setting' + (f'; did you mean {near[0]}?' if near else ''))
    if left_out := left_out_of({**read(path), **environ}.get('CALENDLY_LINK', '')):
        found.append(
            f'CALENDLY_LINK is used without {", ".join(left_out)}: the link of an event type does not have it'
        )
    found += [
        f'{path}: {name} holds a $, and Docker Compose takes what follows for a variable: '
        "write the value in 'single quotes'"
        for name in re.findall(r"^\s*(?:export\s+)?(\w+)\s*=(?!\s*')[^#\n]*\$", _text_of(path), re.MULTILINE)
    ]
    return found


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ''
    except OSError as error:
        raise SettingsError([f'{path} cannot be read: {error.strerror}']) from error
    if data.startswith(UTF_16) or b'\0' in data:
        raise SettingsError([f'{path} is UTF-16 text: save it as UTF-8 (in Notepad: Save as > Encoding)'])
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        line = data.count(b'\n', 0, error.start) + 1
        raise SettingsError(
            [f'{path}, line {line}, cannot be read as UTF-8 text: save it as UTF-8']
        ) from error
