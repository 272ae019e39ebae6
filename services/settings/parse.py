"""Reading the settings: the environment and ``.env`` become `Settings`, or a list of every problem."""

import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from services.settings.env_file import read
from services.settings.model import SEED_SITE, Settings, SettingsError
from services.settings.parsers import Context, Problem
from services.settings.table import SETTINGS, Needed, Setting

UNUSABLE = ('Cc', 'Cs')  # control characters; surrogates, which stand for bytes that are no UTF-8
Kept = Callable[[str], Mapping[str, str]]
"""Returns the settings that the database of a URL keeps."""


def load(environ: Mapping[str, str], env_file: Path, kept: Kept = lambda _: {}) -> Settings:
    """Read the settings from the ledger, a ``.env`` file and the environment; the later one wins.

    Args:
        environ: the process environment.
        env_file: the file; it need not exist.
        kept: reads what the ledger keeps.

    Raises:
        SettingsError: with every problem found.
    """
    return parse_settings(texts(environ, env_file, kept))


def texts(environ: Mapping[str, str], env_file: Path, kept: Kept = lambda _: {}) -> dict[str, str]:
    """Return the texts of all settings that have one; arguments as above.

    Raises:
        SettingsError: the file cannot be read.
    """
    given = {**read(env_file), **environ}
    found = {row.name: given[row.name] for row in SETTINGS if _cleaned(given.get(row.name, ''))}
    url = find_value('DATABASE_URL', found)
    return {**(kept(url) if url else {}), **found}


def find_value(name: str, values: Mapping[str, str]) -> Any:
    """Return the value of one setting among the texts of all; None if it cannot be used."""
    context = _context(values)
    try:
        return _parse(_row(name), context)
    except Problem:
        return None


def problem_of(name: str, values: Mapping[str, str]) -> str:
    """Return what is wrong with one setting among the texts of all, as a sentence; '' if nothing is."""
    row = _row(name)
    try:
        _refuse_unusable(values.get(name, '').strip())  # also what `_cleaned` would remove
        _parse(row, _context(values))
    except Problem as problem:
        return f'{name} {problem}. Where to find it: {row.where}.'
    return ''


def parse_settings(values: Mapping[str, str]) -> Settings:
    """Turn the texts of settings into their values.

    Raises:
        SettingsError: with every problem found.
    """
    context = _context(values)
    parsed: dict[str, Any] = {}
    problems = []
    for row in SETTINGS:
        try:
            parsed[row.name.lower()] = _parse(row, context)
        except Problem as problem:
            problems.append(f'{row.name} {problem}. Where to find it: {row.where}.')
    if problems:
        raise SettingsError(problems, site_file=parsed.get('site_file', SEED_SITE), live=context.live)
    return Settings(mode='live' if context.live else 'test', **parsed)


def _context(values: Mapping[str, str]) -> Context:
    return Context({row.name: _cleaned(values.get(row.name, '')) or row.default for row in SETTINGS})


def _row(name: str) -> Setting:
    return next(row for row in SETTINGS if row.name == name)


def _parse(row: Setting, context: Context) -> Any:
    text = context.texts[row.name]
    if not text and (row.needed is Needed.YES or (row.needed is Needed.LIVE and context.live)):
        raise Problem('is missing')
    _refuse_unusable(text)
    return row.parse(text, context)


def _refuse_unusable(text: str) -> None:
    if any(unicodedata.category(character) in UNUSABLE for character in text):
        raise Problem('holds a control character, such as a line break')


def _cleaned(value: str) -> str:
    """Remove what copying adds: white space, a byte order mark, one pair of quotes."""
    value = value.strip().strip('\ufeff').strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in '\'"'
    return value[1:-1].strip() if quoted else value
