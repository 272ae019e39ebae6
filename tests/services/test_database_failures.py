"""Bad days of SQLite: refused at the start in words, answered 500 while they last, nothing lost after."""

import asyncio
import os
import re
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event

from services.ledger import Ledger, connect
from services.orders import State
from services.settings import SettingsError, parse_settings
from services.shop import Shop, build
from tests.factories import NOON, event_of, signed
from tests.processes import ROOT, Server, free_port
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


def test_a_start_with_live_keys_and_example_texts_is_refused(
    settings_env: dict[str, str], tmp_path: Path
) -> None:
    """A customer must not be told to call a number that reaches nobody."""
    live = {
        'STRIPE_SECRET_KEY': 'sk_live_abc',
        'STRIPE_PUBLISHABLE_KEY': '',
        'STRIPE_API_BASE': '',
        'CALENDLY_API_BASE': '',
        'CALENDLY_LINK': 'https://calendly.com/coach/session',
        'DOMAIN': 'https://coach.example',
    }
    code, lines = _run(settings_env | live, tmp_path)
    assert (code, lines[0]) == (2, 'Paidslot cannot start:')
    places = [re.search(r'site\.toml: (\[contact\] \w+) is', line) for line in lines[1:-1]]
    assert [place[1] for place in places if place] == [
        '[contact] email',
        '[contact] phone',
        '[contact] hours',
    ]


def test_a_start_without_the_packages_is_refused_in_words(tmp_path: Path) -> None:
    """The python of the system instead of the one in .venv: a sentence, and no traceback."""
    command = [sys.executable, '-S', str(ROOT / 'main.py')]  # -S: without site-packages
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, '')
    assert 'does not have the package' in done.stdout
    assert 'make setup' in done.stdout


def test_a_start_from_another_folder_makes_no_new_shop(settings_env: dict[str, str], tmp_path: Path) -> None:
    """Nothing appears in the folder, and the .env there is named as not read."""
    (tmp_path / '.env').write_text('STRIPE_PRICE_ID=price_1')
    code, lines = _run(settings_env | {'STRIPE_SECRET_KEY': 'wrong'}, tmp_path)
    assert code == 2
    assert [line for line in lines if f'{tmp_path}/.env is not read' in line]
    assert [path.name for path in tmp_path.iterdir()] == ['.env']


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason='this machine has no IPv6')
def test_both_families_are_checked_and_served(settings_env: dict[str, str], tmp_path: Path) -> None:
    """HOST=:: answers on IPv4 and IPv6; a port that one of the two has taken is refused."""
    port = free_port()
    settings = settings_env | {'HOST': '::', 'PORT': str(port), 'PATH': os.environ['PATH']}
    with socket.create_server(('127.0.0.1', port)):
        code, lines = _run(settings, tmp_path)
    assert code == 2
    assert 'address already in use' in lines[1]
    arguments = [str(ROOT / 'main.py'), 'serve']
    server = Server('shop', arguments, port=port, health='/healthz', folder=tmp_path, environment=settings)
    server.start()
    try:
        for host in ('127.0.0.1', '[::1]'):
            assert httpx.get(f'http://{host}:{port}/healthz', trust_env=False).text == 'ok'
        # IPv4 clients have IPv4 addresses: the local one may read the counters.
        assert httpx.get(f'http://127.0.0.1:{port}/metrics', trust_env=False).status_code == 200
    finally:
        server.stop()
