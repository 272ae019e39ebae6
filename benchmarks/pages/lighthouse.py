"""What Lighthouse says of landing page and order page, as a phone sees them, in both ways of slowing down."""

import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.shared import tools
from benchmarks.shared.aims import Aim, Part, at_most, spread, table
from benchmarks.shared.stand import PLAIN, SHOP, STATIC, Stand, running

CATEGORIES = ('performance', 'accessibility', 'best-practices', 'seo')
TIMES = ('first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time')
SHIFT = 'cumulative-layout-shift'
THROTTLING = ('simulate', 'devtools')
NEAR = 0.3  # seconds behind the static page
DEADLINE = 180  # seconds for one run

NOTES = """\
Mobile, one run after the other, the contenders in turn; medians, behind the scores the lowest, and of all
shifts the greatest. FCP and LCP: first and largest contentful paint; TBT: total blocking time. The audit
`is-crawlable` is left out everywhere: an order's page is kept out of search engines on purpose, and so is all
of a shop that has test keys. Stripe.js is off. The order is paid and shows the calendar of the sandbox in its
frame. Plain NiceGUI: the same texts by its own elements and defaults (`benchmarks/rival_nicegui.py`). Static
HTML: written by hand, with our style sheet (`benchmarks/by_hand`)."""


@dataclass(frozen=True)
class Sight:
    """One run: scores from 0 to 100, times in milliseconds, and the layout shift."""

    scores: tuple[float, ...]
    times: tuple[float, ...]
    shift: float


Key = tuple[str, str, str]
"""Page, way of slowing down, contender."""


def measure(stand: Stand, rounds: int, *, quick: bool) -> Part:
    """Look at every page of every contender in both ways."""
    command = tools.lighthouse()
    seen: dict[Key, list[Sight]] = defaultdict(list)
    with ExitStack() as stack:
        shop = stack.enter_context(running(stand.shop()))
        order = stand.buy(shop)
        rivals = {name: stack.enter_context(running(stand.rival(name, order))) for name in (PLAIN, STATIC)}
        places = {SHOP: (shop.url, order.path)} | {name: (it.url, '/order') for name, it in rivals.items()}
        for _, page, throttling in product(range(rounds), ('landing', 'order'), THROTTLING):
            for name, (url, path) in places.items():
                address = url + (path if page == 'order' else '/')
                sight = _look(command, address, throttling, stand.folder)
                seen[page, throttling, name].append(sight)
                print(page, throttling, name, sight, flush=True)
    return Part('Lighthouse', [*_table(seen), '', NOTES], _aims(seen))


def _look(command: Sequence[str], address: str, throttling: str, folder: Path) -> Sight:
    """Run Lighthouse once.

    Raises:
        RuntimeError: it could not look at the page.
    """
    file = folder / 'lighthouse.json'
    options = {
        'output': 'json',
        'output-path': str(file),
        'throttling-method': throttling,
        'only-categories': ','.join(CATEGORIES),
        'skip-audits': 'is-crawlable,full-page-screenshot',
        'chrome-flags': ' '.join(['--headless=new', *tools.browser_flags()]),
    }
    arguments = [f'--{name}={value}' for name, value in options.items()]
    environment = os.environ | {'CHROME_PATH': tools.browser()}
    file.unlink(missing_ok=True)
    subprocess.run(
        [*command, address, '--quiet', *arguments], env=environment, timeout=DEADLINE, capture_output=True
    )
    report: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    if not report or 'runtimeError' in report:
        raise RuntimeError(f'Lighthouse could not look at {address}: {report.get("runtimeError")}')
    audits = report['audits']
    return Sight(
        tuple(round(100 * report['categories'][name]['score']) for name in CATEGORIES),
        tuple(audits[name]['numericValue'] for name in TIMES),
        audits[SHIFT]['numericValue'],
    )


def _table(seen: dict[Key, list[Sight]]) -> list[str]:
    heads = ('page', 'throttling', 'who', 'performance', *CATEGORIES[1:], 'FCP s', 'LCP s', 'TBT ms', 'shift')
    rows = []
    for (page, throttling, name), found in seen.items():
        scores = list(zip(*(sight.scores for sight in found), strict=True))
        fcp, lcp, tbt = zip(*(sight.times for sight in found), strict=True)
        seconds = [spread([each / 1000 for each in times], 2) for times in (fcp, lcp)]
        shift = f'{max(sight.shift for sight in found):.3f}'
        cells = [f'{median(each):.0f} ({min(each):.0f})' for each in scores]
        rows.append((page, throttling, name, *cells, *seconds, f'{median(tbt):.0f}', shift))
    return table(heads, rows)


def _aims(seen: dict[Key, list[Sight]]) -> list[Aim]:
    shift = max(sight.shift for (_, _, name), found in seen.items() for sight in found if name == SHOP)
    aims = [at_most('layout shift, the mount of Vue included, in any run', shift, 0, '', 3)]
    for page, throttling in product(('landing', 'order'), THROTTLING):
        ours, static = (seen[page, throttling, name] for name in (SHOP, STATIC))
        if throttling == 'simulate':
            aims.append(_scores(page, ours))
        for number, what in enumerate(('first', 'largest')):
            behind = (_time(ours, number) - _time(static, number)) / 1000
            aims.append(
                at_most(f'{page}, {throttling}: {what} paint behind static HTML', behind, NEAR, 's', 2)
            )
    return aims


def _scores(page: str, ours: list[Sight]) -> Aim:
    scores = [median(each) for each in zip(*(sight.scores for sight in ours), strict=True)]
    seen = ' / '.join(f'{score:.0f}' for score in scores)
    wanted = ' / '.join(['100'] * len(CATEGORIES))
    return Aim(f'{page}, simulated: Lighthouse', wanted, seen, seen == wanted)


def _time(sights: list[Sight], number: int) -> float:
    return median(sight.times[number] for sight in sights)
