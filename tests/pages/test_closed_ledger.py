"""The check after each test of the pages can fail: it sees a transaction that is still running."""

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection

from services.ledger import connect
from tests.pages.conftest import ledger_threads, wait_for_ledger


async def test_a_running_transaction_is_noticed(tmp_path: Path) -> None:
    """The check fails while a transaction runs, and passes once it has ended and the ledger is closed."""
    before = ledger_threads()
    started, may_end = threading.Event(), threading.Event()

    def transaction(_connection: Connection) -> None:
        started.set()
        may_end.wait(10)

    store = connect(f'sqlite:///{tmp_path}/shop.db')
    writing = asyncio.create_task(store.write(transaction))
    await asyncio.to_thread(started.wait, 10)
    with pytest.raises(TimeoutError, match='the ledger is closed'):
        await wait_for_ledger(before, seconds=0.1)

    may_end.set()
    await writing
    await store.close()
    await wait_for_ledger(before)


async def test_a_ledger_left_open_is_noticed(tmp_path: Path) -> None:
    """A ledger that nobody closed fails the check even though nothing is being written."""
    before = ledger_threads()
    store = connect(f'sqlite:///{tmp_path}/shop.db')
    await store.open()
    with pytest.raises(TimeoutError, match='the ledger is closed'):
        await wait_for_ledger(before, seconds=0.1)

    await store.close()
    await wait_for_ledger(before)
