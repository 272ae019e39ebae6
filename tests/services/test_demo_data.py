"""The made-up orders of the demo: every state, the same each time, and left alone by the reconciler."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.commands import demo_data
from services.database import schema
from services.ledger import connect
from services.orders import Environment, Purchase, State
from services.settings import parse_settings
from services.shop import build
from tests.factories import A_PURCHASE, SHOP
from tests.sandbox_client import SandboxClient

NOW = datetime.now(UTC).replace(hour=18, minute=30, second=0, microsecond=0)


def sold(purchase: Purchase = A_PURCHASE) -> demo_data.Sold:
    """Return what the orders have bought, where the sandbox sells."""
    return demo_data.Sold(purchase, Environment('demo', 'acct_1SandboxPaidslot'), SHOP)


async def rows_of(database_url: str, table: str) -> list[dict[str, Any]]:
    """Read a table."""
    store = connect(database_url)
    try:
        found = await store.read(select(schema.metadata.tables[table]))
        return [dict(row._mapping) for row in found]
    finally:
        await store.close()


async def test_three_months_in_every_state(settings_env: dict[str, str], sandbox: SandboxClient) -> None:
    """Something is in each state, in the order of time; that Stripe does not know it changes nothing."""
    url = settings_env['DATABASE_URL']
    count = await demo_data.write(url, sold(), now=NOW)
    orders = await rows_of(url, 'orders')
    states = Counter(row['state'] for row in orders)
    assert count == len(orders) > 150
    never = {State.OPEN, State.AWAITING_CUSTOMER}  # their payment pages would have to exist
    assert set(states) == set(State) - never
    assert min(row['created_at'] for row in orders) < NOW - timedelta(days=85)
    assert max(row['created_at'] for row in orders) <= NOW
    assert all(row['next_check'] is None or row['next_check'] > NOW for row in orders)
    journal = await rows_of(url, 'journal')
    assert [line['at'] for line in journal] == sorted(line['at'] for line in journal)
    assert len({line['because'] for line in journal}) >= 4
    bookings = await rows_of(url, 'bookings')
    assert [row for row in bookings if row['start'] > NOW and row['state'] == 'active']
    assert {row['no_show'] for row in bookings} == {True, False}
    active = Counter(row['order_id'] for row in bookings if row['state'] == 'active')
    assert {row['id']: row['active_bookings'] for row in orders if row['active_bookings']} == dict(active)
    mails = {row['state'] for row in await rows_of(url, 'mails')}
    assert {'sent', 'refused', 'dropped'} <= mails
    assert {row['state'] for row in await rows_of(url, 'effects')} == {'done', 'refused'}
    unmatched = await rows_of(url, 'unmatched_bookings')
    assert {'no key', 'refunded'} <= {row['reason'] for row in unmatched if row['state'] == 'open'}
    duplicates = [row for row in orders if row['duplicate_of']]
    assert {row['duplicate_of'] for row in duplicates} <= {row['reference'] for row in orders}

    later = NOW + timedelta(hours=2)  # many are due by then
    shop = build(replace(parse_settings(settings_env), mode='demo'), clock=lambda: later)
    await shop.open()
    try:
        await shop.payments.learn_account()
        await shop.reconciler.round()
        assert sandbox.requests('GET /v1/checkout/sessions/')
    finally:
        await shop.close()
    before = {row['id']: (row['version'], row['state']) for row in orders}
    after = {row['id']: (row['version'], row['state']) for row in await rows_of(url, 'orders')}
    assert after.items() <= before.items()  # some that expired long ago are deleted after the retention


async def test_a_seed_always_makes_the_same_orders(
    new_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, times, states and texts: everything."""
    monkeypatch.setattr(demo_data, 'DAYS', 10)
    found = []
    for url in (new_database(), new_database()):
        await demo_data.write(url, sold(), now=NOW)
        found.append([await rows_of(url, table) for table in ('orders', 'bookings', 'journal')])
    assert found[0] == found[1]
