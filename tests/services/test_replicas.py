"""Several processes on one database: what reaches all of them at the same time happens once."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx
import pytest

from services.ledger import Ledger, connect
from services.orders import Cause, State
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import NOON, an_order, event_of, signed
from tests.processes import ROOT
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer, NewDatabase, client_at, on_both_databases

pytestmark = on_both_databases
PROCESSES = 3
OPENER = """
import asyncio, sys
from services.ledger import connect

store = connect(sys.argv[1])
print('ready', flush=True)
sys.stdin.readline()
asyncio.run(store.open())
"""
"""A program that waits for a line on its standard input and then opens the ledger."""


@pytest.fixture
async def replicas(shop: Shop, settings_env: dict[str, str]) -> AsyncIterator[tuple[Shop, Shop]]:
    """Open two shops on one database."""
    other = build(parse_settings(settings_env))
    await other.open()
    yield shop, other
    await other.close()


@pytest.fixture
async def clients(replicas: tuple[Shop, Shop]) -> AsyncIterator[tuple[httpx.AsyncClient, ...]]:
    """Yield clients for the endpoints of both shops, each three times."""
    one, other = replicas
    async with client_at(one) as first, client_at(other) as second:
        yield (first, second) * 3


async def deliver(
    clients: tuple[httpx.AsyncClient, ...], path: str, header: str, body: bytes, secret: str
) -> list[int]:
    """Deliver one signed body to all endpoints at once; return the status codes."""
    headers = {header: signed(body, secret)['Stripe-Signature']}
    responses = await asyncio.gather(
        *(client.post(path, content=body, headers=headers) for client in clients)
    )
    return [response.status_code for response in responses]


def _open_at_once(url: str) -> list[int]:
    command, pipe = [sys.executable, '-c', OPENER, url], subprocess.PIPE
    processes = [
        subprocess.Popen(command, cwd=ROOT, text=True, stdin=pipe, stdout=pipe) for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == 'ready\n'
    for process in processes:
        assert process.stdin
        process.stdin.write('go\n')
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
    return [process.returncode for process in processes]


async def test_processes_that_start_at_once_create_the_tables_once(new_database: NewDatabase) -> None:
    """All of them open the new database, none fails, and the ledger works."""
    database_url = new_database()
    assert await asyncio.to_thread(_open_at_once, database_url) == [0] * PROCESSES
    ledger = Ledger(connect(database_url), lambda: NOON)
    await ledger.open()
    assert await ledger.orders.add(an_order(), because=Cause.BUTTON)
    assert await ledger.orders.find(id='o1') == an_order()
    with ledger.store.engine.connect() as connection:
        assert connection.exec_driver_sql('SELECT count(*) FROM alembic_version').scalar_one() == 1
    await ledger.close()


async def test_one_delivery_to_all_processes_at_once_is_one_move(
    clients: tuple[httpx.AsyncClient, ...], customer: Customer, settings_env: dict[str, str]
) -> None:
    """The delivery has one row, marked handled, and the order one journal line."""
    order = await customer.buy()
    body, secret = event_of(order.session_id), settings_env['STRIPE_WEBHOOK_SECRET']
    assert await deliver(clients, '/webhooks/stripe', 'Stripe-Signature', body, secret) == [200] * 6
    paid = await customer.order_of(order.session_id or '')
    assert (paid.state, paid.version) == (State.PAID, 3)
    lines = [line.line for line in await customer.shop.ledger.journal.lines(order.id)]
    assert lines[1:] == ['payment session opened', 'open → paid']
    with customer.shop.ledger.store.engine.connect() as connection:
        row = connection.exec_driver_sql('SELECT count(*), count(handled_at) FROM deliveries').one()
    assert tuple(row) == (1, 1)


async def test_deliveries_and_returns_at_once_are_one_move(
    replicas: tuple[Shop, Shop], clients: tuple[httpx.AsyncClient, ...], customer: Customer
) -> None:
    """Deliveries and returns reach both processes at the same time."""
    order = await customer.buy()
    session_id = order.session_id or ''
    body = event_of(session_id)
    secret = replicas[0].settings.stripe_webhook_secret[0]
    codes, seen = await asyncio.gather(
        deliver(clients, '/webhooks/stripe', 'Stripe-Signature', body, secret),
        asyncio.gather(*(shop.fulfilment.fulfil(session_id, because=Cause.RETURN) for shop in replicas * 3)),
    )
    assert codes == [200] * 6
    assert {order.state for order in seen if order} == {State.PAID}
    lines = [line.line for line in await customer.shop.ledger.journal.lines(order.id)]
    assert lines.count('open → paid') == 1


async def test_concurrent_clicks_at_all_processes_open_one_session(
    replicas: tuple[Shop, Shop], sandbox: SandboxClient
) -> None:
    """Two tabs of one browser go to the same payment page, whichever process they reach."""
    starts = [shop.checkout.start(browser_id='browser', because=Cause.BUTTON) for shop in replicas * 3]
    sessions = await asyncio.gather(*starts)
    assert len({session.id for session in sessions}) == 1
    assert [session['status'] for session in sandbox.state()['sessions']] == ['open']
    with replicas[0].ledger.store.engine.connect() as connection:
        assert connection.exec_driver_sql('SELECT count(*) FROM orders').scalar_one() == 1


async def test_all_processes_show_the_same_calendar_link(
    replicas: tuple[Shop, Shop], customer: Customer
) -> None:
    """The ledger keeps the first link."""
    order = await customer.buy()
    paid = await customer.shop.fulfilment.fulfil(order.session_id or '', because=Cause.RETURN)
    assert paid is not None
    links = await asyncio.gather(*(shop.calendar.url(paid) for shop in replicas * 2))
    assert len(set(links)) == 1
    assert '/d/' in (links[0] or '')


async def test_one_booking_delivered_to_all_processes_at_once_is_recorded_once(
    clients: tuple[httpx.AsyncClient, ...], customer: Customer, settings_env: dict[str, str]
) -> None:
    """The booking has one row and one journal line."""
    order = await customer.buy()
    payload = {
        'uri': 'https://api.calendly.com/scheduled_events/E/invitees/I',
        'scheduled_event': {'start_time': '2026-12-01T15:00:00Z', 'end_time': '2026-12-01T16:00:00Z'},
        'tracking': {'utm_content': order.booking_key},
    }
    event = {'event': 'invitee.created', 'created_at': '2026-11-23T12:00:00Z', 'payload': payload}
    body, key = json.dumps(event).encode(), settings_env['CALENDLY_WEBHOOK_SIGNING_KEY']
    codes = await deliver(clients, '/webhooks/calendly', 'Calendly-Webhook-Signature', body, key)
    assert codes == [200] * 6
    assert len(await customer.shop.ledger.bookings.of(order.id)) == 1
    lines = [line.line for line in await customer.shop.ledger.journal.lines(order.id)]
    assert lines[2:] == ['meeting of 2026-12-01 15:00 UTC active']
