"""The real pages and services in this process, with the sandbox for Stripe and Calendly."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from nicegui import Client, background_tasks, core, ui
from nicegui.functions.navigate import Navigate
from nicegui.functions.notify import notify
from nicegui.testing import User
from nicegui.testing.general import nicegui_reset_globals, prepare_simulation

from services.settings import parse_settings
from services.shop import Shop, build
from tests.pages.customer import Customer
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient
from ui.pages.order import REFRESH_TASK
from ui.server import assemble


@pytest.fixture
def reset_nicegui(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the test a NiceGUI without pages, and clean up after it."""
    monkeypatch.setenv('NICEGUI_USER_SIMULATION', 'true')
    # Each included router wraps the lifespan once more.
    monkeypatch.setattr(core.app.router, 'lifespan_context', core.app.router.lifespan_context)
    with nicegui_reset_globals():
        yield
    ui.navigate, ui.notify = Navigate(), notify


@pytest.fixture
async def shop(settings_env: dict[str, str]) -> Shop:
    """A shop that talks to the sandbox, its ledger up to date."""
    shop = build(parse_settings(settings_env))
    await shop.open()
    return shop


@pytest.fixture
async def customer(shop: Shop, reset_nicegui: None) -> AsyncIterator[Customer]:
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
    await asyncio.to_thread(wait_until, _no_database_threads, seconds=5, why='the ledger ends its threads')


def _no_database_threads() -> bool:
    """Whether no connection to a database is still busy; it would find its event loop closed."""
    return not any('_connection_worker_thread' in thread.name for thread in threading.enumerate())


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
