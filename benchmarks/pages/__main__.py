"""Measure the pages beside other ways of serving the same texts. Run: ``python -m benchmarks.pages``.

Beside Paidslot: a plain NiceGUI page, a static page written by hand, and Flask under gunicorn. Lighthouse,
Flask and gunicorn are installed once, beside the project (``.venv/bench``). Use a machine that does nothing
else.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.pages import lighthouse, memory, startup, throughput, tools, transfer_size
from benchmarks.pages.contenders import Contenders
from benchmarks.pages.part import Part
from benchmarks.shared import results
from benchmarks.shared.tables import table

LIBRARIES = ('nicegui', 'fastapi', 'starlette', 'uvicorn', 'stripe')
ROUNDS = 5
PARTS: dict[str, Callable[..., Part]] = {
    'startup': startup.measure,
    'transfer': transfer_size.measure,
    'throughput': throughput.measure,
    'memory': memory.measure,
    'lighthouse': lighthouse.measure,
}


def measure(name: str, rounds: int, *, quick: bool) -> Part:
    """Measure one of the parts, with servers of its own."""
    with tempfile.TemporaryDirectory() as folder:
        contenders = Contenders(Path(folder) / name)
        try:
            return PARTS[name](contenders, rounds, quick=quick)
        finally:
            contenders.close()


def report(name: str, part: Part, rounds: int) -> list[str]:
    """Write the lines of a section: the command, the aims, then the figures."""
    aims = table(('figure', 'aim', 'measured', ''), [])
    aims += [aim.row() for aim in part.aims]
    command = f'Command: `python -m benchmarks.pages --only {name}`.'
    spread = f'Medians of {rounds}, followed by the least and the greatest.'
    return [*aims, '', f'{command} {spread}', '', *part.lines]


def main() -> None:
    """Read the options, measure, and write each section as soon as it is complete."""
    options = argparse.ArgumentParser(prog='python -m benchmarks.pages', description=__doc__)
    options.add_argument('--only', nargs='+', choices=list(PARTS), help='some of the parts')
    options.add_argument('--quick', action='store_true', help='one short round; nothing is written')
    given = options.parse_args()
    rounds = 1 if given.quick else ROUNDS
    for name in given.only or PARTS:
        part = measure(name, rounds, quick=given.quick)
        lines = report(name, part, rounds)
        if given.quick:
            print(f'# Pages: {part.title}', '', *lines, '', sep='\n')
        else:
            results.write(f'Pages: {part.title}', lines, libraries=LIBRARIES, more=tools.versions())


if __name__ == '__main__':
    main()
