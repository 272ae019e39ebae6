"""The database engine: SQLite set up to be safe, PostgreSQL set up to answer in time."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError

WAITS = 50  # tenths of a second
CONNECT_TIMEOUT = 5  # seconds
# Milliseconds: a statement of ours takes a few; whoever waits longer waits for something broken.
LIMITS = '-c statement_timeout=8000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=15000'


def engine_for(database_url: str, *, connections: int) -> Engine:
    """Make the engine for a database address; nothing is connected yet.

    Args:
        database_url: ``sqlite:///path`` or ``postgresql://…``.
        connections: how many transactions may be under way at once.
    """
    url = make_url(database_url)
    # Parameters hold tokens and names, which must not get into the log with an error.
    options: dict[str, Any] = {'hide_parameters': True, 'pool_size': connections, 'max_overflow': 0}
    if url.get_backend_name() == 'sqlite':
        engine = create_engine(url, **options)
        event.listen(engine, 'connect', _set_up_sqlite)
        event.listen(engine, 'begin', _begin_sqlite)
        return engine
    # Without prepared statements, so that a connection pooler may stand in between.
    arguments = {'connect_timeout': CONNECT_TIMEOUT, 'options': LIMITS, 'prepare_threshold': None}
    url = url.set(drivername='postgresql+psycopg')
    return create_engine(url, connect_args=arguments, pool_pre_ping=True, **options)


def first_connection(engine: Engine) -> None:
    """Connect once, which switches a new SQLite file to its write-ahead log.

    SQLite refuses that switch at once, without waiting, while another process is at it too; so we wait.
    """
    if engine.dialect.name == 'sqlite':
        _make_room_for(engine.url)
        for _ in range(WAITS):
            with suppress(OperationalError), engine.connect():
                return
            time.sleep(0.1)
    with engine.connect():
        return


def _make_room_for(url: URL) -> None:
    Path(url.database or '').parent.mkdir(parents=True, exist_ok=True)


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    # Readers and one writer at once; every commit on disk; wait for the other writer instead of failing.
    for pragma in ('busy_timeout=5000', 'journal_mode=WAL', 'synchronous=FULL', 'foreign_keys=ON'):
        cursor.execute(f'PRAGMA {pragma}')
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Begin a write as a write, so that it never has to be upgraded; a single read needs no transaction."""
    if connection.get_execution_options().get('writes'):
        connection.exec_driver_sql('BEGIN IMMEDIATE')
