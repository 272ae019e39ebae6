"""One read of a database before anything is opened: nothing is made, migrated or waited for."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from services.database.postgresql import postgresql_engine
from services.settings import SettingsError

LOCK_TIMEOUT = 1.0  # seconds; another writer of a file may take longer


def read_once(database_url: str, query: Select[Any]) -> list[Row[Any]]:
    """Return the rows of a query; none where there is no such database or table, or it cannot be read.

    A database that does not work is reported when the ledger is opened.

    Args:
        database_url: ``sqlite:///path`` or ``postgresql://…``.
        query: the query.
    """
    try:
        if database_url.startswith('sqlite'):
            url = make_url(database_url)
            if not Path(url.database or '').is_file():
                return []
            engine = create_engine(url, hide_parameters=True, connect_args={'timeout': LOCK_TIMEOUT})
        else:
            engine = postgresql_engine(database_url, hide_parameters=True)
        try:
            with engine.connect() as connection:
                return list(connection.execute(query).all())
        finally:
            engine.dispose()
    except (SQLAlchemyError, sqlite3.Error, SettingsError, OSError):
        return []
