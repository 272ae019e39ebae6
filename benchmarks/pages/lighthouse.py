"""Run Lighthouse on landing page and order page as a phone, with simulated and with applied throttling."""

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

from benchmarks.pages import tools
from benchmarks.pages.contenders import PAIDSLOT, STATIC, Contenders, selling
from benchmarks.pages.part import Part
from benchmarks.shared.tables import Aim, at_most, spread, table

CATEGORIES = ('performance', 'accessibility', 'best-practices', 'seo')
TIMES = ('first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time')
SHIFT = 'cumulative-layout-shift'
THROTTLING = ('simulate', 'devtools')
BEHIND = 0.3  # seconds behind the static page
TIMEOUT = 180  # seconds for one run

NOTES = """\
Mobile, one run after the other, the servers in turn; medians. In brackets behind the scores: the lowest.
Shift: the greatest. FCP and LCP: first and largest contentful paint; TBT: total blocking time. The audit
`is-crawlable` is left out everywhere: an order's page is kept out of search engines on purpose, and so is
all of a shop that has test keys. Stripe.js is off. The order is paid and shows the calendar of the sandbox
in its frame. Static HTML: written by hand, with our style sheet (`benchmarks/pages/templates`)."""


@dataclass(frozen=True)
class Run:
    """One run of Lighthouse: scores from 0 to 100, times in milliseconds, and the layout shift."""

    scores: tuple[float, ...]
    times: tuple[float, ...]
    shift: float


Key = tuple[str, str, str]
"""Page, throttling method, server."""


def measure(contenders: Contenders, rounds: int, *, quick: bool) -> Part:
    """Run Lighthouse on both pages of both servers, with both throttling methods."""
    command = tools.lighthouse()
    runs: dict[Key, list[Run]] = defaultdict(list)
    with ExitStack() as stack:
        shop = stack.enter_context(selling(contenders.server(PAIDSLOT)))
        order = contenders.buy(shop)
        static = stack.enter_context(selling(contenders.server(STATIC, order)))
        order_pages = {PAIDSLOT: shop.url + order.path, STATIC: f'{static.url}/order'}
        landing_pages = {PAIDSLOT: f'{shop.url}/', STATIC: f'{static.url}/'}
        for _, page, throttling in product(range(rounds), ('landing', 'order'), THROTTLING):
            for name, url in (order_pages if page == 'order' else landing_pages).items():
                run = _run(command, url, throttling, contenders.folder)
                runs[page, throttling, name].append(run)
                print(page, throttling, name, run, flush=True)
    return Part('Lighthouse', [*_table(runs), '', NOTES], _aims(runs))


def _run(command: Sequence[str], url: str, throttling: str, folder: Path) -> Run:
    """Run Lighthouse once.

    Raises:
        RuntimeError: it could not load the page.
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
        [*command, url, '--quiet', *arguments], env=environment, timeout=TIMEOUT, capture_output=True
    )
    report: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    if not report or 'runtimeError' in report:
        raise RuntimeError(f'Lighthouse could not load {url}: {report.get("runtimeError")}')
    audits = report['audits']
    return Run(
        tuple(round(100 * report['categories'][name]['score']) for name in CATEGORIES),
        tuple(audits[name]['numericValue'] for name in TIMES),
        audits[SHIFT]['numericValue'],
    )


def _table(runs: dict[Key, list[Run]]) -> list[str]:
    heads = (
        'page',
        'throttling',
        'server',
        'performance',
        *CATEGORIES[1:],
        'FCP s',
        'LCP s',
        'TBT ms',
        'shift',
    )
    rows = []
    for (page, throttling, name), found in runs.items():
        scores = list(zip(*(run.scores for run in found), strict=True))
        fcp, lcp, tbt = zip(*(run.times for run in found), strict=True)
        seconds = [spread([each / 1000 for each in times], 2) for times in (fcp, lcp)]
        shift = f'{max(run.shift for run in found):.3f}'
        cells = [f'{median(each):.0f} ({min(each):.0f})' for each in scores]
        rows.append((page, throttling, name, *cells, *seconds, f'{median(tbt):.0f}', shift))
    return table(heads, rows)


def _aims(runs: dict[Key, list[Run]]) -> list[Aim]:
    shift = max(run.shift for (_, _, name), found in runs.items() for run in found if name == PAIDSLOT)
    aims = [at_most('layout shift, the mount of Vue included, in any run', shift, 0, '', 3)]
    for page, throttling in product(('landing', 'order'), THROTTLING):
        ours, static = (runs[page, throttling, name] for name in (PAIDSLOT, STATIC))
        if throttling == 'simulate':
            aims.append(_scores(page, ours))
        for number, what in enumerate(('first', 'largest')):
            behind = (_time(ours, number) - _time(static, number)) / 1000
            aims.append(
                at_most(f'{page}, {throttling}: {what} paint behind static HTML', behind, BEHIND, 's', 2)
            )
    return aims


def _scores(page: str, ours: list[Run]) -> Aim:
    scores = [median(each) for each in zip(*(run.scores for run in ours), strict=True)]
    seen = ' / '.join(f'{score:.0f}' for score in scores)
    wanted = ' / '.join(['100'] * len(CATEGORIES))
    return Aim(f'{page}, simulated: Lighthouse', wanted, seen, seen == wanted)


def _time(runs: list[Run], number: int) -> float:
    return median(run.times[number] for run in runs)
