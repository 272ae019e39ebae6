"""A temporary PostgreSQL server for tests, which hands out databases."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from services.ledger import connect
from tests.processes import wait_until

USER, PASSWORD = 'paidslot', 'not a secret: 100% @home/#1'
PLACES = ('usr/lib/postgresql/*', 'opt/homebrew/opt/postgresql@*', 'usr/local/opt/postgresql@*')
UNPRIVILEGED = ('postgres', 'nobody')  # the server refuses to run as root
TIMEOUT = 30.0  # seconds
SETTINGS = {
    'listen_addresses': '',  # a Unix socket in the folder, so that no port is taken
    'max_connections': '80',
    'shared_buffers': '16MB',
    # The data need not survive a power failure.
    'fsync': 'off',
    'full_page_writes': 'off',
    'synchronous_commit': 'off',
    # An operator's server may have these settings; the ledger must not depend on them.
    'timezone': 'America/New_York',
    'default_transaction_isolation': 'serializable',
}
DISCONNECT = (
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
    ' WHERE datname = current_database() AND pid <> pg_backend_pid()'
)
EMPTY = (
    DISCONNECT,
    'DROP SCHEMA public CASCADE',
    'CREATE SCHEMA public',
    'GRANT USAGE ON SCHEMA public TO PUBLIC',
)
TABLES = """
SELECT concat(relname, relkind, relacl) FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT concat(table_name, column_name, data_type, is_nullable, column_default)
    FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT concat(conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT version_num FROM alembic_version
ORDER BY 1
"""
"""Reads what makes up the tables of a database, the version of the shop's tables included."""
ROWS = """
SELECT string_agg(format('DELETE FROM %I', relname), '; ') FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
"""
"""Makes the statements that delete all rows."""


class Unavailable(Exception):
    """PostgreSQL cannot be run on this machine; the message says why."""


class Cluster:
    """One server with its databases, in a folder that belongs to the user who runs it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._folder = folder
        self._settings = SETTINGS | settings
        self._programs = _programs()
        self._user = _unprivileged()
        self._numbers = count(1)
        self._free: list[str] = []
        self._ledgers: list[str] = []
        self._tables: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Create the files of the cluster.

        Raises:
            Unavailable: initdb failed.
        """
        secret = self._folder / 'password'
        secret.write_text(PASSWORD)
        if self._user:
            for path in (self._folder, secret):
                shutil.chown(path, self._user['user'], self._user['group'])
        options = [f'--username={USER}', f'--pwfile={secret}', '--auth=scram-sha-256', '--encoding=UTF8']
        command = [str(self._programs / 'initdb'), '--pgdata=data', '--no-sync', '--no-locale', *options]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, **self._user)
        if done.returncode:
            raise Unavailable(f'initdb failed: {done.stderr.strip()}')

    def start(self) -> None:
        """Start the server and wait until it accepts connections.

        Raises:
            Unavailable: the server ended.
        """
        options = [f'-c{name}={value}' for name, value in self._settings.items()]
        program = str(self._programs / 'postgres')
        command = [program, '-D', 'data', f'-cunix_socket_directories={self._folder}', *options]
        with (self._folder / 'log').open('ab') as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdout=log, stderr=log, text=False, **self._user
            )
        wait_until(self._accepts_connections, seconds=TIMEOUT, why='PostgreSQL answers')

    def stop(self) -> None:
        """Stop the server, with all its connections."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(TIMEOUT)
        finally:
            process.kill()

    def url(self, database: str) -> str:
        """Return the URL of a database, whether it exists or not."""
        return f'postgresql://{USER}:{quote(PASSWORD, safe="")}@/{database}?host={self._folder}'

    @contextmanager
    def database(self) -> Iterator[str]:
        """Yield the URL of an empty database, which is emptied and used again: faster than a new one."""
        name = self._free.pop() if self._free else self._new()
        yield self.url(name)
        self.run(*EMPTY, database=name)
        self._free.append(name)

    @contextmanager
    def ledger(self) -> Iterator[str]:
        """Yield the URL of a database with the shop's tables and no rows.

        It is used again if the tables are as they were: much faster than new tables.
        """
        name = self._ledgers.pop() if self._ledgers else self._new_ledger()
        yield self.url(name)
        self.run(DISCONNECT, database=name)
        if self._read_tables(name) != self._tables:
            self.run(f'DROP DATABASE {name} WITH (FORCE)')
            return
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute("SET session_replication_role = 'replica'")  # in any order of the tables
            for (statements,) in connection.execute(ROWS).fetchall():
                connection.execute(statements)
        self._ledgers.append(name)

    @contextmanager
    def database_with(self, options: str) -> Iterator[str]:
        """Create a database with options of CREATE DATABASE, and drop it afterwards."""
        name = self._new(options)
        yield self.url(name)
        self.run(f'DROP DATABASE {name} WITH (FORCE)')

    def run(self, *statements: str, database: str = 'postgres') -> None:
        """Run statements as the superuser, each in a transaction of its own."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def _new(self, options: str = '') -> str:
        name = f'test_{next(self._numbers)}'
        self.run(f'CREATE DATABASE {name} TEMPLATE template0 {options}')
        return name

    def _new_ledger(self) -> str:
        name = self._new()
        store = connect(self.url(name))
        with asyncio.Runner() as runner:
            runner.run(store.open())
            runner.run(store.close())
        self._tables = self._read_tables(name)
        return name

    def _read_tables(self, name: str) -> list[str]:
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            try:
                return [line for (line,) in connection.execute(TABLES)]
            except psycopg.Error:
                return []

    def _accepts_connections(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise Unavailable(f'PostgreSQL ended: {(self._folder / "log").read_text()[-2000:]}')
        with suppress(psycopg.OperationalError):
            self.run('SELECT 1')
            return True
        return False


@contextmanager
def running(**settings: str) -> Iterator[Cluster]:
    """Run a server while the block runs.

    Args:
        settings: of the server, in addition to those for tests.

    Raises:
        Unavailable: PostgreSQL cannot be run here.
    """
    # Not in pytest's folder: only its user may enter it, and the path of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix='paidslot-pg-', dir='/tmp'))
    try:
        cluster = Cluster(folder, **settings)
        cluster.create()
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


def _programs() -> Path:
    """Return the folder of the newest programs: on the path, or where Debian or Homebrew installs them."""
    on_path = shutil.which('initdb')
    if on_path:
        return Path(on_path).parent
    found = [path.parent for place in PLACES for path in Path('/').glob(f'{place}/bin/initdb')]
    if not found:
        raise Unavailable('PostgreSQL is not installed (scripts/postgres installs it)')
    return max(found, key=lambda path: int(path.parent.name.rpartition('@')[2]))


def _unprivileged() -> dict[str, Any]:
    """Return the arguments with which subprocess runs the server as another user, if we are root."""
    if os.geteuid() != 0:
        return {}
    for name in UNPRIVILEGED:
        with suppress(KeyError):
            return {'user': name, 'group': pwd.getpwnam(name).pw_gid, 'extra_groups': []}
    raise Unavailable(f'the server does not run as root, and there is no user {" or ".join(UNPRIVILEGED)}')
