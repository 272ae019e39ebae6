"""Failures of SQLite: refused at the start, answered 500 while they last, and nothing is lost afterwards."""

import asyncio
import logging
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event

from services.database import file_system, store
from services.errors import LedgerUnavailable
from services.ledger import Ledger, connect
from services.orders import State
from services.settings import SettingsError, parse_settings
from services.shop import Shop, build
from tests.factories import NOON, event_of, signed
from tests.processes import ROOT, run_program
from tests.services.conftest import Customer

SELLER = """
import asyncio, sys
from services.ledger import Ledger, connect
from services.orders import Cause
from tests.factories import NOON, an_order

async def sell():
    ledger = Ledger(connect(sys.argv[1]), lambda: NOON)
    await ledger.open()
    for number in range(100_000):
        name = f'{number:06}'
        order = an_order(id=name, reference=name, token=name, booking_key=name)
        assert await ledger.orders.add(order, because=Cause.BUTTON)
        print(name, flush=True)

asyncio.run(sell())
"""
"""A program that adds orders and prints their ids until it is killed."""


@pytest.fixture
def file(settings_env: dict[str, str]) -> Path:
    """Return the file of the shop's database."""
    return Path(settings_env['DATABASE_URL'].removeprefix('sqlite:///'))


def damage(file: Path) -> None:
    """Overwrite everything after the first page."""
    with file.open('r+b') as opened:
        opened.seek(4096)
        opened.write(b'\xa5' * (file.stat().st_size - 4096))


def _replace_by_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _set_another_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ('break_file', 'reason', 'remedy'),
    [
        (lambda file: file.write_bytes(b'garbage' * 2000), 'not a database', 'main.py restore FILE'),
        (damage, 'damaged', 'main.py restore FILE'),
        (_replace_by_a_folder, 'unable to open', 'be writable'),
        (_set_another_version, '9999', 'another version of Paidslot'),
    ],
)
async def test_a_broken_file_is_refused_at_the_start(
    settings_env: dict[str, str], file: Path, break_file: Callable[[Path], object], reason: str, remedy: str
) -> None:
    """One sentence says what is wrong with the database and what to do."""
    await _open_once(settings_env)
    break_file(file)
    problem = await _refusal(settings_env)
    assert (reason in problem, remedy in problem) == (True, True)


async def _open_once(settings_env: dict[str, str], *pragmas: str) -> None:
    shop = build(parse_settings(settings_env))

    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(f'PRAGMA {pragma}')

    event.listen(shop.ledger.store.engine, 'connect', set_up)
    try:
        await shop.open()
    finally:
        await shop.close()


async def _refusal(settings_env: dict[str, str], *pragmas: str) -> str:
    """Start a shop that cannot start; returns the one sentence that says why."""
    with pytest.raises(SettingsError) as refused:
        await _open_once(settings_env, *pragmas)
    (problem,) = refused.value.problems
    assert problem.startswith('DATABASE_URL: the database cannot be used: ')
    assert '\n' not in problem
    return problem


async def test_a_file_that_cannot_be_written_is_refused_at_the_start(settings_env: dict[str, str]) -> None:
    """It is refused even if there is nothing to migrate, so that it does not fail for the first customer."""
    await _open_once(settings_env)
    problem = await _refusal(settings_env, 'query_only=ON')
    assert ('readonly' in problem, 'must be writable' in problem) == (True, True)


async def test_a_full_disk_is_refused_at_the_start(settings_env: dict[str, str]) -> None:
    """It is refused before the first table is created."""
    problem = await _refusal(settings_env, 'max_page_count=2')
    assert ('full' in problem, 'no room left' in problem) == (True, True)


def test_the_program_names_the_problem_and_ends_with_exit_code_2(
    settings_env: dict[str, str], file: Path, tmp_path: Path
) -> None:
    """A start on a broken file and a backup of it both print one problem."""
    file.write_bytes(b'garbage' * 2000)
    code, lines = run_program(settings_env, tmp_path)
    assert (code, lines[0]) == (2, 'Paidslot cannot start:')
    assert [line for line in lines if 'file is not a database' in line] == lines[1:2]
    # For a backup no other setting is needed: they may stand in the database.
    alone = {name: settings_env[name] for name in ('DATABASE_URL', 'ENV_FILE')}
    code, lines = run_program(alone, tmp_path, 'backup', 'copy.db')
    assert (code, lines[0], len(lines)) == (2, 'Paidslot cannot back up:', 2)


@contextmanager
def _full_disk(_file: Path) -> Iterator[None]:
    """Let no file of this process grow, as on a full disk."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


@contextmanager
def _missing_file(file: Path) -> Iterator[None]:
    file.rename(file.with_name('away'))
    yield
    file.with_name('away').rename(file)


@contextmanager
def _replaced_file(file: Path) -> Iterator[None]:
    file.rename(file.with_name('away'))
    file.write_bytes(b'')
    yield
    file.with_name('away').replace(file)


@pytest.mark.parametrize('failure', [_full_disk, _missing_file, _replaced_file])
async def test_while_the_database_fails_deliveries_and_clicks_are_answered_500(
    customer: Customer,
    endpoints: httpx.AsyncClient,
    settings_env: dict[str, str],
    file: Path,
    failure: Callable[[Path], object],
) -> None:
    """No words of SQLite get out and no session is opened; afterwards the same delivery succeeds."""
    order = await customer.buy()
    body = event_of(order.session_id)
    headers = signed(body, settings_env['STRIPE_WEBHOOK_SECRET'])
    with failure(file):  # type: ignore[attr-defined]
        responses = await asyncio.gather(
            endpoints.post('/webhooks/stripe', content=body, headers=headers),
            endpoints.post('/api/create-checkout-session'),
        )
    assert [response.status_code for response in responses] == [500, 500]
    assert 'You have not been charged.' in responses[1].json()['error']['message']
    assert not {'sql', 'disk', 'database', str(file)} & set(responses[1].text.lower().split())
    assert len(customer.sandbox.state()['sessions']) == 1
    assert (await endpoints.post('/webhooks/stripe', content=body, headers=headers)).status_code == 200
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_a_missing_file_makes_the_shop_not_ready(
    shop: Shop, endpoints: httpx.AsyncClient, file: Path
) -> None:
    """The system would let us write to a deleted file, so the shop checks that the file still exists."""
    assert (await endpoints.get('/readyz')).status_code == 200
    with _missing_file(file):
        answer = await endpoints.get('/readyz')
        assert answer.status_code == 503
        assert 'the database does not answer' in answer.json()['parts']['ledger']
        assert not Path(file).exists()  # noqa: ASYNC240  # and no new one was created
    assert (await endpoints.get('/readyz')).status_code == 200


async def test_a_full_disk_is_not_ready(
    shop: Shop, endpoints: httpx.AsyncClient, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading works on a full disk, so the check writes; a success is good for a few seconds."""
    assert (await endpoints.get('/readyz')).status_code == 200
    monkeypatch.setattr(store, 'PROBE_EVERY', 0.0)
    with _full_disk(file):
        answer = await endpoints.get('/readyz')
    assert answer.status_code == 503
    assert 'does not answer' in answer.json()['parts']['ledger']
    assert (await endpoints.get('/readyz')).status_code == 200


async def test_frequent_health_checks_do_not_write_each_time(
    shop: Shop, endpoints: httpx.AsyncClient, file: Path
) -> None:
    """After a write that succeeded the next checks only read for a few seconds."""
    written = file.with_name(f'{file.name}-wal')
    await endpoints.get('/readyz')
    before = written.stat().st_size
    for _ in range(5):
        assert (await endpoints.get('/readyz')).status_code == 200
    assert written.stat().st_size == before


async def test_an_outage_is_two_log_lines(
    customer: Customer, endpoints: httpx.AsyncClient, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line with a traceback when it begins, one with the number of failures when it ends."""
    await customer.start()
    caplog.clear()
    with _full_disk(file):
        answers = [await endpoints.post('/api/create-checkout-session') for _ in range(20)]
        await customer.shop.reconciler.round()
    assert {answer.status_code for answer in answers} == {500}
    began = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [bool(record.exc_info) for record in began] == [True]
    assert 'the database does not work' in began[0].getMessage()
    assert {answer.json()['error']['id'] for answer in answers} == set(
        re.findall(r'\[error (\w+)\]', began[0].getMessage())
    )
    assert (await endpoints.post('/api/create-checkout-session')).status_code == 200
    (ended,) = [message for message in caplog.messages if 'works again' in message]
    assert int(re.findall(r'; (\d+) requests', ended)[0]) >= 20


@pytest.mark.parametrize('lock', ['EXCLUSIVE', 'IMMEDIATE'])
async def test_a_file_that_stays_locked_is_refused_soon(
    settings_env: dict[str, str], file: Path, lock: str
) -> None:
    """Within ten seconds, with the likely causes."""
    await _open_once(settings_env)
    begun = time.monotonic()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute('PRAGMA locking_mode=EXCLUSIVE' if lock == 'EXCLUSIVE' else 'SELECT 1')
        other.execute(f'BEGIN {lock}')
        problem = await _refusal(settings_env)
        assert ('locked' in problem, 'a second shop with the same file' in problem) == (True, True)
    assert time.monotonic() - begun < 10


@pytest.fixture
def on_nfs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Linux says that the folder of the test is a network file system."""
    mounts = tmp_path / 'mountinfo'
    mounts.write_text(
        f'21 1 8:1 / / rw - ext4 /dev/sda1 rw\n36 21 0:40 / {tmp_path} rw shared:1 - nfs4 nas:/data rw\n'
    )
    monkeypatch.setattr(file_system, 'MOUNTS', mounts)


@pytest.mark.usefixtures('on_nfs')
async def test_a_network_file_system_is_named_at_the_start(
    settings_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite's locks may fail there: a warning says so, and what to do."""
    await _open_once(settings_env)
    (line,) = [record for record in caplog.records if 'shared file system' in record.getMessage()]
    assert line.levelname == 'WARNING'
    assert '(nfs4)' in line.getMessage()
    assert 'PostgreSQL' in line.getMessage()


@pytest.mark.usefixtures('on_nfs')
async def test_on_a_network_file_system_a_new_inode_is_no_other_file(
    settings_env: dict[str, str], file: Path
) -> None:
    """Such systems number files anew; a file that is gone is still noticed."""
    shop = build(parse_settings(settings_env))
    await shop.open()
    shutil.copy(file, file.with_name('same'))
    file.with_name('same').replace(file)
    await shop.ledger.store.ping()
    with _missing_file(file), pytest.raises(LedgerUnavailable):
        await shop.ledger.store.ping()
    await shop.close()


@pytest.mark.parametrize(
    ('kind', 'path', 'shared'),
    [
        ('cifs', '/mnt/a b/shop.db', 'cifs'),
        ('9p', '/mnt/a b/deeper/shop.db', '9p'),
        ('fuse.sshfs', '/mnt/a b/shop.db', 'fuse.sshfs'),
        ('fuseblk', '/mnt/a b/shop.db', 'fuseblk'),
        ('ext4', '/mnt/a b/shop.db', ''),
        ('cifs', '/mnt/a bc/shop.db', ''),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, path: str, shared: str
) -> None:
    """Linux lists the mounts; the longest one that holds the file counts."""
    mounts = tmp_path / 'mountinfo'
    mounts.write_text(
        f'21 1 8:1 / / rw - ext4 /dev/sda1 rw\n36 21 0:40 / /mnt/a\\040b rw master:1 - {kind} //nas/a rw\n'
    )
    monkeypatch.setattr(file_system, 'MOUNTS', mounts)
    assert file_system.shared_kind(path) == shared


async def test_a_file_that_is_damaged_while_the_shop_runs_is_answered_500(
    customer: Customer, endpoints: httpx.AsyncClient, settings_env: dict[str, str], file: Path
) -> None:
    """A delivery is not acknowledged while the database cannot be read."""
    order = await customer.buy()
    customer.shop.ledger.store.engine.dispose()
    damage(file)
    body = event_of(order.session_id)
    headers = signed(body, settings_env['STRIPE_WEBHOOK_SECRET'])
    assert (await endpoints.post('/webhooks/stripe', content=body, headers=headers)).status_code == 500
    assert (await endpoints.post('/api/create-checkout-session')).status_code == 500


def _leave_unchanged(_file: Path) -> None:
    return


def _damage_end_of_log(file: Path) -> None:
    with Path(f'{file}-wal').open('ab') as log:
        log.write(b'\xa5' * 3000)


def _damage_index(file: Path) -> None:
    Path(f'{file}-shm').write_bytes(b'\xa5' * 32768)


async def test_committed_orders_survive_a_kill(tmp_path: Path) -> None:
    """The next start reads the log that a killed process left, even if its end or its index is damaged."""
    committed = await asyncio.to_thread(_sell_until_killed, tmp_path / 'killed')
    for number, change in enumerate((_leave_unchanged, _damage_end_of_log, _damage_index)):
        folder = shutil.copytree(tmp_path / 'killed', tmp_path / f'{number}')
        change(folder / 'shop.db')
        ledger = Ledger(connect(f'sqlite:///{folder}/shop.db'), lambda: NOON)
        await ledger.open()
        assert [name for name in committed if await ledger.orders.find(id=name) is None] == []
        await ledger.close()


def _sell_until_killed(folder: Path) -> list[str]:
    command = [sys.executable, '-c', SELLER, f'sqlite:///{folder}/shop.db']
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as seller:
        assert seller.stdout
        first = [seller.stdout.readline().strip() for _ in range(40)]
        seller.kill()
        rest = seller.stdout.read().split()[:-1]  # the last id may be incomplete
    assert (folder / 'shop.db-wal').stat().st_size > 0
    return first + rest
