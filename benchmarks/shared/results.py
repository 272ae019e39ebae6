"""Write ``RESULTS.md``: each benchmark replaces its own section and names the machine it ran on."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parents[1] / 'RESULTS.md'
HEADING = '# '
LIBRARIES = ('stripe', 'fastapi', 'nicegui', 'sqlalchemy', 'psycopg', 'httpx', 'uvicorn')


def write(
    title: str, lines: Iterable[str], *, libraries: Iterable[str] = LIBRARIES, more: Iterable[str] = ()
) -> None:
    """Replace the section with this title, or append it; the other sections stay as they are.

    Args:
        title: the heading of the section.
        lines: its text, below heading, date and machine.
        libraries: Python packages whose versions are named.
        more: versions of other programs, each with its name.
    """
    sections = _sections(RESULTS.read_text() if RESULTS.exists() else '')
    sections[title] = '\n'.join(['', machine(libraries, more), '', *lines]).strip()
    written = (f'{HEADING}{name}\n\n{text}\n' for name, text in sections.items())
    RESULTS.write_text('\n'.join(written))
    print(f'written to {RESULTS}')


def machine(libraries: Iterable[str] = LIBRARIES, more: Iterable[str] = ()) -> str:
    """Describe when and where something is measured: date, machine, load and versions."""
    cores = f'{os.cpu_count()} cores ({platform.machine()}), {platform.system()} {platform.release()}'
    versions = [f'Python {platform.python_version()}', *(f'{name} {version(name)}' for name in libraries)]
    load = f'load {os.getloadavg()[0]:.1f} at the end'
    return f'{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {cores}, {load} · {", ".join([*versions, *more])}'


def _sections(text: str) -> dict[str, str]:
    parts = f'\n{text}'.split(f'\n{HEADING}')[1:]
    return {title: body.strip() for title, _, body in (part.partition('\n') for part in parts)}
