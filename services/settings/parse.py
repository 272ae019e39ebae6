"""Reading the settings: the environment and ``.env`` become `Settings`, or a list of every problem."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.settings.env_file import read
from services.settings.model import Settings, SettingsError
from services.settings.parsers import Context, Problem
from services.settings.table import SETTINGS, Needed, Setting


def load(environ: Mapping[str, str], env_file: Path) -> Settings:
    """Read the settings from a ``.env`` file and the environment, which wins.

    Raises:
        SettingsError: with every problem found.
    """
    return parse_settings({**read(env_file), **environ})


def parse_settings(values: Mapping[str, str]) -> Settings:
    """Turn the texts of settings into their values.

    Raises:
        SettingsError: with every problem found.
    """
    context = Context({row.name: _cleaned(values.get(row.name, '')) or row.default for row in SETTINGS})
    parsed: dict[str, Any] = {}
    problems = []
    for row in SETTINGS:
        try:
            parsed[row.name.lower()] = _parse(row, context)
        except Problem as problem:
            problems.append(f'{row.name} {problem}. Where to find it: {row.where}.')
    if problems:
        raise SettingsError(problems, site_file=parsed['site_file'], live=context.live)
    return Settings(mode='live' if context.live else 'test', **parsed)


def _parse(row: Setting, context: Context) -> Any:
    text = context.texts[row.name]
    if not text and (row.needed is Needed.YES or (row.needed is Needed.LIVE and context.live)):
        raise Problem('is missing')
    return row.parse(text, context)


def _cleaned(value: str) -> str:
    """Remove what copying adds: white space, a byte order mark, one pair of quotes."""
    value = value.strip().strip('\ufeff').strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in '\'"'
    return value[1:-1].strip() if quoted else value
