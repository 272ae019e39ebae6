"""Backup and restore: a backup is complete, also of a running shop; a restore needs a stopped one."""

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
def folder(tmp_path: Path) -> Path:
    """Return the folder of the database and its backups."""
    return tmp_path


@pytest.fixture
def url(folder: Path) -> str:
    """Return the URL of the database."""
    return f'sqlite:///{folder}/shop.db'


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    """Open a ledger, as a running shop does."""
    ledger = Ledger(connect(url), lambda: NOON)
    await ledger.open()
    yield ledger
    await ledger.close()


def names_in(folder: Path) -> set[str]:
    """Return the names of the files in a folder."""
    return {path.name for path in folder.iterdir()}


async def add(ledger: Ledger, *names: str) -> None:
    """Add orders to a ledger."""
    for name in names:
        order = an_order(id=name, reference=name, token=name, booking_key=name)
        assert await ledger.orders.add(order, because=Cause.BUTTON)


async def add_and_close(url: str, *names: str) -> None:
    """Open a ledger, add orders, and close it again."""
    ledger = Ledger(connect(url), lambda: NOON)
    await ledger.open()
    await add(ledger, *names)
    await ledger.close()


def orders_in(file: Path) -> list[str]:
    """Return the ids of the orders in an undamaged database; each must have a journal line."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute('PRAGMA integrity_check').fetchall() == [('ok',)]
        in_journal = connection.execute('SELECT DISTINCT order_id FROM journal ORDER BY order_id').fetchall()
        orders = connection.execute('SELECT id FROM orders ORDER BY id').fetchall()
    assert in_journal == orders
    return [name for (name,) in orders]


def damage(file: Path) -> None:
    """Overwrite everything after the first page."""
    with file.open('r+b') as opened:
        opened.seek(4096)
        opened.write(b'\xa5' * (file.stat().st_size - 4096))


async def test_a_backup_of_a_running_shop_is_complete(ledger: Ledger, url: str, folder: Path) -> None:
    """Backups made while orders are added hold all orders that were committed before."""
    committed: list[str] = []

    async def sell() -> None:
        for number in range(60):
            await add(ledger, f'o{number:02}')
            committed.append(f'o{number:02}')

    selling = asyncio.create_task(sell())
    for number in range(4):
        before, file = list(committed), folder / f'copy-{number}.db'
        assert 'shop.db was copied to' in await asyncio.to_thread(backup, url, file)
        assert orders_in(file)[: len(before)] == before
    await selling
    assert not {name for name in names_in(folder) if name.endswith('.part')}


async def test_a_backup_is_one_file_that_only_its_owner_can_read(
    ledger: Ledger, url: str, folder: Path
) -> None:
    """It holds names and e-mails; no temporary file is left beside it."""
    await add(ledger, 'a', 'b')
    message = backup(url, folder / 'copy.db')
    assert (
        message
        == f'{folder}/shop.db was copied to {folder}/copy.db: 2 orders, the last of 2026-11-23 12:00 UTC.'
    )
    assert stat.S_IMODE((folder / 'copy.db').stat().st_mode) == 0o600
    assert names_in(folder) == {'copy.db', 'shop.db', 'shop.db-shm', 'shop.db-wal'}


@pytest.mark.parametrize('target', ['existing.db', 'subfolder', 'no/such/folder/copy.db'])
async def test_a_backup_to_an_impossible_target_is_refused(url: str, folder: Path, target: str) -> None:
    """A file or folder that exists is not overwritten; a folder that is missing is named."""
    await add_and_close(url, 'a')
    (folder / 'existing.db').write_text('precious')
    (folder / 'subfolder').mkdir()
    with pytest.raises(BackupRefused, match=target):
        backup(url, folder / target)
    assert (folder / 'existing.db').read_text() == 'precious'
    assert names_in(folder) == {'existing.db', 'shop.db', 'subfolder'}


async def test_a_backup_of_a_missing_database_is_refused(url: str, folder: Path) -> None:
    """Neither a database nor a backup is created."""
    with pytest.raises(BackupRefused, match='There is no database at'):
        backup(url, folder / 'copy.db')
    assert names_in(folder) == set()


async def test_a_backup_of_a_damaged_database_is_refused(url: str, folder: Path) -> None:
    """A damaged backup would be noticed only when it is needed."""
    await add_and_close(url, *'abcdef')
    damage(folder / 'shop.db')
    with pytest.raises(BackupRefused, match=BROKEN):
        backup(url, folder / 'copy.db')
    assert 'copy.db' not in names_in(folder)


def test_for_postgresql_the_error_names_the_tools_of_postgresql(folder: Path) -> None:
    """The errors name pg_dump and pg_restore, and never the password."""
    server = 'postgresql://shop:secret@db:5432,copy:5432/shop'
    with pytest.raises(BackupRefused, match='pg_dump') as refused:
        backup(server, folder / 'copy')
    assert 'secret' not in str(refused.value)
    with pytest.raises(BackupRefused, match='pg_restore'):
        restore(server, folder / 'copy', now=NOON)


async def test_a_restore_keeps_the_replaced_database(url: str, folder: Path) -> None:
    """Orders added after the backup are no longer in the ledger, but in the file that was kept."""
    await add_and_close(url, 'a')
    backup(url, folder / 'copy.db')
    await add_and_close(url, 'b')
    (folder / 'shop.db').chmod(0o640)
    message = restore(url, folder / 'copy.db', now=NOON)
    replaced = folder / 'shop.db.before-restore-20261123T120000Z'
    assert f'copy.db is now {folder}/shop.db: 1 orders' in message
    assert str(replaced) in message
    assert orders_in(replaced) == ['a', 'b']
    assert stat.S_IMODE((folder / 'shop.db').stat().st_mode) == 0o640
    await add_and_close(url, 'c')
    assert orders_in(folder / 'shop.db') == ['a', 'c']
    assert orders_in(folder / 'copy.db') == ['a']


async def test_a_restore_marks_orders_whose_bookings_are_unknown(url: str, folder: Path) -> None:
    """It marks orders that can be paid, with or without a link, but no booked, voided or expired one."""
    ledger = Ledger(connect(url), lambda: NOON)
    await ledger.open()
    await add(ledger, 'booked', 'linked', 'bare', 'voided', 'expired')
    changes: dict[str, dict[str, Any]] = {
        'booked': {'calendar_url': 'https://one'},
        'linked': {'calendar_url': 'https://two'},
        'voided': {'voided_at': NOON},
        'expired': {'facts': Facts(session_status='expired')},
    }
    for name, change in changes.items():
        order = await ledger.orders.find(id=name)
        assert order
        await ledger.orders.move(order, because=Cause.PAGE, line='moved', **change)
    await ledger.bookings.put(an_order(id='booked'), a_booking(), because=Cause.WEBHOOK)
    await ledger.close()
    for minute in range(2):
        backup(url, folder / f'copy-{minute}.db')
        restore(url, folder / f'copy-{minute}.db', now=NOON + timedelta(minutes=minute))
    ledger = Ledger(connect(url), lambda: NOON)
    await ledger.open()
    found = [await ledger.orders.find(id=name) for name in ('booked', 'linked', 'bare', 'voided', 'expired')]
    lines = await ledger.journal.lines('linked')
    await ledger.close()
    links = [(order.calendar_url, order.bookings_unknown) for order in found if order]
    assert links == [('https://one', False), (None, True), (None, True), (None, False), (None, False)]
    assert [order.version for order in found if order] == [2, 3, 2, 2, 2]
    assert [(line.version, line.at, line.because) for line in lines[2:]] == [(3, NOON, Cause.RESTORE)]


async def test_a_restore_on_a_new_machine_creates_the_folder(url: str, folder: Path) -> None:
    """There is no database to keep, and the folder need not exist."""
    await add_and_close(url, 'a')
    backup(url, folder / 'copy.db')
    assert 'kept' not in restore(f'sqlite:///{folder}/new/shop.db', folder / 'copy.db', now=NOON)
    assert orders_in(folder / 'new' / 'shop.db') == ['a']


async def test_a_restore_while_the_shop_runs_is_refused(ledger: Ledger, url: str, folder: Path) -> None:
    """The shop keeps its orders; once it has stopped, the restore succeeds."""
    await add(ledger, 'a')
    backup(url, folder / 'copy.db')
    await add(ledger, 'b')
    before = names_in(folder)
    with pytest.raises(BackupRefused, match='stop it first'):
        await asyncio.to_thread(restore, url, folder / 'copy.db', now=NOON)
    assert names_in(folder) == before
    await add(ledger, 'c')
    await ledger.close()
    restore(url, folder / 'copy.db', now=NOON)
    assert orders_in(folder / 'shop.db') == ['a']


def _set_another_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def _make_database_of_another_program(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute('CREATE TABLE orders (id)')


def _cut_in_half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 + 100])


@pytest.mark.parametrize(
    ('break_file', 'reason'),
    [
        (lambda file: file.write_bytes(b'garbage' * 2000), 'not a database. .* Take another backup'),
        (lambda file: file.write_bytes(b''), 'not a ledger of Paidslot'),
        (damage, BROKEN),
        (_cut_in_half, BROKEN),
        (_set_another_version, r'another version of Paidslot \(9999\)'),
        (_make_database_of_another_program, 'not a ledger of Paidslot'),
        (Path.unlink, 'There is no file'),
    ],
)
async def test_a_file_that_is_no_complete_ledger_is_not_restored(
    url: str, folder: Path, break_file: Callable[[Path], object], reason: str
) -> None:
    """The database stays as it is, and no temporary file is left."""
    await add_and_close(url, *'abcdef')
    backup(url, folder / 'copy.db')
    break_file(folder / 'copy.db')
    before = names_in(folder)
    with pytest.raises(BackupRefused, match=reason):
        restore(url, folder / 'copy.db', now=NOON)
    assert names_in(folder) == before
    assert orders_in(folder / 'shop.db') == list('abcdef')


async def test_a_database_is_not_restored_from_itself(url: str, folder: Path) -> None:
    """The backup to restore must be another file."""
    await add_and_close(url, 'a')
    with pytest.raises(BackupRefused, match='is the database itself'):
        restore(url, folder / 'shop.db', now=NOON)


async def test_a_restore_moves_a_broken_database_away_with_its_log(url: str, folder: Path) -> None:
    """SQLite must not apply the old write-ahead log to the restored database."""
    await add_and_close(url, 'a')
    backup(url, folder / 'copy.db')
    (folder / 'shop.db').write_bytes(b'garbage' * 2000)
    (folder / 'shop.db-wal').write_bytes(b'log')
    (folder / 'shop.db-shm').write_bytes(b'index')
    restore(url, folder / 'copy.db', now=NOON)
    replaced = 'shop.db.before-restore-20261123T120000Z'
    assert names_in(folder) == {'copy.db', 'shop.db', replaced, f'{replaced}-wal', f'{replaced}-shm'}
    assert (folder / f'{replaced}-wal').read_bytes() == b'log'
    assert orders_in(folder / 'shop.db') == ['a']
