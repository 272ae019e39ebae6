"""Run the stacks of the compose files and break them. Run: ``python -m benchmarks.deploy [--image FOLDER]``.

FOLDER is the root file system of the image, as ``buildah mount`` gives it; without it this checkout is run.
The shops then run as in compose.yaml: another user, no rights, a read-only file system.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.deploy import lost_volume, open_pages, stack
from benchmarks.deploy.customers import HEADING, shopping
from benchmarks.deploy.stack import DOWN, Stack, kill, restart
from benchmarks.shared import results
from tests import caddy

NOTES = (
    'Command: `python -m benchmarks.deploy --image FOLDER`. The shops run in the root file system of the',
    'image, as compose.yaml says: user 10001, no capabilities, a read-only file system. Caddy has',
    'deploy/Caddyfile and its own certificates. Twelve customers, each in a network of its own, read pages',
    'and buy through https, without script. *Noticed*: an error, or a page that took longer than five',
    'seconds. Everything shares the cores.',
)
LOST_NOTES = (
    '**compose.backup.yaml: the volume is lost.** Shop and Litestream are killed (SIGKILL) while customers',
    'buy, the volume is removed, `bring-back` restores it from a folder that stands for another machine, the',
    'shop starts. The copy lacks what was written last; each payment is read from Stripe again.',
)
TITLE = 'The stacks of the compose files, when a part fails'
BEFORE, AFTER = 4.0, 8.0  # seconds


STACKS = {1: 'compose.yaml: one shop, SQLite', 2: 'compose.scale.yaml: two shops, PostgreSQL'}


def nothing(_running: Stack) -> None:
    """Let nothing happen."""
    time.sleep(DOWN)


CASES: tuple[tuple[int, str, Callable[[Stack], None]], ...] = (
    (1, 'nothing', nothing),
    (1, 'update: the shop is stopped and started', restart),
    (1, f'the shop is killed, and is back after {DOWN:.0f} s', kill),
    (2, 'nothing', nothing),
    (2, 'rolling restart of both shops', restart),
    (2, f'each shop in turn is killed, and is back after {DOWN:.0f} s', kill),
)


def measure(folder: Path, image: Path | None) -> list[str]:
    """Run each case under customers, and again with open pages; return the lines for each stack."""
    lines: list[str] = []
    for shops, name in STACKS.items():
        cases = [case for case in CASES if case[0] == shops]
        rows = [_under_load(folder / f'load-{len(lines)}-{i}', image, *case) for i, case in enumerate(cases)]
        pages = [_with_pages(folder / f'page-{len(lines)}-{i}', image, *case) for i, case in enumerate(cases)]
        lines += ['', f'**{name}**', '', *HEADING, *rows, '', *pages]
    return lines


def _under_load(folder: Path, image: Path | None, shops: int, what: str, act: Callable[[Stack], None]) -> str:
    with stack.running(folder, shops=shops, image=image) as running:
        with shopping(running.proxy, running.sandbox) as noticed:
            time.sleep(BEFORE)
            act(running)
            time.sleep(AFTER)
        row = noticed.row(what)
        print(*sorted(set(noticed.failed)), row, sep='\n', flush=True)
        return row


def _with_pages(folder: Path, image: Path | None, shops: int, what: str, act: Callable[[Stack], None]) -> str:
    with (
        stack.running(folder, shops=shops, image=image) as running,
        open_pages.paid_orders(running.proxy) as pages,
    ):
        seen = open_pages.watch(pages, lambda: act(running), seconds_after=AFTER)
        line = f'- {what}: of the open pages of orders, {seen.line()}.'
        print(line, flush=True)
        return line


def main() -> None:
    """Measure, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--image', type=Path, help='the root file system of the image')
    image = parser.parse_args().image
    with tempfile.TemporaryDirectory(dir='/var/tmp') as name:  # the image has a /tmp of its own
        lines = [*NOTES, *measure(Path(name), image)]
        lines += ['', *LOST_NOTES, '', *lost_volume.measure(Path(name), image)]
    results.write(TITLE, lines, more=[f'Caddy {caddy.version()}'])


if __name__ == '__main__':
    main()
