"""Restart and kill two shops behind Caddy many times, under customers who buy; count what fails.

Run: ``python -m benchmarks.deploy.rounds [--rounds NUMBER]``. The shops run from this checkout, and have no
limits for clicks.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.deploy import stack
from benchmarks.deploy.customers import HEADING, Noticed, shopping
from benchmarks.deploy.stack import Stack, kill, restart
from benchmarks.shared import results
from tests import caddy

TITLE = 'Purchases while two shops are restarted and killed'
NOTES = (
    'Command: `python -m benchmarks.deploy.rounds`. Two shops on PostgreSQL behind Caddy, with',
    'deploy/two-shops.caddy. Twelve customers read a page and buy in turn, through https and with the body',
    'of the form. Each round stops (SIGTERM) or kills (SIGKILL) one shop and starts it again, and then the',
    'other, as soon as the first one is healthy: Caddy often does not know that yet. Everything shares the',
    'cores.',
)
UNLIMITED = ('-m', 'benchmarks.checkout.unlimited_clicks', 'serve')
PAGES = 2  # every second thing that a customer does is a purchase
CALM = 5.0  # seconds between two rounds


def measure(folder: Path, what: str, act: Callable[[Stack], None], rounds: int) -> tuple[str, str]:
    """Do it many times under customers; return a row of the table, and a line about what failed."""
    with stack.running(folder, shops=2, program=UNLIMITED) as running:
        with shopping(running.proxy, running.sandbox, pages=PAGES) as noticed:
            for _ in range(rounds):
                time.sleep(CALM)
                act(running)
        sessions = running.sandbox.state()['sessions']
    row, line = noticed.row(what), f'- {what}: {_failed(noticed)}. {_opened(noticed, sessions)}.'
    print(row, line, sep='\n', flush=True)
    return row, line


def _failed(noticed: Noticed) -> str:
    counted = Counter(noticed.failed).most_common()
    return (
        'failed: ' + ', '.join(f'{number} × {what}' for what, number in counted) if counted else 'none failed'
    )


def _opened(noticed: Noticed, sessions: list[dict[str, str]]) -> str:
    paid = sum(session['payment_status'] == 'paid' for session in sessions)
    return f'{noticed.purchases} purchases opened {len(sessions)} payment pages, {paid} of them were paid'


def main() -> None:
    """Measure, and write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=10)
    rounds = parser.parse_args().rounds
    cases = (
        (f'both shops restarted, {rounds} times', restart),
        (f'both shops killed in turn, {rounds} times', kill),
    )
    with tempfile.TemporaryDirectory(dir='/var/tmp') as name:
        found = [
            measure(Path(name) / str(number), what, act, rounds) for number, (what, act) in enumerate(cases)
        ]
    rows, lines = zip(*found, strict=True)
    results.write(TITLE, [*NOTES, '', *HEADING, *rows, '', *lines], more=[f'Caddy {caddy.version()}'])


if __name__ == '__main__':
    main()
