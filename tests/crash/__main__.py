"""Kills the shop at every step of a purchase and at random. Run: ``.venv/bin/python -m tests.crash``."""

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.crash.runs import Databases, Row, at_every_point, at_random, stand
from tests.crash.verdict import Tally
from tests.crash.ways import WAYS
from tests.postgres import running
from tests.processes import ROOT

RESULTS = ROOT / 'benchmarks' / 'CRASH.md'
HEAD = ('way', 'killed', 'kills', 'lost', 'doubled', 'wrong pages')
LIBRARIES = ('nicegui', 'fastapi', 'sqlalchemy', 'stripe', 'httpx', 'uvicorn')

NOTES = """\
Each kill is a SIGKILL that the shop's process (`main.py serve`) gives itself at a point before or after a
commit, or a question to Stripe or Calendly, on the way named. The points are put around the product from
outside (`tests/crash/points.py`) and found by going each way once without a kill; the process is forked from
a warm interpreter, so that a start takes a moment. After each kill

1. the shop is started again on the same ledger;
2. the customer goes on, or presses again and pays on every payment page there ever was, or never comes
   back, or never comes back and no delivery arrives any more: all four where a point is new, else in turn;
3. the reconciler does one round;
4. everything is judged. *Lost*: payments at the sandbox of Stripe that are not paid in the ledger. *Doubled*:
   sessions, browsers and journals in which one payment became two, or none became one. *Wrong pages*: paid
   orders whose page gives no calendar, and others whose page does.

Where a point has fewer kills, the shop did not come by it in four attempts: other work had made it needless.
The random kills come from outside, to a shop with nothing around it, under customers who come at once."""


def main() -> int:
    """Run all of it; returns 1 when anything was found wrong."""
    given = _options()
    began = time.monotonic()
    sections = {'SQLite': run(given, None)}
    if given.postgres:
        with running() as cluster:
            sections['PostgreSQL'] = run(given, lambda _: cluster.database())
    command = f'python -m tests.crash {" ".join(sys.argv[1:])}'.strip()
    RESULTS.write_text(_report(sections, command, seconds=time.monotonic() - began))
    print(f'written to {RESULTS}')
    totals = [rows[-1].tally for rows in sections.values()]
    return int(totals != [Tally()] * len(totals))


def run(given: argparse.Namespace, databases: Databases | None) -> list[Row]:
    """Kill at every point and at random on one kind of database; the last row is the sum.

    Args:
        given: the options.
        databases: hands out databases; SQLite files if None.
    """
    ports = (given.port, given.port + 1, given.port + 2)
    with (
        tempfile.TemporaryDirectory(prefix='crash-') as folder,
        stand(Path(folder), ports=ports, databases=databases) as place,
    ):
        rows = at_every_point(place, WAYS, thorough=databases is None, told=_tell)
        rows.append(at_random(place, kills=given.random, seed=given.seed))
        _tell(rows[-1])
    total = sum((row.tally for row in rows), Tally())
    rows.append(Row('**all**', '', sum(row.kills for row in rows), total))
    _tell(rows[-1])
    return rows


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(prog='python -m tests.crash', description=__doc__)
    options.add_argument('--random', type=int, default=60, help='how many kills at random moments')
    options.add_argument('--seed', type=int, default=1)
    options.add_argument('--port', type=int, default=5500, help='the first of three free ports')
    options.add_argument('--postgres', action='store_true', help='also on PostgreSQL, once at each point')
    return options.parse_args()


def _tell(row: Row) -> None:
    print(*row.cells(), sep=' | ', flush=True)
    for complaint in (*row.tally.lost, *row.tally.doubled, *row.tally.pages):
        print('    !', complaint, flush=True)


def _report(sections: dict[str, list[Row]], command: str, *, seconds: float) -> str:
    libraries = ', '.join(f'{name} {version(name)}' for name in LIBRARIES)
    machine = f'{os.cpu_count()} cores ({platform.machine()}), {platform.system()} {platform.release()}'
    lines = [
        '# Crash test: killed at every step between the button and the calendar',
        '',
        f'{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {machine}, load {os.getloadavg()[0]:.1f} at the end · '
        f'Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {libraries} · '
        f'{seconds / 60:.0f} minutes · `{command}`',
        '',
        NOTES,
    ]
    for title, rows in sections.items():
        lines += ['', f'## {title}', '', _line(HEAD), _line(('---',) * 2 + ('--:',) * 4)]
        lines += [_line(row.cells()) for row in rows]
    return '\n'.join([*lines, ''])


def _line(cells: tuple[str, ...]) -> str:
    return f'| {" | ".join(cells)} |'


if __name__ == '__main__':
    sys.exit(main())
