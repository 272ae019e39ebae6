"""Kill the shop and Litestream under customers, remove the volume, bring the copy back: what is lost."""

import shutil
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.deploy import stack
from benchmarks.deploy.customers import shopping
from tests import litestream
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient

ROUNDS = 5
SHOPPING = 10.0  # seconds before the kill
LONGEST = 120.0
QUERIES = {
    'last': 'SELECT max(at) FROM journal',
    'lines': 'SELECT count(*) FROM journal',
    'orders': 'SELECT count(*) FROM orders',
    'paid': "SELECT count(*) FROM orders WHERE state = 'paid'",
}
HEADING = (
    '| round | orders before | orders in the copy | last write that is missing, before the kill '
    '| paid at Stripe | paid in the copy | paid after the start |',
    '|--:|--:|--:|--:|--:|--:|--:|',
)


@dataclass(frozen=True)
class Ledger:
    """What is in a ledger."""

    last: datetime
    lines: int
    orders: int
    paid: int


def measure(folder: Path, image: Path | None) -> list[str]:
    """Lose the volume several times; return the lines of a table."""
    return [*HEADING, *(_round(folder / f'lost-{number}', image, number + 1) for number in range(ROUNDS))]


def _round(folder: Path, image: Path | None, number: int) -> str:
    copy = folder / 'another-machine'
    with stack.running(folder, shops=1, image=image) as running:
        (shop,) = running.shops
        database = shop.data / 'paidslot.db'
        with (
            litestream.replicating(database, copy) as replication,
            shopping(running.proxy, running.sandbox, pages=5),
        ):
            time.sleep(SHOPPING)
            shop.kill()
            replication.kill()
            before = _read(database, folder / 'before.db')
            shutil.rmtree(shop.data)
        shop.data.mkdir()
        litestream.bring_back(database, copy)
        brought_back = _read(database, folder / 'copy.db')
        shop.start()
        at_stripe = _paid_at(running.sandbox)
        after = _wait_for(at_stripe, database)
    missing = before.lines - brought_back.lines
    age = (before.last - brought_back.last).total_seconds()
    row = (
        f'| {number} | {before.orders} | {brought_back.orders} '
        f'| {f"{missing} lines, {age:.2f} s" if missing else "none"} '
        f'| {at_stripe} | {brought_back.paid} | {after} |'
    )
    print(row, flush=True)
    return row


def _paid_at(sandbox: SandboxClient) -> int:
    return sum(session['payment_status'] == 'paid' for session in sandbox.state()['sessions'])


def _wait_for(paid: int, database: Path) -> int:
    """Wait until the ledger has so many paid orders, for a while at most; returns how many it has."""

    def found() -> int:
        return _read(database, database.parents[1] / 'after.db').paid

    with suppress(TimeoutError):
        wait_until(lambda: found() >= paid, seconds=LONGEST, why=f'{paid} payments are in the ledger')
    return found()


def _read(database: Path, evidence: Path) -> Ledger:
    """Read a ledger from a copy, which stays, so that nothing beside the ledger is changed."""
    for ending in ('', '-wal'):
        file = Path(f'{database}{ending}')
        if file.exists():
            shutil.copyfile(file, f'{evidence}{ending}')
    with closing(sqlite3.connect(evidence)) as connection:
        found = {name: connection.execute(query).fetchone()[0] for name, query in QUERIES.items()}
    for ending in ('', '-wal', '-shm'):
        Path(f'{evidence}{ending}').unlink(missing_ok=True)
    return Ledger(datetime.fromisoformat(found['last']), found['lines'], found['orders'], found['paid'])
