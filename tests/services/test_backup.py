"""Copies of the ledger: whole or not at all, made while the shop sells, put back only where nobody sells."""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.database.backup import BackupRefused, backup, restore
from services.ledger import Ledger, connect
from services.orders import Cause, Facts
from tests.factories import NOON, a_booking, an_order

BROKEN = r'damaged|malformed'


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """The folder of the ledger and its copies."""
    return tmp_path


@pytest.fixture
def url(shelf: Path) -> str:
    """The address of the ledger."""
    return f'sqlite:///{shelf}/shop.db'


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    """A ledger in use."""
    ledger = Ledger(connect(url), lambda: NOON)
    await ledger.open()
    yield ledger
    await ledger.close()


def names_in(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {path.name for path in folder.iterdir()}


async def add(ledger: Ledger, *names: str) -> None:
    """Write orders down."""
    for name in names:
        order = an_order(id=name, reference=name, token=name, booking_key=name)
        assert await ledger.orders.add(order, because=Cause.BUTTON)


async def written(url: str, *names: str) -> None:
    """A ledger with these orders that nobody uses any more."""
    ledger = Ledger(connect(url), lambda: NOON)
    await ledger.open()
    await add(ledger, *names)
    await ledger.close()


def orders_in(file: Path) -> list[str]:
    """The orders of a whole ledger, each of which must have its line in the journal."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute('PRAGMA integrity_check').fetchall() == [('ok',)]
        told = connection.execute('SELECT DISTINCT order_id FROM journal ORDER BY order_id').fetchall()
        orders = connection.execute('SELECT id FROM orders ORDER BY id').fetchall()
    assert told == orders
    return [name for (name,) in orders]


def damage(file: Path) -> None:
    """Spoil everything behind the first page."""
    with file.open('r+b') as opened:
        opened.seek(4096)
        opened.write(b'\xa5' * (file.stat().st_size - 4096))


async def test_a_backup_is_one_moment_of_a_running_shop(ledger: Ledger, url: str, shelf: Path) -> None:
    """Copies made while orders are written down are whole, and hold all that was acknowledged before."""
    done: list[str] = []

    async def sell() -> None:
        for number in range(60):
            await add(ledger, f'o{number:02}')
            done.append(f'o{number:02}')

    selling = asyncio.create_task(sell())
    for number in range(4):
        known, file = list(done), shelf / f'copy-{number}.db'
        assert 'shop.db was copied to' in await asyncio.to_thread(backup, url, file)
        assert orders_in(file)[: len(known)] == known
    await selling
    assert not {name for name in names_in(shelf) if name.endswith('.part')}


async def test_a_backup_is_one_file_for_its_owner_alone(ledger: Ledger, url: str, shelf: Path) -> None:
    """Names and addresses are in it, so nobody else may read it; nothing lies beside it."""
    await add(ledger, 'a', 'b')
    told = backup(url, shelf / 'copy.db')
    assert (
        told == f'{shelf}/shop.db was copied to {shelf}/copy.db: 2 orders, the last of 2026-11-23 12:00 UTC.'
    )
    assert stat.S_IMODE((shelf / 'copy.db').stat().st_mode) == 0o600
    assert names_in(shelf) == {'copy.db', 'shop.db', 'shop.db-shm', 'shop.db-wal'}


@pytest.mark.parametrize('where', ['there.db', 'folder', 'no/such/folder/copy.db'])
async def test_a_backup_that_cannot_be_is_refused_in_words(url: str, shelf: Path, where: str) -> None:
    """A file that exists is not overwritten, and neither is a folder; a folder that is missing is named."""
    await written(url, 'a')
    (shelf / 'there.db').write_text('precious')
    (shelf / 'folder').mkdir()
    with pytest.raises(BackupRefused, match=where):
        backup(url, shelf / where)
    assert (shelf / 'there.db').read_text() == 'precious'
    assert names_in(shelf) == {'folder', 'shop.db', 'there.db'}


async def test_no_database_is_made_by_copying_it(url: str, shelf: Path) -> None:
    """Where there is no ledger there is no backup, and none is begun."""
    with pytest.raises(BackupRefused, match='There is no database at'):
        backup(url, shelf / 'copy.db')
    assert names_in(shelf) == set()


async def test_a_damaged_ledger_gives_no_backup(url: str, shelf: Path) -> None:
    """A copy of something broken would be found out on the day it is needed."""
    await written(url, *'abcdef')
    damage(shelf / 'shop.db')
    with pytest.raises(BackupRefused, match=BROKEN):
        backup(url, shelf / 'copy.db')
    assert 'copy.db' not in names_in(shelf)


def test_postgresql_has_tools_of_its_own(shelf: Path) -> None:
    """They are named."""
    server = 'postgresql://shop:secret@db:5432,copy:5432/shop'
    with pytest.raises(BackupRefused, match='pg_dump') as refused:
        backup(server, shelf / 'copy')
    assert 'secret' not in str(refused.value)
    with pytest.raises(BackupRefused, match='pg_restore'):
        restore(server, shelf / 'copy', now=NOON)


async def test_a_restored_ledger_is_as_it_was_and_the_other_is_kept(url: str, shelf: Path) -> None:
    """What came after the backup is gone from the ledger, but not from the disk."""
    await written(url, 'a')
    backup(url, shelf / 'copy.db')
    await written(url, 'b')
    (shelf / 'shop.db').chmod(0o640)
    told = restore(url, shelf / 'copy.db', now=NOON)
    kept = shelf / 'shop.db.before-restore-20261123T120000Z'
    assert f'copy.db is now {shelf}/shop.db: 1 orders' in told
    assert str(kept) in told
    assert orders_in(kept) == ['a', 'b']
    assert stat.S_IMODE((shelf / 'shop.db').stat().st_mode) == 0o640
    await written(url, 'c')
    assert orders_in(shelf / 'shop.db') == ['a', 'c']
    assert orders_in(shelf / 'copy.db') == ['a']


async def test_what_may_have_been_booked_since_is_marked(url: str, shelf: Path) -> None:
    """Orders that could be paid, with a link or without, once; not the booked, the voided and the expired."""
    ledger = Ledger(connect(url), lambda: NOON)
    await ledger.open()
    await add(ledger, 'booked', 'linked', 'bare', 'voided', 'expired')
    changes: dict[str, dict[str, Any]] = {
        'booked': {'calendar_url': 'https://one'},
        'linked': {'calendar_url': 'https://two'},
        'voided': {'voided_at': NOON},
        'expired': {'facts': Facts(session_status='expired')},
    }
    for name, what in changes.items():
        order = await ledger.orders.find(id=name)
        assert order
        await ledger.orders.move(order, because=Cause.PAGE, line='moved', **what)
    await ledger.bookings.put(an_order(id='booked'), a_booking(), because=Cause.WEBHOOK)
    await ledger.close()
    for minute in range(2):
        backup(url, shelf / f'copy-{minute}.db')
        restore(url, shelf / f'copy-{minute}.db', now=NOON + timedelta(minutes=minute))
    ledger = Ledger(connect(url), lambda: NOON)
    await ledger.open()
    found = [await ledger.orders.find(id=name) for name in ('booked', 'linked', 'bare', 'voided', 'expired')]
    told = await ledger.journal.lines('linked')
    await ledger.close()
    links = [(order.calendar_url, order.bookings_unknown) for order in found if order]
    assert links == [('https://one', False), (None, True), (None, True), (None, False), (None, False)]
    assert [order.version for order in found if order] == [2, 3, 2, 2, 2]
    assert [(line.version, line.at, line.because) for line in told[2:]] == [(3, NOON, Cause.RESTORE)]


async def test_a_ledger_is_restored_where_there_is_none(url: str, shelf: Path) -> None:
    """On a new machine, also without the folder."""
    await written(url, 'a')
    backup(url, shelf / 'copy.db')
    assert 'kept' not in restore(f'sqlite:///{shelf}/new/shop.db', shelf / 'copy.db', now=NOON)
    assert orders_in(shelf / 'new' / 'shop.db') == ['a']


async def test_nothing_is_restored_under_a_running_shop(ledger: Ledger, url: str, shelf: Path) -> None:
    """The shop goes on with its orders; once it has stopped, it works."""
    await add(ledger, 'a')
    backup(url, shelf / 'copy.db')
    await add(ledger, 'b')
    before = names_in(shelf)
    with pytest.raises(BackupRefused, match='stop it first'):
        await asyncio.to_thread(restore, url, shelf / 'copy.db', now=NOON)
    assert names_in(shelf) == before
    await add(ledger, 'c')
    await ledger.close()
    restore(url, shelf / 'copy.db', now=NOON)
    assert orders_in(shelf / 'shop.db') == ['a']


def _another_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def _another_program(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute('CREATE TABLE orders (id)')


def _half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 + 100])


@pytest.mark.parametrize(
    ('spoil', 'why'),
    [
        (lambda file: file.write_bytes(b'garbage' * 2000), 'not a database'),
        (lambda file: file.write_bytes(b''), 'not a ledger of Paidslot'),
        (damage, BROKEN),
        (_half, BROKEN),
        (_another_version, r'another version of Paidslot \(9999\)'),
        (_another_program, 'not a ledger of Paidslot'),
        (Path.unlink, 'There is no file'),
    ],
)
async def test_what_is_no_whole_ledger_is_not_restored(
    url: str, shelf: Path, spoil: Callable[[Path], object], why: str
) -> None:
    """The ledger stays as it is, and nothing is left behind."""
    await written(url, *'abcdef')
    backup(url, shelf / 'copy.db')
    spoil(shelf / 'copy.db')
    before = names_in(shelf)
    with pytest.raises(BackupRefused, match=why):
        restore(url, shelf / 'copy.db', now=NOON)
    assert names_in(shelf) == before
    assert orders_in(shelf / 'shop.db') == list('abcdef')


async def test_the_ledger_is_not_restored_from_itself(url: str, shelf: Path) -> None:
    """That would keep nothing and change nothing."""
    await written(url, 'a')
    with pytest.raises(BackupRefused, match='is the database itself'):
        restore(url, shelf / 'shop.db', now=NOON)


async def test_a_broken_ledger_and_its_log_give_way(url: str, shelf: Path) -> None:
    """The log of a ledger that cannot be opened goes away with it, and is never read into the backup."""
    await written(url, 'a')
    backup(url, shelf / 'copy.db')
    (shelf / 'shop.db').write_bytes(b'garbage' * 2000)
    (shelf / 'shop.db-wal').write_bytes(b'log')
    (shelf / 'shop.db-shm').write_bytes(b'index')
    restore(url, shelf / 'copy.db', now=NOON)
    kept = 'shop.db.before-restore-20261123T120000Z'
    assert names_in(shelf) == {'copy.db', 'shop.db', kept, f'{kept}-wal', f'{kept}-shm'}
    assert (shelf / f'{kept}-wal').read_bytes() == b'log'
    assert orders_in(shelf / 'shop.db') == ['a']
