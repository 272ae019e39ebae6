"""Reading ``site.toml``: the texts of the site, or every problem in words the operator understands."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from services.site.examples import examples_in
from services.site.model import Part, Place, Site

EXAMPLE = 'an example; with a live Stripe key your own must stand there'


@dataclass(frozen=True)
class PlaceProblem:
    """What is wrong with one value; ``words`` go on where the name of the place ends."""

    place: Place
    words: str

    def __str__(self) -> str:
        """Say it with the place in the words of TOML, entries counted from 1."""
        place = '.'.join(str(part + 1) if isinstance(part, int) else part for part in self.place)
        return f'{place}{self.words}'


class SiteProblem(ValueError):
    """The texts cannot be used; ``problems`` are sentences that name the file and the place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__('\n'.join(problems))
        self.problems = problems


@dataclass(frozen=True)
class SiteFile:
    """The file as it was read: where it is, its text, and the site that it describes."""

    path: Path
    text: str
    site: Site


def load(path: Path, *, live: bool = False) -> Site:
    """Read the texts of the site; arguments and errors are those of ``load_file``."""
    return load_file(path, live=live).site


def load_file(path: Path, *, live: bool = False) -> SiteFile:
    """Read the file with the texts of the site.

    Args:
        path: the file.
        live: whether real customers read them; then examples are refused.

    Raises:
        SiteProblem: with every problem found.
    """
    try:
        text = path.read_bytes().decode('utf-8-sig')
    except OSError as error:
        raise SiteProblem([f'{path}: cannot be read ({error.strerror})']) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b'\n', 0, error.start) + 1
        raise SiteProblem([f'{path}, line {line}: this is not UTF-8 text; save the file as UTF-8']) from error
    site = read(text, source=str(path))
    if live:
        refuse_examples(site, source=str(path))
    return SiteFile(path, text, site)


def refuse_examples(site: Site, *, source: str) -> None:
    """Check that no example is left in texts that real customers read.

    Args:
        site: the texts.
        source: how the problems name it.

    Raises:
        SiteProblem: with every example found.
    """
    if left := examples_in(site):
        raise SiteProblem([f'{source}: {place}, {EXAMPLE}' for place in left])


def read(text: str, *, source: str) -> Site:
    """Turn TOML text into the site.

    Args:
        text: the TOML.
        source: how the problems name it.

    Raises:
        SiteProblem: with every problem found.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SiteProblem([_syntax(str(error), text, source)]) from error
    site, problems = validate(data)
    if site is None:
        raise SiteProblem([f'{source}: {problem}' for problem in problems])
    return site


def validate(data: Mapping[str, Any]) -> tuple[Site | None, tuple[PlaceProblem, ...]]:
    """Turn the values of a site.toml into the site; None with the problems, if there are any."""
    try:
        return Site.model_validate(data), ()
    except ValidationError as error:
        return None, tuple(PlaceProblem(detail['loc'], _words(detail)) for detail in error.errors())


def _syntax(message: str, text: str, source: str) -> str:
    """Move the place, which the TOML parser names last, to the front."""
    message = message.replace('end of document', f'line {text.count(chr(10)) + 1}, at the end')
    found = re.fullmatch(r'(?s)(.*) \(at (line .*)\)', message)
    return f'{source}, {found[2]}: {found[1]}' if found else f'{source}: {message}'


def _words(detail: Any) -> str:
    """Say a validation error in words the operator understands."""
    limits = detail.get('ctx', {})
    match detail['type']:
        case 'missing':
            return ' is missing'
        case 'extra_forbidden':
            return f' is not known here{_suggestion(str(detail["loc"][-1]))}'
        case 'string_type':
            return ' must be text in quotes'
        case 'string_too_short':
            return ' must not be empty'
        case 'string_too_long':
            return f' must have at most {limits["max_length"]} characters'
        case 'too_short':
            return f' needs {limits["min_length"]} or more entries'
        case 'too_long':
            return f' must have at most {limits["max_length"]} entries'
        case 'int_type':
            return ' must be a whole number, without quotes'
        case 'bool_type':
            return ' must be true or false, without quotes'
        case 'value_error':
            return f' {limits["error"]}'
        case 'string_pattern_mismatch':
            return f' does not look right: {str(detail["input"])[:60]!r}'
    return f': {detail["msg"][:1].lower()}{detail["msg"][1:]}'


def _suggestion(name: str) -> str:
    """Suggest the known name that is most like an unknown one."""
    known = {field for part in Part.__subclasses__() for field in part.model_fields}
    near = difflib.get_close_matches(name, known, n=1)
    return f' (did you mean {near[0]}?)' if near else ''
