"""The database engine: a SQLite file set up to be safe, or a PostgreSQL server set up to answer in time."""

from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url

from services.database.postgresql import postgresql_engine
from services.database.sqlite import SqliteFile


def engine_for(database_url: str, *, connections: int) -> Engine:
    """Make the engine for a database URL; nothing is connected yet.

    Args:
        database_url: ``sqlite:///path`` or ``postgresql://…``.
        connections: how many transactions may be under way at once.

    Raises:
        SettingsError: the address cannot be read.
    """
    # Parameters hold tokens and names, which must not get into the log with an error.
    options: dict[str, Any] = {'hide_parameters': True, 'pool_size': connections, 'max_overflow': 0}
    if not database_url.startswith('sqlite'):
        return postgresql_engine(database_url, **options)
    url = make_url(database_url)
    engine = create_engine(url, **options)
    SqliteFile(url.database or '').attach(engine)
    return engine
