"""What is PostgreSQL’s alone: refusals at the start, a server that goes away, locks, odd texts."""

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

from services import errors
from services.ledger import connect
from services.orders import State
from services.settings import SettingsError, parse_settings
from services.shop import Shop
from tests.factories import event_of, signed
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
"""What holds for our connections, whatever the server's own settings are."""


@pytest.fixture
def database_url(postgres_server: Cluster) -> Iterator[str]:
    """The address of an empty database."""
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
def _copy_only(server: Cluster) -> Iterator[str]:
    with server.database() as url:
        yield f'{url}&options=-cdefault_transaction_read_only%3Don'


@contextmanager
def _foreign_database(server: Cluster) -> Iterator[str]:
    with server.database() as url:
        server.run("CREATE ROLE guest LOGIN PASSWORD 'hunter2'")
        yield url.replace(f'paidslot:{SAFE}', 'guest:hunter2')
        server.run('DROP ROLE guest')


@pytest.mark.parametrize(
    ('address', 'why'),
    [
        (_wrong_password, 'password authentication failed for user "paidslot"'),
        (_unknown_database, 'database "nowhere" does not exist'),
        (_unknown_host, 'nowhere.invalid'),
        (_no_server, 'refused'),
        (_unknown_parameter, 'only parameters of libpq'),
        (_narrow_encoding, 'its encoding is LATIN1'),
        (_copy_only, 'read-only'),
        (_foreign_database, 'permission denied for schema public'),
    ],
)
async def test_a_database_that_cannot_be_used_is_refused_in_words(
    postgres_server: Cluster, address: Callable[[Cluster], AbstractContextManager[str]], why: str
) -> None:
    """One sentence on one line, which says what is wrong and never the password."""
    with address(postgres_server) as url, pytest.raises(SettingsError) as refused:
        await connect(url).open()
    (problem,) = refused.value.problems
    assert problem.startswith('DATABASE_URL')
    assert why in problem
    assert '\n' not in problem
    assert not [part for part in (PASSWORD, SAFE, 'hunter2') if part in problem]


def test_the_program_ends_with_a_line_and_a_code(
    postgres_server: Cluster, settings_env: dict[str, str], tmp_path: Path
) -> None:
    """A start with a wrong password ends with exit code 2 and one problem, and the password is nowhere."""
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
async def test_addresses_are_taken_as_hosts_of_databases_write_them(
    postgres_server: Cluster, settings_env: dict[str, str], scheme: str
) -> None:
    """Either scheme, a password with every odd character, parameters and options of one's own."""
    url = settings_env['DATABASE_URL'].replace('postgresql', scheme)
    own = '&sslmode=prefer&connect_timeout=9&options=-c%20work_mem%3D5MB'
    store = connect(parse_settings(settings_env | {'DATABASE_URL': url + own}).database_url)
    await store.open()
    with store.engine.connect() as connection:
        told = {name: connection.exec_driver_sql(f'SHOW {name}').scalar_one() for name in SETTINGS}
    assert told == SETTINGS
    await store.close()


async def test_a_server_that_was_restarted_is_not_noticed(
    shop: Shop, customer: Customer, endpoints: httpx.AsyncClient, postgres_server: Cluster
) -> None:
    """Connections that died while nobody needed them are replaced before they are used."""
    order = await customer.buy()
    await asyncio.gather(*(shop.ledger.store.ping() for _ in range(4)))
    postgres_server.stop()
    postgres_server.start()
    body = event_of(order.session_id)
    headers = signed(body, shop.settings.stripe_webhook_secret)
    assert (await endpoints.post('/webhooks/stripe', content=body, headers=headers)).status_code == 200
    assert (await customer.order_of(order.session_id or '')).state is State.PAID


async def test_while_the_server_is_away_stripe_is_asked_to_come_back(
    shop: Shop,
    customer: Customer,
    endpoints: httpx.AsyncClient,
    postgres_server: Cluster,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody is sent to pay, no payment is acknowledged, the shop is not ready; then all heals by itself."""
    order = await customer.buy()
    body = event_of(order.session_id)
    headers = signed(body, shop.settings.stripe_webhook_secret)
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


async def test_a_locked_table_is_an_apology_in_bounded_time(
    customer: Customer, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """When somebody keeps the orders locked, the customer reads an apology and Stripe is not asked."""
    await customer.shop.catalog.price()
    with psycopg.connect(database_url) as other:
        other.execute('LOCK TABLE orders')
        with pytest.raises(errors.OurFault) as caught:
            await customer.start()
    assert caught.value.id in caplog.text
    assert 'lock timeout' in caplog.text
    assert customer.sandbox.state()['sessions'] == []
    assert await customer.start()


async def test_texts_that_postgresql_does_not_take_are_made_plain_or_are_no_key(
    shop: Shop, customer: Customer, endpoints: httpx.AsyncClient
) -> None:
    """A NUL in what Calendly delivers is left out; in an address it finds nothing; neither is an error."""
    order = await customer.buy()
    payload = {
        'uri': 'https://api.calendly.com/scheduled_events/E/invitees/I\x00',
        'name': 'Pat\x00 Payer',
        'scheduled_event': {'start_time': '2026-12-01T15:00:00Z', 'end_time': '2026-12-01T16:00:00Z'},
        'tracking': {'utm_content': order.booking_key},
    }
    event = {'event': 'invitee.created', 'created_at': '2026-11-23T12:00:00Z', 'payload': payload}
    for coding, code in (('utf-16-le', 400), ('utf-8', 200)):
        body = json.dumps(event).encode(coding)
        header = signed(body, shop.settings.calendly_webhook_signing_key)['Stripe-Signature']
        told = {'Calendly-Webhook-Signature': header}
        assert (await endpoints.post('/webhooks/calendly', content=body, headers=told)).status_code == code
    (booking,) = await shop.ledger.bookings.of(order.id)
    assert booking.name == 'Pat Payer'
    for name in ('token', 'session_id', 'booking_key', 'payment_id'):
        for odd in ('\x00', 'a\x00b', '\ud800'):
            assert await shop.ledger.orders.find(**{name: odd}) is None
