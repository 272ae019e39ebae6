"""A PostgreSQL server for tests: thrown away at the end, with an empty database for whoever asks."""

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

from tests.processes import wait_until

USER, PASSWORD = 'paidslot', 'not a secret: 100% @home/#1'
UNPRIVILEGED = ('postgres', 'nobody')  # the server refuses to run as root
DEADLINE = 30.0
SETTINGS = {
    'listen_addresses': '',  # a socket in the folder is enough, and takes no port
    'max_connections': '80',
    'shared_buffers': '16MB',
    # Nothing here has to survive a power cut.
    'fsync': 'off',
    'full_page_writes': 'off',
    'synchronous_commit': 'off',
    # What an operator's server may be set to; the ledger must not depend on it.
    'timezone': 'America/New_York',
    'default_transaction_isolation': 'serializable',
}
EMPTY = (
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity'
    ' WHERE datname = current_database() AND pid <> pg_backend_pid()',
    'DROP SCHEMA public CASCADE',
    'CREATE SCHEMA public',
    'GRANT USAGE ON SCHEMA public TO PUBLIC',
)


class NoServer(Exception):
    """There is no PostgreSQL to be had on this machine; the text says why."""


class Cluster:
    """One server with its databases, in a folder that belongs to whoever runs it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._folder = folder
        self._settings = SETTINGS | settings
        self._programs = _programs()
        self._who = _unprivileged()
        self._numbers = count(1)
        self._free: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Make the cluster's files.

        Raises:
            NoServer: the programs do not work here.
        """
        secret = self._folder / 'password'
        secret.write_text(PASSWORD)
        if self._who:
            for path in (self._folder, secret):
                shutil.chown(path, self._who['user'], self._who['group'])
        how = [f'--username={USER}', f'--pwfile={secret}', '--auth=scram-sha-256', '--encoding=UTF8']
        command = [str(self._programs / 'initdb'), '--pgdata=data', '--no-sync', '--no-locale', *how]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, **self._who)
        if done.returncode:
            raise NoServer(f'initdb failed: {done.stderr.strip()}')

    def start(self) -> None:
        """Start the server and wait until it lets us in.

        Raises:
            NoServer: it ended.
        """
        told = [f'-c{name}={value}' for name, value in self._settings.items()]
        program = str(self._programs / 'postgres')
        command = [program, '-D', 'data', f'-cunix_socket_directories={self._folder}', *told]
        with (self._folder / 'log').open('ab') as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdout=log, stderr=log, text=False, **self._who
            )
        wait_until(self._lets_us_in, seconds=DEADLINE, why='PostgreSQL answers')

    def stop(self) -> None:
        """End the server; whoever is connected is cut off."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(DEADLINE)
        finally:
            process.kill()

    def url(self, database: str) -> str:
        """Return the address of a database, there or not."""
        return f'postgresql://{USER}:{quote(PASSWORD, safe="")}@/{database}?host={self._folder}'

    @contextmanager
    def database(self) -> Iterator[str]:
        """Hand out an empty database; emptied afterwards, which is cheaper than making another."""
        name = self._free.pop() if self._free else self._new()
        yield self.url(name)
        self.run(*EMPTY, database=name)
        self._free.append(name)

    @contextmanager
    def odd_database(self, options: str) -> Iterator[str]:
        """Make a database with options of CREATE DATABASE, and drop it afterwards."""
        name = self._new(options)
        yield self.url(name)
        self.run(f'DROP DATABASE {name} WITH (FORCE)')

    def run(self, *statements: str, database: str = 'postgres') -> None:
        """Run statements as the operator, each by itself."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def _new(self, options: str = '') -> str:
        name = f'test_{next(self._numbers)}'
        self.run(f'CREATE DATABASE {name} TEMPLATE template0 {options}')
        return name

    def _lets_us_in(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise NoServer(f'PostgreSQL ended at once: {(self._folder / "log").read_text()[-2000:]}')
        with suppress(psycopg.OperationalError):
            self.run('SELECT 1')
            return True
        return False


@contextmanager
def running(**settings: str) -> Iterator[Cluster]:
    """Run a server for as long as it is needed.

    Args:
        settings: what is set otherwise than for tests.

    Raises:
        NoServer: there is none to be had.
    """
    # Not below pytest's own folder, which only its user may enter; and a socket's path must be short.
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
    """Find the newest server's programs: on the path, or where Debian keeps them."""
    on_path = shutil.which('initdb')
    if on_path:
        return Path(on_path).parent
    found = [path.parent for path in Path('/usr/lib/postgresql').glob('*/bin/initdb')]
    if not found:
        raise NoServer('PostgreSQL is not installed here (scripts/postgres installs it where it may)')
    return max(found, key=lambda path: int(path.parent.name))


def _unprivileged() -> dict[str, Any]:
    """Say for subprocess as whom the server runs: as ourselves, unless we are root."""
    if os.geteuid() != 0:
        return {}
    for name in UNPRIVILEGED:
        with suppress(KeyError):
            return {'user': name, 'group': pwd.getpwnam(name).pw_gid, 'extra_groups': []}
    raise NoServer(f'the server does not run as root, and there is no user {" or ".join(UNPRIVILEGED)}')
