"""Pages beside their rivals, in one run. On a quiet machine: ``.venv/bin/python -m benchmarks.pages``.

Paidslot, a plain NiceGUI page with the same texts, a static page written by hand, and Flask under gunicorn.
Lighthouse, Flask and gunicorn are installed once, beside the project (``.venv/bench``).
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.pages import lighthouse, memory, startup, throughput, weight
from benchmarks.shared import results, tools
from benchmarks.shared.aims import Part, table
from benchmarks.shared.stand import Stand

LIBRARIES = ('nicegui', 'fastapi', 'starlette', 'uvicorn', 'stripe')
ROUNDS = 5
PARTS: dict[str, Callable[..., Part]] = {
    'start': startup.measure,
    'weight': weight.measure,
    'crowd': throughput.measure,
    'memory': memory.measure,
    'lights': lighthouse.measure,
}


def measure(name: str, rounds: int, *, quick: bool) -> Part:
    """Measure one of the parts, on a stand of its own."""
    with tempfile.TemporaryDirectory() as folder:
        stand = Stand(Path(folder) / name)
        try:
            return PARTS[name](stand, rounds, quick=quick)
        finally:
            stand.close()


def report(part: Part, rounds: int) -> list[str]:
    """Write down the aims first, then what was seen."""
    aims = table(('what', 'aim', 'seen', ''), [])
    aims += [aim.row() for aim in part.aims]
    return [*aims, '', f'Medians of {rounds}, behind them the least and the greatest.', '', *part.lines]


def main() -> None:
    """Read the options, measure, and write each part down as soon as it is whole."""
    options = argparse.ArgumentParser(prog='python -m benchmarks.pages', description=__doc__)
    options.add_argument('--only', nargs='+', choices=list(PARTS), help='some of the parts')
    options.add_argument('--quick', action='store_true', help='once, and less of it; nothing is written')
    given = options.parse_args()
    for name in given.only or PARTS:
        part = measure(name, 1 if given.quick else ROUNDS, quick=given.quick)
        lines = report(part, 1 if given.quick else ROUNDS)
        if given.quick:
            print(f'# Pages: {part.title}', '', *lines, '', sep='\n')
        else:
            results.write(f'Pages: {part.title}', lines, libraries=LIBRARIES, more=tools.versions())


if __name__ == '__main__':
    main()
