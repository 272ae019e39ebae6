"""Create databases for the benchmarks and fill them with rows."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, insert, text

from benchmarks.shared.order_template import OrderTemplate, row_of, utc_now
from services.database import schema
from services.ledger import connect
from tests import postgres

DURABLE = {'fsync': 'on', 'full_page_writes': 'on', 'synchronous_commit': 'on'}
CHUNK = 10_000  # rows written at once
INDEXES = {
    'sqlite': "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    'postgresql': "SELECT indexname, indexdef FROM pg_indexes WHERE indexname ~ '^ix_'",
}
"""Selects the indexes that are no constraints, with the statements that create them."""
NOT_DUE = timedelta(hours=12)  # keeps the reconciler away from the orders

Row = tuple[Table, dict[str, Any]]


@asynccontextmanager
async def databases(folder: Path) -> AsyncIterator[dict[str, str]]:
    """Give the URL of an empty database of each kind; both write every commit to the disk."""
    with ExitStack() as stack:
        server = stack.enter_context(postgres.running(**DURABLE))
        yield {
            'SQLite': f'sqlite:///{folder}/shop.db',
            'PostgreSQL': stack.enter_context(server.database()),
        }


async def fill(database_url: str, rows: Iterable[Row]) -> None:
    """Create the tables, and insert rows in the order in which they come; indexes are built at the end."""
    store = connect(database_url)
    await store.open()
    await store.write(partial(_fill, iter(rows)))
    if store.dialect == 'postgresql':  # autovacuum would do it later
        with store.engine.connect().execution_options(isolation_level='AUTOCOMMIT') as connection:
            for statement in ('SET statement_timeout = 0', 'VACUUM ANALYZE'):
                connection.exec_driver_sql(statement)
    await store.close()


def _fill(rows: Iterator[Row], connection: Connection) -> None:
    if connection.dialect.name == 'postgresql':
        connection.exec_driver_sql('SET LOCAL statement_timeout = 0')
    indexes = connection.exec_driver_sql(INDEXES[connection.dialect.name]).all()
    for name, _ in indexes:
        connection.exec_driver_sql(f'DROP INDEX {name}')
    _insert(rows, connection)
    for _, statement in indexes:
        connection.exec_driver_sql(statement)


def _insert(rows: Iterator[Row], connection: Connection) -> None:
    if connection.dialect.name == 'sqlite':
        connection.execute(text(f'PRAGMA cache_size=-{2 * 1024 * 1024}'))  # KiB: indexes are built in memory
    while chunk := list(islice(rows, CHUNK)):
        for table in schema.metadata.sorted_tables:
            if values := [row for of, row in chunk if of is table]:
                connection.execute(insert(table), values)


def open_orders(template: OrderTemplate, count: int) -> Iterator[Row]:
    """Yield orders whose customers are on Stripe's payment page."""
    now = utc_now()
    for number in range(count):
        order = template.numbered_order(template.opened, number, at=now)
        yield schema.orders, row_of(order, now) | {'next_check': now + NOT_DUE}
