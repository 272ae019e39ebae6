"""The database engine, with SQLite set up to be safe and fast."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

WAITS = 50  # tenths of a second


def connect(database_url: str) -> AsyncEngine:
    """Make the engine for a database address, with SQLite set up to be safe and fast."""
    url = make_url(database_url)
    # Parameters hold tokens and names, which must not get into the log with an error.
    engine = create_async_engine(url.set(drivername='sqlite+aiosqlite'), hide_parameters=True)
    event.listen(engine.sync_engine, 'connect', _set_up_sqlite)
    event.listen(engine.sync_engine, 'begin', _begin_sqlite)
    return engine


async def first_connection(engine: AsyncEngine) -> None:
    """Connect once, which switches a new SQLite file to its write-ahead log.

    SQLite refuses that switch at once, without waiting, while another process is at it too; so we wait.
    """
    Path(engine.url.database or '').parent.mkdir(parents=True, exist_ok=True)
    for _ in range(WAITS):
        with suppress(OperationalError):
            async with engine.connect():
                return
        await asyncio.sleep(0.1)
    async with engine.connect():
        return


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    # Readers and one writer at once; every commit on disk; wait for the other writer instead of failing.
    for pragma in ('journal_mode=WAL', 'synchronous=FULL', 'busy_timeout=5000', 'foreign_keys=ON'):
        cursor.execute(f'PRAGMA {pragma}')
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get('writes')
    connection.exec_driver_sql('BEGIN IMMEDIATE' if writes else 'BEGIN')
