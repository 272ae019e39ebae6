"""What concerns SQLite alone: its settings, its lock and a full disk."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import event

from services import errors
from services.database import migrations, schema
from services.ledger import Ledger, connect
from services.settings import parse_settings
from services.shop import Shop, build
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer, session_ids


async def test_a_commit_is_on_the_disk_when_it_returns(shop: Shop) -> None:
    """SQLite runs with a write-ahead log and full synchronisation, and with foreign keys."""
    with shop.ledger.store.engine.connect() as connection:
        settings = [
            connection.exec_driver_sql(f'PRAGMA {name}').scalar()
            for name in ('journal_mode', 'synchronous', 'foreign_keys')
        ]
    assert settings == ['wal', 2, 1]


async def test_a_locked_database_leads_to_an_error_in_bounded_time(
    customer: Customer, settings_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """While another process locks the database, the customer reads an error and Stripe gets no request."""
    await customer.shop.catalog.price()
    file = settings_env['DATABASE_URL'].removeprefix('sqlite:///')
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute('BEGIN IMMEDIATE')
        with pytest.raises(errors.OurFault) as caught:
            await customer.start()
    assert caught.value.id in caplog.text
    assert session_ids(customer.sandbox) == []
    assert await customer.start() in session_ids(customer.sandbox)


async def test_after_a_full_disk_the_shop_works_again(
    customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    """While nothing can be written the customer reads an error; afterwards the next click works."""
    await customer.shop.catalog.price()
    engine = customer.shop.ledger.store.engine

    def limit_size(connection: Any, _record: object) -> None:
        connection.execute('PRAGMA max_page_count=1')

    engine.dispose()
    event.listen(engine, 'connect', limit_size)

    async def fill_the_disk() -> None:
        for number in range(200):
            customer.browser_id = f'browser {number}'
            await customer.start()

    with pytest.raises(errors.OurFault) as caught:
        await fill_the_disk()
    assert 'disk is full' in caplog.text
    assert caught.value.id in caplog.text
    event.remove(engine, 'connect', limit_size)
    engine.dispose()
    assert await customer.start()


async def test_the_folder_of_a_new_database_is_created(
    settings_env: dict[str, str], sandbox: SandboxClient
) -> None:
    """The folder in DATABASE_URL need not exist."""
    url = settings_env['DATABASE_URL'].replace('shop.db', 'deep/er/shop.db')
    ledger = Ledger(connect(url), build(parse_settings(settings_env)).checkout._clock)
    await ledger.open()
    assert await ledger.orders.find(id='unknown') is None
    await ledger.close()


def test_the_schema_names_the_newest_migration() -> None:
    """A start skips the migrations only when the database has the newest one."""
    assert migrations.versions()[0] == schema.NEWEST
