"""The store: one database. Its transactions run in threads, so that none blocks the event loop."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import CompoundSelect, Connection, Engine, Row, Select, select
from sqlalchemy.exc import SQLAlchemyError

from services.database import schema
from services.database.backup import BackupRefused
from services.database.before_migration import keep_copy, say_that_none_is_made
from services.database.engine import engine_for
from services.database.outage import Outages
from services.database.postgresql import prepare
from services.database.problems import in_words, is_outage
from services.database.sqlite import examine, first_connection
from services.settings import SettingsError

T = TypeVar('T')

READERS = 2  # transactions at once, in this process
WRITERS = {'sqlite': 1, 'postgresql': 4}  # SQLite has one writer at a time: writes queue here, in order
# The start and the health check write something, so that the operator and not a customer learns that nothing
# can be written.
PROBE = 'UPDATE alembic_version SET version_num = version_num'
PROBE_EVERY = 5.0  # seconds; a health check within this time after any write does not write


class Store:
    """One database, read by single statements and written by whole transactions."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self.insert: Any = import_module(f'sqlalchemy.dialects.{self.dialect}').insert
        self._readers = ThreadPoolExecutor(READERS, 'ledger-reader')
        self._writers = ThreadPoolExecutor(WRITERS[self.dialect], 'ledger-writer')
        # A read is one statement, and needs no transaction around it.
        alone = {} if self.dialect == 'sqlite' else {'isolation_level': 'AUTOCOMMIT'}
        self._reading = engine.execution_options(**alone)
        self._writing = engine.execution_options(writes=True)
        self._outages = Outages(self.dialect)
        self._wrote_at = -PROBE_EVERY

    async def open(self) -> None:
        """Apply the migrations, after a copy of what they change.

        Raises:
            SettingsError: there is no database to be had where the settings say.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(self._writers, self._migrate)
        except BackupRefused as refused:
            why = f'nothing was migrated, because no copy could be made first. {refused}'
            raise SettingsError([f'DATABASE_URL: {why}']) from refused
        except (SQLAlchemyError, sqlite3.Error, schema.UnknownVersion, OSError) as error:
            why = in_words(error, self.dialect)
            raise SettingsError([f'DATABASE_URL: the database cannot be used: {why}']) from error

    async def open_existing(self) -> None:
        """Connect to a database whose tables a shop has made; nothing in it is changed.

        Raises:
            SettingsError: there is none, or it was made by another version.
        """

        def is_up_to_date() -> bool:
            path = self.engine.url.database or ''
            if self.dialect == 'sqlite' and not Path(path).is_file():  # connecting would make the file
                raise SettingsError([f'DATABASE_URL: there is no database at {path}'])
            with self.engine.connect() as connection:
                return schema.is_up_to_date(connection)

        try:
            is_ours = await asyncio.get_running_loop().run_in_executor(self._readers, is_up_to_date)
        except (SQLAlchemyError, sqlite3.Error) as error:
            why = in_words(error, self.dialect)
            raise SettingsError([f'DATABASE_URL: the database cannot be used: {why}']) from error
        if not is_ours:
            raise SettingsError(['DATABASE_URL: this database is not a ledger of this version of Paidslot'])

    async def close(self) -> None:
        """Finish what is under way and disconnect."""
        for threads in (self._readers, self._writers):
            await asyncio.to_thread(threads.shutdown)
        self.engine.dispose()

    async def read(self, query: Select[Any] | CompoundSelect[Any], **values: Any) -> list[Row[Any]]:
        """Return all rows of a query with these parameters.

        Raises:
            LedgerUnavailable: the database does not work.
        """

        def work() -> list[Row[Any]]:
            with self._reading.connect() as connection:
                return list(connection.execute(query, values).all())

        return await self._run(self._readers, 'reading', work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a function in one transaction, which is on the disk when this returns.

        The transaction is finished even if the caller is canceled meanwhile.

        Raises:
            LedgerUnavailable: the database does not work.
        """

        def transaction() -> T:
            with self._writing.begin() as connection:
                if self._outages.active:  # a transaction that changes nothing would prove nothing
                    connection.exec_driver_sql(PROBE)
                return work(connection)

        result = await self._run(self._writers, 'writing', transaction)
        self._wrote_at = time.monotonic()
        return result

    async def ping(self) -> None:
        """Raise if the database cannot be read or written."""
        await self.read(select(1))
        if time.monotonic() >= self._wrote_at + PROBE_EVERY:
            await self.write(lambda connection: connection.exec_driver_sql(PROBE))

    async def _run(self, threads: ThreadPoolExecutor, doing: str, work: Callable[[], T]) -> T:
        try:
            result = await asyncio.get_running_loop().run_in_executor(threads, work)
        except (SQLAlchemyError, sqlite3.Error) as error:
            if is_outage(error, self.dialect):
                raise self._outages.failed(doing, error) from error
            raise
        self._outages.succeeded(doing)
        return result

    def _migrate(self) -> None:
        if self.dialect == 'sqlite':
            first_connection(self.engine)
        with self._writing.begin() as connection:
            if self.dialect == 'sqlite':
                examine(connection)
            else:
                prepare(connection)
            if not schema.is_up_to_date(connection):
                from services.database import migrations  # rarely needed, and a tenth of every start

                self._keep_copy(schema.version_of(connection), migrations.versions())
                migrations.upgrade(connection)
            connection.exec_driver_sql(PROBE)

    def _keep_copy(self, version: str, known: list[str]) -> None:
        """Copy what a migration is about to change, while this transaction locks out every other writer."""
        if version not in known:  # a new database, or one that will be refused
            return
        if self.dialect == 'sqlite':
            keep_copy(Path(self.engine.url.database or ''), version, now=datetime.now(UTC))
        else:
            say_that_none_is_made(version, known[0])


def connect(database_url: str) -> Store:
    """Make the store for a database URL; nothing is connected yet."""
    dialect = 'sqlite' if database_url.startswith('sqlite') else 'postgresql'
    return Store(engine_for(database_url, connections=READERS + WRITERS[dialect]))
