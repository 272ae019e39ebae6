"""The real pages and services in this process, with the sandbox for Stripe and Calendly."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from nicegui import Client, background_tasks, core, ui
from nicegui.functions.navigate import Navigate
from nicegui.functions.notify import notify
from nicegui.testing import User
from nicegui.testing.general import nicegui_reset_globals, prepare_simulation

from services.orders import Order
from services.settings import parse_settings
from services.shop import Shop, build
from tests.conftest import CreateTables
from tests.pages.admin import Operator
from tests.pages.customer import Customer
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient
from ui.pages.order import REFRESH_TASK
from ui.server import assemble

LEDGER_THREADS = ('ledger-reader', 'ledger-writer')


@pytest.fixture
def reset_nicegui(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the test a NiceGUI without pages, and clean up after it."""
    monkeypatch.setenv('NICEGUI_USER_SIMULATION', 'true')
    # Each included router wraps the lifespan once more.
    monkeypatch.setattr(core.app.router, 'lifespan_context', core.app.router.lifespan_context)
    with nicegui_reset_globals():
        # All garbage is collected now. Leave out of further collections what earlier tests leave behind:
        # FastAPI's caches keep their shops.
        gc.freeze()
        yield
    ui.navigate, ui.notify = Navigate(), notify


def ledger_threads() -> set[threading.Thread]:
    """Return the threads in which the ledgers of this process run their transactions."""
    return {thread for thread in threading.enumerate() if thread.name.startswith(LEDGER_THREADS)}


async def wait_for_ledger(before: set[threading.Thread], *, seconds: float = 5) -> None:
    """Wait until every ledger is closed that was opened since.

    Args:
        before: the threads of the ledgers at that time.
        seconds: how long to wait.

    Raises:
        TimeoutError: a ledger is open, or a transaction is still running.
    """
    await asyncio.to_thread(
        wait_until, lambda: ledger_threads() <= before, seconds=seconds, why='the ledger is closed'
    )


@pytest.fixture
async def _closed_ledger() -> AsyncIterator[None]:
    """Fail a test that leaves a transaction running: it would find its event loop closed."""
    before = ledger_threads()
    yield
    await wait_for_ledger(before)


@pytest.fixture
async def shop(settings_env: dict[str, str], create_tables: CreateTables, _closed_ledger: None) -> Shop:
    """Open a shop that talks to the sandbox, with an empty ledger."""
    create_tables(settings_env['DATABASE_URL'])
    shop = build(parse_settings(settings_env))
    await shop.open()
    return shop


@pytest.fixture
async def customer(reset_nicegui: None, shop: Shop) -> AsyncIterator[Customer]:
    """A customer with a browser."""
    prepare_simulation()
    assemble(shop)
    transport = httpx.ASGITransport(core.app, raise_app_exceptions=False)
    async with (
        core.app.router.lifespan_context(core.app),
        httpx.AsyncClient(transport=transport, base_url='http://test') as client,
    ):
        yield Customer(User(client))
        for page in list(Client.instances.values()):
            page.delete()
        refreshes = [task for task in background_tasks.running_tasks if task.get_name() == REFRESH_TASK]
        await asyncio.gather(*refreshes, return_exceptions=True)


async def order_at(shop: Shop, path: str) -> Order:
    """Return the order whose page has this path."""
    order = await shop.fulfilment.find(path.rpartition('/')[2])
    assert order is not None
    return order


class Way:
    """A payment as a browser without script makes it: the form, Stripe's page, the return."""

    def __init__(self, customer: Customer, sandbox: SandboxClient) -> None:
        self._customer = customer
        self._sandbox = sandbox

    async def start(self) -> str:
        """Post the form; returns the session's id."""
        answer = await self._customer.http.post('/checkout', data={'shown': '15000-usd', 'again': '1'})
        assert answer.status_code == 303
        return str(answer.headers['location']).rpartition('/')[2].partition('#')[0]

    async def pay(self, **how: str) -> str:
        """Post the form and pay; returns the session's id."""
        session_id = await self.start()
        await asyncio.to_thread(self._sandbox.pay, session_id, **how)
        return session_id

    async def back(self, session_id: str) -> str:
        """Return from Stripe; returns the path of the order's page."""
        answer = await self._customer.http.get('/success', params={'session_id': session_id})
        assert answer.status_code == 303, answer.text
        return str(answer.headers['location'])

    async def arrive(self, session_id: str) -> str:
        """Return from Stripe and open the order's page; returns its path."""
        path = await self.back(session_id)
        await self._customer.open(path)
        return path


@pytest.fixture
def way(customer: Customer, sandbox: SandboxClient) -> Way:
    """The payment steps of the customer."""
    return Way(customer, sandbox)


@pytest.fixture
async def operator(customer: Customer) -> Operator:
    """A browser of the operator that is signed in; the shop needs ADMIN_PASSWORD."""
    operator = Operator()
    await operator.sign_in()
    return operator
