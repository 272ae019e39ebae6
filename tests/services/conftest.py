"""Fixtures for tests of the services: a shop on the sandbox without pages, a client, customers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from services.endpoints.errors import error_response
from services.errors import LedgerUnavailable, ShopError
from services.orders import Cause, Order
from services.settings import parse_settings
from services.shop import Shop, build
from tests.conftest import CreateTables
from tests.contract.calendly import check_logged
from tests.processes import ROOT
from tests.sandbox_client import SandboxClient
from tests.services.derived import check_derived


class NewDatabase(Protocol):
    """Makes databases."""

    def __call__(self, *, tables: bool = False) -> str:
        """Return the URL of a new database without rows.

        Args:
            tables: whether it may have the shop's tables already; on PostgreSQL that is faster.
        """


on_both_databases = pytest.mark.parametrize('new_database', ['sqlite', 'postgresql'], indirect=True)
"""Runs the tests of a module on both databases; without it they run on SQLite."""


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Make databases; each call returns the URL of a new one."""
    numbers = count(1)

    def on_sqlite(*, tables: bool = False) -> str:
        number = next(numbers)
        return f'sqlite:///{tmp_path}/shop{"" if number == 1 else f"-{number}"}.db'

    if getattr(request, 'param', 'sqlite') == 'sqlite':
        yield on_sqlite
        return
    server = request.getfixturevalue('postgres_server')
    with ExitStack() as databases:

        def on_postgresql(*, tables: bool = False) -> str:
            url: str = databases.enter_context(server.ledger() if tables else server.database())
            return url

        yield on_postgresql


@pytest.fixture(autouse=True)
def only_described_requests(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test, check that every request to Calendly was one that Calendly documents."""
    if 'sandbox' not in request.fixturenames:
        yield
        return
    sandbox: SandboxClient = request.getfixturevalue('sandbox')
    yield
    assert check_logged(sandbox.requests()) == []


@pytest.fixture
def database_url(new_database: NewDatabase) -> str:
    """Return the URL of the shop's database, in which the tables may exist."""
    return new_database(tables=True)


@pytest.fixture
def settings_env(settings_env: dict[str, str], database_url: str) -> dict[str, str]:
    """Return the shop's settings, with the database of the test."""
    return settings_env | {'DATABASE_URL': database_url}


class Clock:
    """The present time, which a test can move forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    """Return a clock that is right until the test moves it forward."""
    return Clock()


@pytest.fixture
async def shop(
    settings_env: dict[str, str], clock: Clock, create_tables: CreateTables
) -> AsyncIterator[Shop]:
    """Open a shop with an empty ledger and the clock of the test; check the derived columns afterwards."""
    create_tables(settings_env['DATABASE_URL'])
    shop = build(parse_settings(settings_env), clock=clock)
    await shop.open()
    yield shop
    with suppress(LedgerUnavailable):  # a test may have damaged the database
        await check_derived(shop.ledger.store)
    await shop.close()


@asynccontextmanager
async def client_at(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client for a shop's endpoints."""
    app = FastAPI()

    async def respond(_request: Request, error: Exception) -> Response:
        assert isinstance(error, ShopError)
        return error_response(error)

    app.add_exception_handler(ShopError, respond)
    for router in shop.routers():
        app.include_router(router)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url='http://shop') as client:
        yield client


@pytest.fixture
async def endpoints(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client for the shop's endpoints."""
    async with client_at(shop) as client:
        yield client


class Customer:
    """A customer with a browser, who starts payments and pays at the sandbox."""

    def __init__(self, shop: Shop, sandbox: SandboxClient, browser_id: str) -> None:
        self.shop = shop
        self.sandbox = sandbox
        self.browser_id = browser_id

    async def start(self, **options: object) -> str:
        """Press the button; return the session's id."""
        options |= {'browser_id': self.browser_id, 'because': Cause.BUTTON}
        session = await self.shop.checkout.start(**options)  # type: ignore[arg-type]
        return session.id

    async def order_of(self, session_id: str) -> Order:
        """Return the order of a session from the ledger."""
        order = await self.shop.ledger.orders.find(session_id=session_id)
        assert order is not None
        return order

    async def causes(self, order_id: str) -> list[Cause]:
        """Return the causes of an order's moves, oldest first."""
        return [line.because for line in await self.shop.ledger.journal.lines(order_id)]

    async def buy(self, **options: str) -> Order:
        """Start a payment and pay; the shop receives no webhook of it."""
        session_id = await self.start()
        self.sandbox.pay(session_id, **options)
        return await self.order_of(session_id)


def session_ids(sandbox: SandboxClient) -> list[str]:
    """Return the ids of all checkout sessions in the sandbox."""
    return [session['id'] for session in sandbox.state()['sessions']]


async def fulfilled(customer: Customer, order: Order, because: Cause = Cause.WEBHOOK) -> Order:
    """Fulfil the session of an order; return the order as it is then."""
    seen = await customer.shop.fulfilment.fulfil(order.session_id or '', because=because)
    assert seen is not None
    return seen


@pytest.fixture
def customer(shop: Shop, sandbox: SandboxClient) -> Customer:
    """Return a customer."""
    return Customer(shop, sandbox, 'browser-one')


@pytest.fixture
def other_customer(shop: Shop, sandbox: SandboxClient) -> Customer:
    """Return another customer, with another browser."""
    return Customer(shop, sandbox, 'browser-two')


@pytest.fixture
async def paid(customer: Customer) -> Order:
    """A paid order that was not booked yet."""
    return await fulfilled(customer, await customer.buy())


@pytest.fixture
async def booked(customer: Customer, paid: Order) -> Order:
    """The paid order with a coming meeting, which the shop knows."""
    url = await customer.shop.calendar.url(paid) or ''
    await asyncio.to_thread(customer.sandbox.book, url)
    await customer.shop.bookings.look_up(paid)
    return await customer.order_of(paid.session_id or '')


@pytest.fixture
def environ(sandbox: SandboxClient, database_url: str, create_tables: CreateTables) -> dict[str, str]:
    """Return an environment without keys, which names the sandbox and a database."""
    create_tables(database_url)
    names = ('STRIPE_API_BASE', 'CALENDLY_API_BASE')
    return {name: sandbox.settings[name] for name in names} | {
        'DATABASE_URL': database_url,
        'SITE_FILE': str(ROOT / 'site.toml'),
    }


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """Return a file with a comment and one setting."""
    file = tmp_path / '.env'
    file.write_text('# mine\nLOG_LEVEL=warning\n')
    return file
