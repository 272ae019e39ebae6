"""The off-machine copy: after a crash and the loss of the volume, nothing that Stripe knows is lost."""

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from tests import litestream
from tests.processes import ROOT, Server, free_port, wait_until
from tests.sandbox_client import SandboxClient

pytestmark = pytest.mark.skipif(litestream.find() is None, reason='Litestream is not installed')
SECONDS = 30


def _shop(settings_env: dict[str, str], folder: Path, data: Path) -> Server:
    port = free_port()
    own = {'DATABASE_URL': f'sqlite:///{data}/paidslot.db', 'HOST': '127.0.0.1', 'PORT': str(port)}
    environment = settings_env | own | {'DOMAIN': f'http://127.0.0.1:{port}'}
    command = [str(ROOT / 'main.py'), 'serve']
    return Server('shop', command, port=port, health='/healthz', folder=folder, environment=environment)


def _pay(shop: Server, sandbox: SandboxClient, number: int) -> str:
    """Buy as a new customer who never comes back; returns the id of the checkout session."""
    url = httpx.post(f'{shop.url}/checkout', trust_env=False, timeout=20).headers['location']
    sandbox.pay(url, email=f'{number}@example.com', name=f'Customer {number}')
    return str(url.rpartition('/')[2].partition('#')[0])


def _paid(database: Path) -> set[str]:
    """Return the sessions of the paid orders in a ledger, none while there is no ledger."""
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f'file:{database}?mode=ro', uri=True)) as connection,
    ):
        found = connection.execute("SELECT session_id FROM orders WHERE state = 'paid'").fetchall()
        return {session_id for (session_id,) in found}
    return set()


def test_the_volume_is_lost(settings_env: dict[str, str], sandbox: SandboxClient, tmp_path: Path) -> None:
    """Shop and Litestream are killed and the volume is removed: the next start has every payment again."""
    data, copy, there = tmp_path / 'data', tmp_path / 'another-machine', tmp_path / 'looked-at'
    data.mkdir()
    database = data / 'paidslot.db'
    shop = _shop(settings_env, tmp_path, data)
    shop.start()
    sandbox.send_webhooks_to(shop.url)
    try:
        with litestream.replicating(database, copy) as replication:
            copied = {_pay(shop, sandbox, number) for number in range(3)}
            wait_until(lambda: _paid(database) == copied, seconds=SECONDS, why='three paid orders')

            def is_copied() -> bool:
                shutil.rmtree(there, ignore_errors=True)
                litestream.bring_back(there / 'paidslot.db', copy)
                return _paid(there / 'paidslot.db') == copied

            wait_until(is_copied, seconds=SECONDS, why='they are on another machine')
            replication.kill()  # so the last payment is certainly in no copy
            last = _pay(shop, sandbox, 4)
            shop.kill()
        shutil.rmtree(data)

        litestream.bring_back(database, copy)
        assert _paid(database) == copied
        shop.start()
        wait_until(lambda: _paid(database) == copied | {last}, seconds=SECONDS, why='the last payment')
    finally:
        shop.kill()


def test_a_database_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    """Nor does a first start, without any copy, fail."""
    database = tmp_path / 'paidslot.db'
    litestream.bring_back(database, tmp_path / 'nothing-yet')
    assert not database.exists()
    database.write_text('precious')
    litestream.bring_back(database, tmp_path / 'nothing-yet')
    assert database.read_text() == 'precious'
