"""Rehearsals from the admin: one process makes each, every night if wanted, and mails only what is wrong."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.ledger import Ledger, MailRules, connect
from services.ledger.rehearsals import KEPT, LEASE
from services.orders import MailKind
from services.rehearsal import Hop, Outcome, Part, RehearsalRunner, Report, build_runner, child, to_json
from services.rehearsal.runner import SCHEDULE
from services.settings import parse_settings
from tests.conftest import CreateTables
from tests.processes import wait_until
from tests.services.conftest import on_both_databases

ZONE = ZoneInfo('America/New_York')
NIGHT = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)  # 3:00 in New York
GOOD = Hop(Part.SANDBOX, 'A time is booked', Outcome.OK, '', 40)
BAD = Hop(Part.SANDBOX, 'A time is booked', Outcome.FAILED, 'No time is free.', 40)
BY = 'admin (203.0.113.7)'


class Process:
    """One process of the shop: it rehearses with a given result, at a given time."""

    def __init__(self, database_url: str) -> None:
        self.now = NIGHT
        self.report = Report((GOOD,))
        self.made = 0
        rules = MailRules(operator=True)
        self.ledger = Ledger(connect(database_url), lambda: self.now, mail_rules=rules)
        self.runner = RehearsalRunner(
            self.ledger, run=self._rehearse, zone=lambda: ZONE, clock=lambda: self.now
        )

    async def _rehearse(self) -> Report:
        self.made += 1
        return self.report

    async def alerts(self) -> list[str]:
        """Return the texts of the alerts that one mail to the operator collects now."""
        self.now += timedelta(minutes=15)
        mail = await self.ledger.mails.claim()
        if mail is None:
            return []
        assert mail.kind is MailKind.ALERTS
        assert await self.ledger.mails.claim() is None
        return [alert.text for alert in await self.ledger.mails.alerts_of(mail)]


@pytest.fixture
async def process(database_url: str, create_tables: CreateTables) -> AsyncIterator[Callable[[], Process]]:
    """Make processes on one database."""
    create_tables(database_url)
    made: list[Process] = []

    def make() -> Process:
        made.append(Process(database_url))
        return made[-1]

    first = make()
    await first.ledger.open()
    yield lambda: made.pop(0) if made == [first] else make()
    for each in {first, *made}:
        await each.ledger.close()


@on_both_databases
async def test_two_processes_rehearse_once(process: Callable[[], Process]) -> None:
    """Of a night, and of a button that is pressed twice, only one process makes a rehearsal."""
    one, other = process(), process()
    await one.runner.set_schedule(time(3), actor=BY)
    made = await asyncio.gather(*(each.runner.round() for each in (one, other) * 3))
    assert sum(made) == one.made + other.made == 1
    await one.runner.want('a', actor=BY)
    await other.runner.want('a', actor=BY)
    await other.runner.want('b', actor=BY)
    made = await asyncio.gather(*(each.runner.round() for each in (one, other) * 3))
    assert sum(made) == 1
    assert one.made + other.made == 2


async def test_it_rehearses_when_the_night_comes(process: Callable[[], Process]) -> None:
    """At the time of the shop's zone, once a night, and not hours later; a new time counts at once."""
    shop = process()
    assert not await shop.runner.round()
    await shop.runner.set_schedule(time(3), actor=BY)
    for hours, due in {
        -0.1: False,
        0: True,
        0.5: False,
        3: False,
        24.9: True,
        25.1: False,
        50: False,
    }.items():
        shop.now = NIGHT + timedelta(hours=hours)
        assert await shop.runner.round() is due, hours
    await shop.runner.set_schedule(time(23, 30), actor=BY)
    shop.now = datetime(2026, 12, 5, 5, 15, tzinfo=UTC)  # 0:15 of the next day
    assert await shop.runner.round()
    await shop.runner.set_schedule(None, actor=BY)
    shop.now += timedelta(days=1)
    assert not await shop.runner.round()
    assert (await shop.runner.schedule()).at == time(23, 30)
    lines = [line.line for line in await shop.ledger.admin_journal.newest(limit=5)]
    assert lines[0] == 'no rehearsal at night any more'
    assert lines[-1] == 'a rehearsal every night at 03:00'


async def test_only_a_failed_night_is_mailed(process: Callable[[], Process]) -> None:
    """A night that found nothing mails nothing, nor does a button; one that did mails its hops, once."""
    shop = process()
    await shop.runner.set_schedule(time(3), actor=BY)
    await shop.runner.round()
    shop.report = Report((GOOD, BAD), 'it was stopped after 180 seconds')
    await shop.runner.want('a', actor=BY)
    assert await shop.runner.round()
    assert await shop.alerts() == []
    shop.now = NIGHT + timedelta(days=1)
    assert await shop.runner.round()
    assert not await shop.runner.round()
    assert await shop.alerts() == ['it was stopped after 180 seconds; "A time is booked": No time is free.']


async def test_the_result_is_kept(process: Callable[[], Process]) -> None:
    """The page has the hops, when it was and by whom; old ones are deleted."""
    shop = process()
    assert await shop.runner.newest() == (None, None)
    await shop.runner.want('a', actor=BY)
    since, ended = await shop.runner.newest()
    assert (since, ended) == (NIGHT, None)
    await shop.runner.round()
    since, ended = await shop.runner.newest()
    assert ended is not None
    assert (since, ended.at, ended.actor, ended.hops) == (None, NIGHT, BY, (GOOD,))
    assert not ended.has_failed
    shop.now += KEPT + timedelta(days=1)
    shop.report = Report((), 'Paidslot cannot rehearse')
    await shop.runner.want('b', actor=SCHEDULE)
    await shop.runner.round()
    _, ended = await shop.runner.newest()
    assert ended is not None
    assert (ended.has_failed, ended.problem) == (True, 'Paidslot cannot rehearse')
    await shop.runner.want('a', actor=BY)  # its row is gone
    assert await shop.runner.round()


async def test_a_result_of_another_version_is_no_error(process: Callable[[], Process]) -> None:
    """The page says so, and a new rehearsal helps."""
    shop = process()
    await shop.runner.want('a', actor=BY)
    claimed = await shop.ledger.rehearsals.claim()
    assert claimed is not None
    hops = '[{"part": "the moon", "name": "x", "outcome": "ok", "why": "", "milliseconds": 1}]'
    await shop.ledger.rehearsals.finish(claimed, hops=hops, problem='', alert=None)
    _, ended = await shop.runner.newest()
    assert ended is not None
    assert 'another version' in ended.problem


async def test_a_process_that_dies_does_not_stop_the_next(process: Callable[[], Process]) -> None:
    """Its lease expires, another process takes over, and the second death is an end."""
    shop = process()
    await shop.runner.want('a', actor=BY)
    for _ in range(2):
        assert await shop.ledger.rehearsals.claim() is not None
        assert await shop.ledger.rehearsals.claim() is None
        shop.now += LEASE + timedelta(seconds=1)
    assert await shop.runner.round()
    _, ended = await shop.runner.newest()
    assert ended is not None
    assert (shop.made, ended.problem) == (0, 'the process that rehearsed has died')


@pytest.mark.parametrize(('mode', 'goes_beyond'), [('test', True), ('live', False), ('demo', False)])
async def test_only_test_keys_are_rehearsed(
    process: Callable[[], Process],
    settings_env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    goes_beyond: bool,
) -> None:
    """With live keys, and in the demo, the rehearsal of the admin stays with the sandbox."""
    (tmp_path / 'main.py').write_text('import sys; print(*sys.argv[1:])')
    monkeypatch.setattr(child, 'HOME', tmp_path)
    shop = process()
    settings = replace(parse_settings(settings_env), mode=mode)
    runner = build_runner(shop.ledger, settings, zone=lambda: ZONE, clock=lambda: shop.now)
    await runner.want('a', actor=BY)
    await runner.round()
    _, ended = await runner.newest()
    assert ended is not None
    assert ended.problem == 'rehearse --json' + (' --with-test-keys' if goes_beyond else '')


SCRIPTS = {
    'hops': 'print("a line"); print(\'{"ok": true, "hops": []}\')',
    'refused': 'print("Paidslot cannot rehearse: no key sk_test_secret1234"); raise SystemExit(2)',
    'silent': 'import threading; threading.Event().wait(60)',
    'stubborn': 'import signal, threading; signal.signal(signal.SIGTERM, signal.SIG_IGN);'
    ' threading.Event().wait(60)',
}


@pytest.mark.parametrize(
    ('script', 'problem'),
    [
        ('hops', 'a line {"ok": true, "hops": []}'),
        ('refused', 'Paidslot cannot rehearse: no key sk_test_…'),
        ('silent', 'it was stopped after 1.5 seconds'),
        ('stubborn', 'it was stopped after 1.5 seconds'),
    ],
)
async def test_the_process_of_a_rehearsal_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, problem: str
) -> None:
    """Whatever it does, it ends, and what it says is told without secrets."""
    monkeypatch.setattr(child, 'HOME', tmp_path)
    monkeypatch.setattr(child, 'TERMINATION_TIMEOUT', 0.5)
    (tmp_path / 'main.py').write_text(SCRIPTS[script])
    create = asyncio.create_subprocess_exec
    made: list[asyncio.subprocess.Process] = []

    async def remember(*arguments: Any, **options: Any) -> asyncio.subprocess.Process:
        made.append(await create(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(asyncio, 'create_subprocess_exec', remember)
    ends = script in ('hops', 'refused')
    report = await child.rehearse(with_test_keys=False, longest=60 if ends else 1.5)
    assert (report.hops, report.problem) == ((), problem)
    assert [process.returncode is None for process in made] == [False]


async def test_a_rehearsal_that_somebody_stops_is_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hops so far are ok, and it does not count as one in which everything works."""
    monkeypatch.setattr(child, 'HOME', tmp_path)
    line = f'{{"ok": false, "hops": {to_json([GOOD])}}}'
    (tmp_path / 'main.py').write_text(f'print({line!r}); raise SystemExit(1)')
    report = await child.rehearse(with_test_keys=False)
    assert report == Report((GOOD,), 'it was stopped before its end')


async def test_a_shop_that_stops_stops_its_rehearsal(
    process: Callable[[], Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process of the rehearsal ends first; the rehearsal stays wanted, for the next start."""
    begin = 'import os, pathlib; pathlib.Path(__file__).with_name("pid").write_text(str(os.getpid()))\n'
    (tmp_path / 'main.py').write_text(begin + SCRIPTS['silent'])
    monkeypatch.setattr(child, 'HOME', tmp_path)
    shop = process()

    async def rehearse() -> Report:
        return await child.rehearse(with_test_keys=False)

    runner = RehearsalRunner(shop.ledger, run=rehearse, zone=lambda: ZONE, clock=lambda: shop.now)
    await runner.want('a', actor=BY)
    runner.start()
    pid = tmp_path / 'pid'
    await asyncio.to_thread(
        wait_until, lambda: pid.exists() and pid.read_text() != '', seconds=20, why='it runs'
    )
    await runner.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    since, ended = await runner.newest()
    assert (since, ended) == (NIGHT, None)
