"""Bad days of SQLite: refused at the start in words, answered 500 while they last, nothing lost after."""

import asyncio
import logging
import re
import resource
import shutil
import socket
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
from tests.processes import ROOT
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
"""A program that writes orders down and says so, until it is killed."""


@pytest.fixture
def file(settings_env: dict[str, str]) -> Path:
    """The file of the shop's ledger."""
    return Path(settings_env['DATABASE_URL'].removeprefix('sqlite:///'))


def damage(file: Path) -> None:
    """Spoil everything behind the first page."""
    with file.open('r+b') as opened:
        opened.seek(4096)
        opened.write(b'\xa5' * (file.stat().st_size - 4096))


def _into_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _by_another_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ('spoil', 'why', 'remedy'),
    [
        (lambda file: file.write_bytes(b'garbage' * 2000), 'not a database', 'main.py restore FILE'),
        (damage, 'damaged', 'main.py restore FILE'),
        (_into_a_folder, 'unable to open', 'be writable'),
        (_by_another_version, '9999', 'another version of Paidslot'),
    ],
)
async def test_a_spoilt_file_is_refused_at_the_start(
    settings_env: dict[str, str], file: Path, spoil: Callable[[Path], object], why: str, remedy: str
) -> None:
    """One sentence says what is wrong with the database and what helps."""
    await _opened_once(settings_env)
    spoil(file)
    await _refused(settings_env, why, remedy)


async def _opened_once(settings_env: dict[str, str], *pragmas: str) -> None:
    shop = build(parse_settings(settings_env))

    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(f'PRAGMA {pragma}')

    event.listen(shop.ledger.store.engine, 'connect', set_up)
    try:
        await shop.open()
    finally:
        await shop.close()


async def _refused(settings_env: dict[str, str], why: str, remedy: str, *pragmas: str) -> None:
    with pytest.raises(SettingsError) as refused:
        await _opened_once(settings_env, *pragmas)
    (problem,) = refused.value.problems
    assert problem.startswith('DATABASE_URL: the database cannot be used: ')
    assert why in problem
    assert remedy in problem
    assert '\n' not in problem


async def test_a_file_that_cannot_be_written_is_refused_at_the_start(settings_env: dict[str, str]) -> None:
    """Also when there is nothing to migrate: no customer has to find it out."""
    await _opened_once(settings_env)
    await _refused(settings_env, 'readonly', 'must be writable', 'query_only=ON')


async def test_a_full_disk_is_refused_at_the_start(settings_env: dict[str, str]) -> None:
    """Before the first table."""
    await _refused(settings_env, 'full', 'no room left', 'max_page_count=2')


def _run(settings_env: dict[str, str], folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run the program itself; returns its exit code and the lines it printed."""
    command = [sys.executable, str(ROOT / 'main.py'), *arguments]
    done = subprocess.run(command, cwd=folder, env=settings_env, capture_output=True, text=True, timeout=60)
    assert done.stderr == ''
    return done.returncode, done.stdout.splitlines()


def test_the_program_ends_with_a_line_and_a_code(
    settings_env: dict[str, str], file: Path, tmp_path: Path
) -> None:
    """A start on a broken file, and a copy of it, end with exit code 2 and one problem."""
    file.write_bytes(b'garbage' * 2000)
    code, lines = _run(settings_env, tmp_path)
    assert (code, lines[0]) == (2, 'Paidslot cannot start:')
    assert [line for line in lines if 'file is not a database' in line] == lines[1:2]
    code, lines = _run(settings_env, tmp_path, 'backup', 'copy.db')
    assert (code, lines[0], len(lines)) == (2, 'Paidslot cannot back up:', 2)


@contextmanager
def _no_room(_file: Path) -> Iterator[None]:
    """No file of this process may grow: what is written does not get to the disk."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


@contextmanager
def _taken_away(file: Path) -> Iterator[None]:
    file.rename(file.with_name('away'))
    yield
    file.with_name('away').rename(file)


@contextmanager
def _replaced(file: Path) -> Iterator[None]:
    file.rename(file.with_name('away'))
    file.write_bytes(b'')
    yield
    file.with_name('away').replace(file)


@pytest.mark.parametrize('bad_day', [_no_room, _taken_away, _replaced])
async def test_while_it_lasts_stripe_is_asked_to_come_back(
    customer: Customer,
    endpoints: httpx.AsyncClient,
    settings_env: dict[str, str],
    file: Path,
    bad_day: Callable[[Path], object],
) -> None:
    """The payment is not acknowledged, nobody is sent to pay, no word is SQLite's; then all heals."""
    order = await customer.buy()
    body = event_of(order.session_id)
    headers = signed(body, settings_env['STRIPE_WEBHOOK_SECRET'])
    with bad_day(file):  # type: ignore[attr-defined]
        answers = await asyncio.gather(
            endpoints.post('/webhooks/stripe', content=body, headers=headers),
            endpoints.post('/api/create-checkout-session'),
        )
    assert [answer.status_code for answer in answers] == [500, 500]
    assert 'You have not been charged.' in answers[1].json()['error']['message']
    assert not {'sql', 'disk', 'database', str(file)} & set(answers[1].text.lower().split())
    assert len(customer.sandbox.state()['sessions']) == 1
    assert (await endpoints.post('/webhooks/stripe', content=body, headers=headers)).status_code == 200
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_a_file_that_is_gone_is_not_written_to(
    shop: Shop, endpoints: httpx.AsyncClient, file: Path
) -> None:
    """The system would let us go on in a file without a name; the shop says that it is not ready instead."""
    assert (await endpoints.get('/readyz')).status_code == 200
    with _taken_away(file):
        answer = await endpoints.get('/readyz')
        assert answer.status_code == 503
        assert 'the database does not answer' in answer.json()['parts']['ledger']
        assert not Path(file).exists()  # noqa: ASYNC240  # and none was begun in its place
    assert (await endpoints.get('/readyz')).status_code == 200


async def test_a_full_disk_is_not_ready(
    shop: Shop, endpoints: httpx.AsyncClient, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading works on a full disk, so the check writes; a success is good for a few seconds."""
    assert (await endpoints.get('/readyz')).status_code == 200
    monkeypatch.setattr(store, 'PROBE_EVERY', 0.0)
    with _no_room(file):
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
    with _no_room(file):
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
    await _opened_once(settings_env)
    begun = time.monotonic()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute('PRAGMA locking_mode=EXCLUSIVE' if lock == 'EXCLUSIVE' else 'SELECT 1')
        other.execute(f'BEGIN {lock}')
        await _refused(settings_env, 'locked', 'a second shop with the same file')
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
    await _opened_once(settings_env)
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
    with _taken_away(file), pytest.raises(LedgerUnavailable):
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


async def test_a_page_that_breaks_under_a_running_shop(
    customer: Customer, endpoints: httpx.AsyncClient, settings_env: dict[str, str], file: Path
) -> None:
    """What cannot be read is not acknowledged."""
    order = await customer.buy()
    customer.shop.ledger.store.engine.dispose()
    damage(file)
    body = event_of(order.session_id)
    headers = signed(body, settings_env['STRIPE_WEBHOOK_SECRET'])
    assert (await endpoints.post('/webhooks/stripe', content=body, headers=headers)).status_code == 500
    assert (await endpoints.post('/api/create-checkout-session')).status_code == 500


def _as_it_is(_file: Path) -> None:
    return


def _with_a_torn_end(file: Path) -> None:
    with Path(f'{file}-wal').open('ab') as log:
        log.write(b'\xa5' * 3000)


def _with_a_broken_index(file: Path) -> None:
    Path(f'{file}-shm').write_bytes(b'\xa5' * 32768)


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """The log that a killed process leaves is read at the next start, however it and its index end."""
    acknowledged = await asyncio.to_thread(_sell_until_killed, tmp_path / 'killed')
    for number, left in enumerate((_as_it_is, _with_a_torn_end, _with_a_broken_index)):
        folder = shutil.copytree(tmp_path / 'killed', tmp_path / f'{number}')
        left(folder / 'shop.db')
        ledger = Ledger(connect(f'sqlite:///{folder}/shop.db'), lambda: NOON)
        await ledger.open()
        assert [name for name in acknowledged if await ledger.orders.find(id=name) is None] == []
        await ledger.close()


def _sell_until_killed(folder: Path) -> list[str]:
    command = [sys.executable, '-c', SELLER, f'sqlite:///{folder}/shop.db']
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as seller:
        assert seller.stdout
        first = [seller.stdout.readline().strip() for _ in range(40)]
        seller.kill()
        rest = seller.stdout.read().split()[:-1]  # the last may be cut off
    assert (folder / 'shop.db-wal').stat().st_size > 0
    return first + rest


def test_a_port_that_is_taken_is_refused_in_words(settings_env: dict[str, str], tmp_path: Path) -> None:
    """Before anything is opened: exit code 2 and one problem, as for every other setting."""
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        code, lines = _run(settings_env | {'HOST': '127.0.0.1', 'PORT': str(port)}, tmp_path)
    said = f'  - HOST and PORT: cannot listen on 127.0.0.1:{port}: address already in use'
    demo = 'To look around without any account: make demo'
    assert (code, lines) == (2, ['Paidslot cannot start:', said, demo])
