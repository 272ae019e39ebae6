"""Whole runs: every point of every way, and a crowd; on a ledger of their own, against sandbox of their own."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from tests.crash.random_load import SIZE, RandomLoad
from tests.crash.shops import Launcher, Shop
from tests.crash.trials import End, Point, die_at, points_of
from tests.crash.verdict import Tally, books, judge, look_at_pages
from tests.crash.ways import Stage, Way
from tests.processes import ROOT, Server
from tests.sandbox_client import SandboxClient

Databases = Callable[[str], AbstractContextManager[str]]


@dataclass
class Row:
    """One line of the table: where the shop was killed, how often, and what was found wrong after it."""

    way: str
    point: str
    kills: int = 0
    tally: Tally = field(default_factory=Tally)

    def cells(self) -> tuple[str, ...]:
        """The line's cells."""
        found = self.tally
        counts = (self.kills, len(found.lost), len(found.doubled), len(found.pages))
        return (self.way, self.point, *map(str, counts))


Told = Callable[[Row], object]


@dataclass(frozen=True)
class Stand:
    """Where runs take place: sandbox that run, and what starts shops."""

    folder: Path
    sandbox: SandboxClient
    launcher: Launcher
    databases: Databases
    ports: tuple[int, int]

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Start a shop with an empty ledger, and sandbox that have forgotten everything.

        Args:
            name: of its folder and of its ledger.
        """
        folder = self.folder / name
        folder.mkdir()
        self.sandbox.reset()
        with self.databases(name) as url, books(url) as ledger:
            environment = self.sandbox.settings | {'DATABASE_URL': url, 'SITE_FILE': str(ROOT / 'site.toml')}
            shop = Shop(self.launcher, folder, environment, ports=self.ports)
            shop.start()
            try:
                yield Stage(shop, self.sandbox, ledger)
            finally:
                shop.kill()


@contextmanager
def stand(
    folder: Path, *, ports: tuple[int, int, int], databases: Databases | None = None
) -> Iterator[Stand]:
    """Start the sandbox and the launcher.

    Args:
        folder: for everything that is written.
        ports: of the sandbox, and two for the shop.
        databases: hands out the address of an empty database by its name; SQLite files if left out.
    """
    own, others = ports[0], ports[1:]
    (folder / 'sandbox').mkdir()
    arguments = ['-m', 'services.sandbox', f'--port={own}']
    server = Server('sandbox', arguments, port=own, health='/faults', folder=folder / 'sandbox')

    def files(name: str) -> AbstractContextManager[str]:
        return nullcontext(f'sqlite:///{folder}/{name}.db')

    with ExitStack() as running:
        launcher = running.enter_context(Launcher(folder))
        running.callback(server.stop)
        server.start()
        sandbox = SandboxClient(server.url, dict(re.findall(r'^([A-Z_]+)=(.*)$', server.log(), re.MULTILINE)))
        running.callback(sandbox.close)
        yield Stand(folder, sandbox, launcher, databases or files, others)


def at_every_point(stand: Stand, ways: Iterable[Way], *, thorough: bool, told: Told) -> list[Row]:
    """Kill a shop at each point of each way.

    Args:
        stand: where.
        ways: on which the points are found.
        thorough: with every end where a point is new; otherwise, and where it is not, the ends take turns.
        told: hears of each row.
    """
    rows, seen = [], set[str]()
    turns = cycle(End)
    for number, way in enumerate(ways):
        with stand.stage(f'way-{number}') as stage:
            points = points_of(way, stage)
            assert points, way.name
            for point in points:
                new = thorough and point.name not in seen
                seen.add(point.name)
                rows.append(at_point(point, way, stage, list(End) if new else [next(turns)]))
                told(rows[-1])
    return rows


def at_point(point: Point, way: Way, stage: Stage, ends: Iterable[End]) -> Row:
    """Kill a shop at one point, once for each end."""
    row = Row(way.name, point.name)
    for end in ends:
        found = die_at(point, way, stage, end)
        if found is not None:
            row.kills += 1
            row.tally += found
    return row


def at_random(stand: Stand, *, kills: int, seed: int) -> Row:
    """Kill a shop at random moments while customers crowd it; then reconcile once and judge."""
    with stand.stage('crowd') as stage:
        stage.shop.kill()
        stage.shop.start(watched=False)
        RandomLoad(stage.shop, stage.sandbox, seed=seed).visit(kills=kills)
        stage.settle()
        stage.shop.kill()
        stage.shop.start()
        stage.shop.await_round()
        assert stage.shop.is_running, stage.shop.log()[-4000:]
        tally = judge(stage.books, stage.sandbox) + look_at_pages(stage.books.orders(), stage.shop.url)
        paid = len(stage.books.paid_sessions())
    return Row(f'{SIZE} customers at once, {paid} payments', 'at random moments', kills, tally)
