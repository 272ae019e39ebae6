"""Reading ``site.toml``: the texts of the site, or every problem in words the operator understands."""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from services.site.examples import examples_in
from services.site.model import Part, Site

EXAMPLE = 'an example; with a live Stripe key your own must stand there'


class SiteProblem(ValueError):
    """The texts cannot be used; ``problems`` are sentences that name the file and the place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__('\n'.join(problems))
        self.problems = problems


def load(path: Path, *, live: bool = False) -> Site:
    """Read the texts of the site.

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
    if live and (left := examples_in(site)):
        raise SiteProblem([f'{path}: {place}, {EXAMPLE}' for place in left])
    return site


def read(text: str, *, source: str) -> Site:
    """Turn TOML text into the site.

    Args:
        text: the TOML.
        source: how the problems name it.

    Raises:
        SiteProblem: with every problem found.
    """
    try:
        return Site.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SiteProblem([_syntax(str(error), text, source)]) from error
    except ValidationError as error:
        raise SiteProblem([f'{source}: {_words(detail)}' for detail in error.errors()]) from error


def _syntax(message: str, text: str, source: str) -> str:
    """Move the place, which the TOML parser names last, to the front."""
    message = message.replace('end of document', f'line {text.count(chr(10)) + 1}, at the end')
    found = re.fullmatch(r'(?s)(.*) \(at (line .*)\)', message)
    return f'{source}, {found[2]}: {found[1]}' if found else f'{source}: {message}'


def _words(detail: Any) -> str:
    """Say a validation error in words the operator understands."""
    place = '.'.join(str(part + 1) if isinstance(part, int) else part for part in detail['loc'])
    match detail['type']:
        case 'missing':
            return f'{place} is missing'
        case 'extra_forbidden':
            return f'{place} is not known here{_suggestion(str(detail["loc"][-1]))}'
        case 'string_type':
            return f'{place} must be text in quotes'
        case 'int_type':
            return f'{place} must be a whole number, without quotes'
        case 'bool_type':
            return f'{place} must be true or false, without quotes'
        case 'value_error':
            return f'{place} {detail["ctx"]["error"]}'
        case 'string_pattern_mismatch':
            return f'{place} does not look right: {str(detail["input"])[:60]!r}'
    return f'{place}: {detail["msg"][:1].lower()}{detail["msg"][1:]}'


def _suggestion(name: str) -> str:
    """Suggest the known name that is most like an unknown one."""
    known = {field for part in Part.__subclasses__() for field in part.model_fields}
    near = difflib.get_close_matches(name, known, n=1)
    return f' (did you mean {near[0]}?)' if near else ''
