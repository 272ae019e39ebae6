"""Pages beside their rivals, in one run. On a quiet machine: ``.venv/bin/python -m benchmarks.pages``.

Paidslot, a plain NiceGUI page with the same texts, a static page written by hand, and Flask under gunicorn.
Lighthouse, Flask and gunicorn are installed once, beside the project (``.venv/bench``).
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import lights, residents, results, startup, throughput, tools, weight
from benchmarks.aims import Part, table
from benchmarks.stand import Stand

TITLE = 'Pages: first paint, crowds, memory, weight, start'
LIBRARIES = ('nicegui', 'fastapi', 'starlette', 'uvicorn', 'stripe')
ROUNDS = 5
PARTS: dict[str, Callable[..., Part]] = {
    'start': startup.measure,
    'weight': weight.measure,
    'crowd': throughput.measure,
    'memory': residents.measure,
    'lights': lights.measure,
}


def measure(names: list[str], rounds: int, *, quick: bool) -> list[str]:
    """Measure some of the parts; returns the lines of a section."""
    parts: list[Part] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            stand = Stand(Path(folder) / name)
            try:
                parts.append(PARTS[name](stand, rounds, quick=quick))
            finally:
                stand.close()
    return report(parts, rounds)


def report(parts: list[Part], rounds: int) -> list[str]:
    """Write down the aims first, then each part."""
    rows = [aim.row() for part in parts for aim in part.aims]
    lines = [*table(('what', 'aim', 'seen', ''), []), *rows, '']
    lines += [f'Medians of {rounds}, behind them the least and the greatest.', '']
    for part in parts:
        lines += [f'## {part.title}', '', *part.lines, '']
    return lines


def main() -> None:
    """Read the options, measure, and write the results down if they are whole."""
    options = argparse.ArgumentParser(prog='python -m benchmarks.pages', description=__doc__)
    options.add_argument(
        '--only', nargs='+', choices=list(PARTS), help='some of the parts; nothing is written'
    )
    options.add_argument('--quick', action='store_true', help='once, and less of it; nothing is written')
    given = options.parse_args()
    lines = measure(given.only or list(PARTS), 1 if given.quick else ROUNDS, quick=given.quick)
    if given.quick or given.only:
        print(*lines, sep='\n')
    else:
        results.write(TITLE, lines, libraries=LIBRARIES, more=tools.versions())


if __name__ == '__main__':
    main()
