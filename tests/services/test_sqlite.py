"""What is SQLite’s alone: its settings, its lock, its disk."""

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
from tests.services.conftest import Customer, created


async def test_paid_moves_are_on_the_disk_when_they_are_acknowledged(shop: Shop) -> None:
    """SQLite runs with a write-ahead log and full synchronisation."""
    with shop.ledger.store.engine.connect() as connection:
        settings = [
            connection.exec_driver_sql(f'PRAGMA {name}').scalar()
            for name in ('journal_mode', 'synchronous', 'foreign_keys')
        ]
    assert settings == ['wal', 2, 1]


async def test_a_locked_ledger_is_an_apology_in_bounded_time(
    customer: Customer, settings_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """When another process holds the database, the customer reads an apology and Stripe is not asked."""
    await customer.shop.catalog.price()
    file = settings_env['DATABASE_URL'].removeprefix('sqlite:///')
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute('BEGIN IMMEDIATE')
        with pytest.raises(errors.OurFault) as caught:
            await customer.start()
    assert caught.value.id in caplog.text
    assert created(customer.sandbox) == []
    assert await customer.start() in created(customer.sandbox)


async def test_a_full_disk_is_an_apology_and_heals(
    customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    """When nothing more can be written nothing is started, and afterwards everything works again."""
    await customer.shop.catalog.price()
    engine = customer.shop.ledger.store.engine

    def fill(connection: Any, _record: object) -> None:
        connection.execute('PRAGMA max_page_count=1')

    engine.dispose()
    event.listen(engine, 'connect', fill)

    async def go_on() -> None:
        for number in range(200):
            customer.browser_id = f'browser {number}'
            await customer.start()

    with pytest.raises(errors.OurFault) as caught:
        await go_on()
    assert 'disk is full' in caplog.text
    assert caught.value.id in caplog.text
    event.remove(engine, 'connect', fill)
    engine.dispose()
    assert await customer.start()


async def test_a_ledger_on_a_fresh_disk_is_made(settings_env: dict[str, str], sandbox: SandboxClient) -> None:
    """The folder of the database need not exist."""
    url = settings_env['DATABASE_URL'].replace('shop.db', 'deep/er/shop.db')
    ledger = Ledger(connect(url), build(parse_settings(settings_env)).checkout._clock)
    await ledger.open()
    assert await ledger.orders.find(id='nobody') is None
    await ledger.close()


def test_the_tables_are_of_the_last_migration() -> None:
    """A start leaves a database alone only when it has gone through every migration."""
    assert migrations.versions()[0] == schema.NEWEST
