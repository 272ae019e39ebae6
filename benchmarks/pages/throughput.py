"""Landing pages per second of one process, while a crowd wants them, and what one page costs."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from benchmarks.pages.load import CONNECTIONS, Answers, Visitors
from benchmarks.shared.aims import Part, at_least, spread, table
from benchmarks.shared.stand import BUILT, FLASK, PLAIN, SHOP, STATIC, Stand, cpu_seconds, running

USABLE = {PLAIN: b'Schedule My C'} | dict.fromkeys((SHOP, BUILT, STATIC, FLASK), b'action="/checkout"')
"""What stands in every usable page; plain NiceGUI's button is text in a script."""
WARM_UP = 2 * CONNECTIONS  # pages; the shop's burst of builds is among them
SECONDS, QUICK_SECONDS = 6.0, 2.0

NOTES = f"""\
{CONNECTIONS} connections, kept open, each asking for the next page as soon as it has read one; headers as
browsers send them, a new browser each time. Every answer is read, uncompressed, and searched for the button
or its form; the rates are of usable answers. Each round meets a new process; the asking shares the cores.
Flask: gunicorn, 1 worker with 4 threads, the hand-written page from its template. CPU is the server's own.
"Every page built" is the shop without its budget (`benchmarks/unbudgeted.py`)."""


@dataclass(frozen=True)
class Round:
    """One round of one contender."""

    answers: Answers
    cpu: float  # milliseconds of the server per usable answer


def measure(stand: Stand, rounds: int, *, quick: bool) -> Part:
    """Let crowds come, the contenders in turn."""
    seen: dict[str, list[Round]] = defaultdict(list)
    for _ in range(rounds):
        for name in (SHOP, BUILT, PLAIN, STATIC, FLASK):
            seen[name].append(_round(stand, name, QUICK_SECONDS if quick else SECONDS))
            print(f'{name}: {seen[name][-1].answers.per_second:,.0f} pages/s', flush=True)
    rates = {name: median(each.answers.per_second for each in found) for name, found in seen.items()}
    costs = {name: median(each.cpu for each in found) for name, found in seen.items()}
    rows = [
        (
            name,
            spread([each.answers.per_second for each in found]),
            f'{costs[name]:.2f}',
            f'{sum(each.answers.usable for each in found):,}',
            f'{sum(each.answers.unusable for each in found):,}',
        )
        for name, found in seen.items()
    ]
    heads = ('who', 'pages/s', 'CPU ms a page', 'usable answers', 'others')
    useless = sum(each.answers.unusable for each in seen[SHOP])
    aims = [
        at_least('pages/s while a crowd lasts', rates[SHOP] / rates[FLASK], 5, '× Flask'),
        at_least('pages/s, every page built', rates[BUILT] / rates[PLAIN], 2, '× plain NiceGUI'),
        at_least('answers to a crowd that are usable', 100.0 * (not useless), 100, '%', 0),
    ]
    return Part('A crowd at the landing page', [*table(heads, rows), '', NOTES], aims)


def _round(stand: Stand, name: str, seconds: float) -> Round:
    with running(stand.contender(name)) as server:
        visitors = Visitors(server.url, USABLE[name])
        visitors.ask(number=WARM_UP)
        before = cpu_seconds(server)
        answers = visitors.ask(seconds=seconds)
        spent = cpu_seconds(server) - before
        visitors.leave()
    return Round(answers, 1000 * spent / max(1, answers.usable))
