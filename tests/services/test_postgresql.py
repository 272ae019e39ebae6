"""What concerns PostgreSQL alone: refusals at the start, a stopped server, locks, and texts it refuses."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from services import errors
from services.database.schema import orders
from services.ledger import connect
from services.ledger.leases import claim
from services.orders import Cause, State
from services.settings import SettingsError, parse_settings
from services.shop import Shop
from tests.factories import NOON, an_order, event_of, signed
from tests.postgres import PASSWORD, Cluster
from tests.processes import ROOT
from tests.services.conftest import Customer

SAFE = quote(PASSWORD, safe='')
SETTINGS = {
    'work_mem': '5MB',
    'statement_timeout': '8s',
    'lock_timeout': '5s',
    'TimeZone': 'UTC',
    'transaction_isolation': 'read committed',
    'application_name': 'paidslot',
}
"""The settings of our connections, whatever the server's own settings are."""


@pytest.fixture
def database_url(postgres_server: Cluster) -> Iterator[str]:
    """Return the URL of an empty database."""
    with postgres_server.database() as url:
        yield url


@contextmanager
def _wrong_password(server: Cluster) -> Iterator[str]:
    yield server.url('postgres').replace(SAFE, 'hunter2')


@contextmanager
def _unknown_database(server: Cluster) -> Iterator[str]:
    yield server.url('nowhere')


@contextmanager
def _unknown_host(_server: Cluster) -> Iterator[str]:
    yield f'postgresql://paidslot:{SAFE}@nowhere.invalid/shop'


@contextmanager
def _no_server(_server: Cluster) -> Iterator[str]:
    yield f'postgresql://paidslot:{SAFE}@127.0.0.1:1/shop'


@contextmanager
def _unknown_parameter(server: Cluster) -> Iterator[str]:
    yield f'{server.url("postgres")}&schema={SAFE}'


@contextmanager
def _narrow_encoding(server: Cluster) -> Iterator[str]:
    with server.database_with("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'") as url:
        yield url


@contextmanager
def _read_only_database(server: Cluster) -> Iterator[str]:
    with server.database() as url:
        yield f'{url}&options=-cdefault_transaction_read_only%3Don'


@contextmanager
def _foreign_database(server: Cluster) -> Iterator[str]:
    with server.database() as url:
        server.run("CREATE ROLE guest LOGIN PASSWORD 'hunter2'")
        yield url.replace(f'paidslot:{SAFE}', 'guest:hunter2')
        server.run('DROP ROLE guest')


@pytest.mark.parametrize(
    ('database', 'reason'),
    [
        (_wrong_password, 'password authentication failed for user "paidslot"'),
        (_unknown_database, 'database "nowhere" does not exist'),
        (_unknown_host, 'nowhere.invalid'),
        (_no_server, 'refused'),
        (_unknown_parameter, 'only parameters of libpq'),
        (_narrow_encoding, 'its encoding is LATIN1'),
        (_read_only_database, 'read-only'),
        (_foreign_database, 'permission denied for schema public'),
    ],
)
async def test_a_database_that_cannot_be_used_is_refused_at_the_start(
    postgres_server: Cluster, database: Callable[[Cluster], AbstractContextManager[str]], reason: str
) -> None:
    """One line says what is wrong, and does not contain the password."""
    with database(postgres_server) as url, pytest.raises(SettingsError) as refused:
        await connect(url).open()
    (problem,) = refused.value.problems
    assert problem.startswith('DATABASE_URL')
    assert reason in problem
    assert '\n' not in problem
    assert not [part for part in (PASSWORD, SAFE, 'hunter2') if part in problem]


def test_the_program_names_the_problem_and_ends_with_exit_code_2(
    postgres_server: Cluster, settings_env: dict[str, str], tmp_path: Path
) -> None:
    """A start with a wrong password prints one problem, without the password."""
    url = postgres_server.url('postgres').replace(SAFE, 'hunter2')
    done = subprocess.run(
        [sys.executable, str(ROOT / 'main.py'), 'serve'],
        cwd=tmp_path,
        env=settings_env | {'DATABASE_URL': url, 'PATH': os.environ['PATH']},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (2, '')
    assert [line[:17] for line in done.stdout.splitlines()][:2] == ['Paidslot cannot s', '  - DATABASE_URL:']
    assert 'hunter2' not in done.stdout


@pytest.mark.parametrize('scheme', ['postgres', 'postgresql'])
async def test_database_urls_are_accepted_as_hosting_companies_write_them(
    postgres_server: Cluster, settings_env: dict[str, str], scheme: str
) -> None:
    """Both schemes, passwords with special characters, parameters and options are accepted."""
    url = settings_env['DATABASE_URL'].replace('postgresql', scheme)
    parameters = '&sslmode=prefer&connect_timeout=9&options=-c%20work_mem%3D5MB'
    store = connect(parse_settings(settings_env | {'DATABASE_URL': url + parameters}).database_url)
    await store.open()
    with store.engine.connect() as connection:
        shown = {name: connection.exec_driver_sql(f'SHOW {name}').scalar_one() for name in SETTINGS}
    assert shown == SETTINGS
    await store.close()


async def test_after_a_restart_of_the_server_the_next_delivery_succeeds(
    shop: Shop, customer: Customer, endpoints: httpx.AsyncClient, postgres_server: Cluster
) -> None:
    """Broken connections are replaced before they are used."""
    order = await customer.buy()
    await asyncio.gather(*(shop.ledger.store.ping() for _ in range(4)))
    postgres_server.stop()
    postgres_server.start()
    body = event_of(order.session_id)
    headers = signed(body, shop.settings.stripe_webhook_secret[0])
    assert (await endpoints.post('/webhooks/stripe', content=body, headers=headers)).status_code == 200
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_while_the_server_is_stopped_requests_are_answered_500(
    shop: Shop,
    customer: Customer,
    endpoints: httpx.AsyncClient,
    postgres_server: Cluster,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No session is opened and the shop is not ready; afterwards the same delivery succeeds."""
    order = await customer.buy()
    body = event_of(order.session_id)
    headers = signed(body, shop.settings.stripe_webhook_secret[0])
    postgres_server.stop()
    try:
        delivered = await endpoints.post('/webhooks/stripe', content=body, headers=headers)
        started = await endpoints.post('/api/create-checkout-session')
        ready = await endpoints.get('/readyz')
    finally:
        postgres_server.start()
    assert (delivered.status_code, started.status_code, ready.status_code) == (500, 500, 503)
    assert 'You have not been charged.' in started.json()['error']['message']
    assert 'postgres' not in started.text + ready.text + delivered.text
    assert len(customer.sandbox.state()['sessions']) == 1
    assert PASSWORD not in caplog.text
    assert (await endpoints.post('/webhooks/stripe', content=body, headers=headers)).status_code == 200
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_a_locked_table_leads_to_an_error_in_bounded_time(
    customer: Customer, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """While the orders are locked, the customer reads an error and Stripe gets no request."""
    await customer.shop.catalog.price()
    with psycopg.connect(database_url) as other:
        other.execute('LOCK TABLE orders')
        with pytest.raises(errors.OurFault) as caught:
            await customer.start()
    assert caught.value.id in caplog.text
    assert 'lock timeout' in caplog.text
    assert customer.sandbox.state()['sessions'] == []
    assert await customer.start()


async def test_a_claim_skips_rows_that_another_transaction_is_claiming(shop: Shop) -> None:
    """It neither waits for the other transaction nor gets the same row."""
    for name in ('o1', 'o2'):
        order = an_order(id=name, reference=name, token=name, booking_key=name)
        assert await shop.ledger.orders.add(order, because=Cause.BUTTON)
    due, column = select(orders).order_by(orders.c.id).limit(1), orders.c.next_check
    engine = shop.ledger.store.engine
    with engine.begin() as first, engine.begin() as second:
        claims = [claim(connection, due, column, until=NOON) for connection in (first, second)]
    assert [[row.id for row in rows] for rows in claims] == [['o1'], ['o2']]


async def test_texts_that_postgresql_refuses_are_no_error(
    shop: Shop, customer: Customer, endpoints: httpx.AsyncClient
) -> None:
    """A NUL in a Calendly delivery is removed, and a key with one finds no order."""
    order = await customer.buy()
    payload = {
        'uri': 'https://api.calendly.com/scheduled_events/E/invitees/I\x00',
        'name': 'Pat\x00 Payer',
        'scheduled_event': {'start_time': '2026-12-01T15:00:00Z', 'end_time': '2026-12-01T16:00:00Z'},
        'tracking': {'utm_content': order.booking_key},
    }
    event = {'event': 'invitee.created', 'created_at': '2026-11-23T12:00:00Z', 'payload': payload}
    for encoding, status in (('utf-16-le', 400), ('utf-8', 200)):
        body = json.dumps(event).encode(encoding)
        signature = signed(body, shop.settings.calendly_webhook_signing_key[0])['Stripe-Signature']
        headers = {'Calendly-Webhook-Signature': signature}
        response = await endpoints.post('/webhooks/calendly', content=body, headers=headers)
        assert response.status_code == status
    (booking,) = await shop.ledger.bookings.of(order.id)
    assert booking.name == 'Pat Payer'
    for name in ('token', 'session_id', 'booking_key', 'payment_id'):
        for key in ('\x00', 'a\x00b', '\ud800'):
            assert await shop.ledger.orders.find(**{name: key}) is None


LOSE = {
    'statement timeout': "SET LOCAL statement_timeout = '50ms'; SELECT pg_sleep(5)",
    'lock timeout': "SET LOCAL lock_timeout = '50ms'; LOCK TABLE orders",
    'serialization': "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$",
    'deadlock': "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$",
}


@pytest.mark.parametrize('statement', LOSE.values(), ids=LOSE)
async def test_a_statement_that_loses_against_others_is_no_outage(
    shop: Shop, caplog: pytest.LogCaptureFixture, statement: str
) -> None:
    """A lock that is held too long or a deadlock fails alone; the database works."""
    with shop.ledger.store.engine.begin() as other:
        other.exec_driver_sql('LOCK TABLE orders')
        with pytest.raises(OperationalError):
            await shop.ledger.store.write(lambda connection: connection.exec_driver_sql(statement))
    await shop.ledger.store.write(lambda connection: connection.exec_driver_sql('SELECT 1'))
    assert 'the database' not in caplog.text


async def test_an_ended_connection_is_an_outage(shop: Shop) -> None:
    """The server ended it, not the statement."""
    end = 'SELECT pg_terminate_backend(pg_backend_pid())'
    with pytest.raises(errors.LedgerUnavailable):
        await shop.ledger.store.write(lambda connection: connection.exec_driver_sql(end))
