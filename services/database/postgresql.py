"""A PostgreSQL database as a ledger: how it is reached, how long things may take, what it must hold."""

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text

from services.settings import SettingsError

# What the address does not say otherwise (postgresql.org/docs/current/libpq-connect.html).
USUAL: dict[str, Any] = {
    'application_name': 'paidslot',
    'connect_timeout': 5,  # seconds
    'target_session_attrs': 'read-write',  # of several hosts the one that is no copy
    # A server that vanished without a word is noticed in half a minute instead of two hours.
    'keepalives_idle': 15,
    'keepalives_interval': 5,
    'keepalives_count': 3,
    'tcp_user_timeout': 30_000,  # milliseconds
}
# A statement of ours takes milliseconds; whoever waits longer waits for something broken. These are set by
# statement because a connection pooler in between would refuse them as options of the connection.
LIMITS = {
    'statement_timeout': '8s',
    'lock_timeout': '5s',
    'idle_in_transaction_session_timeout': '15s',
    'timezone': 'UTC',
}
MIGRATING = 0x9A1D5107  # any number that is nobody else's
UNREADABLE = (
    'DATABASE_URL cannot be read: after the "?" only parameters of libpq may stand, like sslmode=require'
)
NARROW = (
    'DATABASE_URL: the database cannot be used: its encoding is {}, and only UTF8 holds every name. '
    'Make another: createdb --encoding=UTF8 --template=template0 NAME'
)


def postgresql_engine(database_url: str, **options: Any) -> Engine:
    """Make the engine for a server; nothing is connected yet. The address is libpq's to read, hosts and all.

    Args:
        database_url: ``postgresql://…``.
        options: further options of the engine.

    Raises:
        SettingsError: the address cannot be read.
    """
    import psycopg  # a shop with SQLite has no need of it
    from psycopg.conninfo import conninfo_to_dict

    try:
        given = conninfo_to_dict(database_url)
    except psycopg.Error:  # its text may hold a part of the password
        raise SettingsError([UNREADABLE]) from None
    # Without prepared statements, so that a connection pooler may stand in between.
    how = {**USUAL, **given, 'client_encoding': 'utf8', 'prepare_threshold': None}
    engine = create_engine(
        'postgresql+psycopg://',
        connect_args=how,
        pool_pre_ping=True,
        isolation_level='READ COMMITTED',  # whatever the server's own is: moves are decided by version
        **options,
    )
    event.listen(engine, 'connect', _set_limits)
    return engine


def prepare(connection: Connection) -> None:
    """Make ready for the migrations, in their transaction: one process at a time, as long as they may take.

    Raises:
        SettingsError: the database cannot hold every text.
    """
    encoding = connection.exec_driver_sql('SHOW server_encoding').scalar_one()
    if encoding != 'UTF8':
        raise SettingsError([NARROW.format(encoding)])
    for limit in ('statement_timeout', 'lock_timeout'):
        connection.exec_driver_sql(f'SET LOCAL {limit} = 0')
    connection.execute(text('SELECT pg_advisory_xact_lock(:key)'), {'key': MIGRATING})


def _set_limits(connection: Any, _record: object) -> None:
    connection.execute('; '.join(f"SET {name} = '{value}'" for name, value in LIMITS.items()))
    connection.commit()
