"""The database engine: SQLite set up to be safe, PostgreSQL set up to answer in time."""

from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url

from services.ledger.sqlite_file import SqliteFile

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
        SqliteFile(url.database or '').attach(engine)
        return engine
    # Without prepared statements, so that a connection pooler may stand in between.
    arguments = {'connect_timeout': CONNECT_TIMEOUT, 'options': LIMITS, 'prepare_threshold': None}
    url = url.set(drivername='postgresql+psycopg')
    return create_engine(url, connect_args=arguments, pool_pre_ping=True, **options)
