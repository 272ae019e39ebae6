"""A shop on the sandbox, without pages: its services as they are, and its endpoints for machines."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from services.endpoints.errors import error_response
from services.errors import ShopError
from services.orders import Cause, Order
from services.settings import parse_settings
from services.shop import Shop, build
from tests.sandbox_client import SandboxClient

NewDatabase = Callable[[], str]
on_both_databases = pytest.mark.parametrize('new_database', ['sqlite', 'postgresql'], indirect=True)
"""What a module says whose claims hold wherever the ledger is kept; without it, that is SQLite."""


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Make empty databases; each call returns the address of one more."""
    numbers = count(1)

    def on_sqlite() -> str:
        number = next(numbers)
        return f'sqlite:///{tmp_path}/shop{"" if number == 1 else f"-{number}"}.db'

    if getattr(request, 'param', 'sqlite') == 'sqlite':
        yield on_sqlite
        return
    server = request.getfixturevalue('postgres_server')
    with ExitStack() as databases:
        yield lambda: databases.enter_context(server.database())


@pytest.fixture
def database_url(new_database: NewDatabase) -> str:
    """The address of the shop's database."""
    return new_database()


@pytest.fixture
def settings_env(settings_env: dict[str, str], database_url: str) -> dict[str, str]:
    """The shop's environment, with the database that the test is about."""
    return settings_env | {'DATABASE_URL': database_url}


class Clock:
    """The present time, which a test can put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    """A clock that goes right until it is put forward."""
    return Clock()


@pytest.fixture
async def shop(settings_env: dict[str, str], clock: Clock) -> AsyncIterator[Shop]:
    """A shop with an empty ledger, whose clock can be put forward."""
    shop = build(parse_settings(settings_env), clock=clock)
    await shop.open()
    yield shop
    await shop.close()


@asynccontextmanager
async def client_at(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """Knock at a shop's endpoints for machines."""
    app = FastAPI()

    async def refusal(_request: Request, error: Exception) -> Response:
        assert isinstance(error, ShopError)
        return error_response(error)

    app.add_exception_handler(ShopError, refusal)
    for endpoint in shop.routers():
        app.include_router(endpoint)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url='http://shop') as client:
        yield client


@pytest.fixture
async def endpoints(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """A client at the endpoints for machines."""
    async with client_at(shop) as client:
        yield client


class Customer:
    """Somebody at a browser: starts, pays at the sandbox, and knows the order."""

    def __init__(self, shop: Shop, sandbox: SandboxClient, browser_id: str) -> None:
        self.shop = shop
        self.sandbox = sandbox
        self.browser_id = browser_id

    async def start(self, **how: object) -> str:
        """Press the button; returns the session's id."""
        session = await self.shop.checkout.start(browser_id=self.browser_id, because=Cause.BUTTON, **how)  # type: ignore[arg-type]
        return session.id

    async def order_of(self, session_id: str) -> Order:
        """The order of a session, from the ledger."""
        order = await self.shop.ledger.orders.find(session_id=session_id)
        assert order is not None
        return order

    async def who_moved(self, order_id: str) -> list[str]:
        """Who caused the moves of an order, oldest first."""
        return [line.because for line in await self.shop.ledger.journal.lines(order_id)]

    async def buy(self, **how: str) -> Order:
        """Start and pay; the shop is not told."""
        session_id = await self.start()
        self.sandbox.pay(session_id, **how)
        return await self.order_of(session_id)


def created(sandbox: SandboxClient) -> list[str]:
    """Return the ids of all checkout sessions in the sandbox."""
    return [session['id'] for session in sandbox.state()['sessions']]


async def fulfilled(customer: Customer, order: Order, because: Cause = Cause.WEBHOOK) -> Order:
    """Read the session of an order at Stripe once more; returns the order."""
    seen = await customer.shop.fulfilment.fulfil(order.session_id or '', because=because)
    assert seen is not None
    return seen


@pytest.fixture
def customer(shop: Shop, sandbox: SandboxClient) -> Customer:
    """A customer."""
    return Customer(shop, sandbox, 'browser-one')


@pytest.fixture
def another(shop: Shop, sandbox: SandboxClient) -> Customer:
    """Another customer."""
    return Customer(shop, sandbox, 'browser-two')


@pytest.fixture
def http(sandbox: SandboxClient) -> Iterator[httpx.Client]:
    """A client of the sandbox's API and pages, without the SDK; it follows no redirect."""
    with httpx.Client(base_url=sandbox.base, trust_env=False) as client:
        client.headers['Authorization'] = f'Bearer {sandbox.settings["STRIPE_SECRET_KEY"]}'
        yield client
