"""The paper of results: each measurement writes its own section, with the machine it was made on."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parents[1] / 'RESULTS.md'
HEADING = '# '


def write(title: str, lines: Iterable[str], *, libraries: Iterable[str], more: Iterable[str] = ()) -> None:
    """Put a section where one of the same title stands, or at the end; the others stay as they are.

    Args:
        title: its heading.
        lines: what stands below heading, date and machine.
        libraries: Python packages of which the versions matter.
        more: versions of other things, each with its name.
    """
    sections = _sections(RESULTS.read_text() if RESULTS.exists() else '')
    sections[title] = '\n'.join(['', _where(libraries, more), '', *lines]).strip()
    written = (f'{HEADING}{name}\n\n{text}\n' for name, text in sections.items())
    RESULTS.write_text('\n'.join(written))
    print(f'written to {RESULTS}')


def _sections(text: str) -> dict[str, str]:
    parts = f'\n{text}'.split(f'\n{HEADING}')[1:]
    return {title: body.strip() for title, _, body in (part.partition('\n') for part in parts)}


def _where(libraries: Iterable[str], more: Iterable[str]) -> str:
    machine = f'{os.cpu_count()} cores ({platform.machine()}), {platform.system()} {platform.release()}'
    versions = [f'Python {platform.python_version()}', *(f'{name} {version(name)}' for name in libraries)]
    load = f'load {os.getloadavg()[0]:.1f} at the end'
    return f'{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {machine}, {load} · {", ".join([*versions, *more])}'
