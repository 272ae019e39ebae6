"""The servers whose pages are measured: the shop, and others that serve the same texts."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.pages import tools
from benchmarks.shared.servers import SHOP, new_sandbox, new_server, sandbox_settings
from services import site
from tests.processes import ROOT, Server, wait_until
from tests.sandbox_client import SandboxClient
from ui.components import theme

EMAIL, PRICE = 'customer@example.test', '$150'
EXEC = 'import os, sys; os.execv(sys.argv[1], sys.argv[1:])'
"""Python code that becomes another program, so that the process keeps its id."""
GUNICORN = ('--workers=1', '--threads=4', '--worker-class=gthread', '--log-level=warning')
CALENDAR = re.compile(r'<iframe [^>]*src="([^"]+)"')
REFERENCE = re.compile(r'<strong>([\w-]+)</strong>')

PAIDSLOT = 'Paidslot'
UNLIMITED = 'Paidslot, every page built'
PLAIN_NICEGUI = 'plain NiceGUI'
STATIC = 'static HTML'
FLASK = 'Flask'


@dataclass(frozen=True)
class PaidOrder:
    """What the page of a paid order without a booking shows, and its path."""

    path: str
    reference: str
    calendar_url: str


NO_ORDER = PaidOrder('/order', 'none yet', 'about:blank')


class Contenders:
    """Makes the servers, all of which sell at one sandbox."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._servers: list[Server] = []
        self._sandbox = new_sandbox(folder)
        self._servers.append(self._sandbox)
        self._sandbox.start()
        self._settings = sandbox_settings(self._sandbox)
        self._style = folder / 'style.css'
        self._style.write_text(theme.sheet(site.load(ROOT / 'site.toml').theme))

    def close(self) -> None:
        """Kill every process that still runs."""
        for server in reversed(self._servers):
            server.kill()

    def server(self, name: str, order: PaidOrder = NO_ORDER) -> Server:
        """Make the server with a name in a table; it is not started yet.

        Args:
            name: one of the constants above.
            order: what the order page of ``STATIC`` shows.
        """
        if name == PAIDSLOT:
            return self._new(name, SHOP)
        if name == UNLIMITED:
            return self._new(name, ['-m', 'benchmarks.pages.unlimited_builds', 'serve'])
        if name == PLAIN_NICEGUI:
            return self._new(name, ['-m', 'benchmarks.pages.plain_nicegui_site'])
        if name == STATIC:
            return self._new(name, ['-m', 'benchmarks.pages.static_site'], order)
        return self._new(name, ['-c', EXEC, tools.gunicorn(), *GUNICORN, 'benchmarks.pages.flask_site:app'])

    def buy(self, shop: Server) -> PaidOrder:
        """Let a customer pay in a running shop."""
        sandbox = SandboxClient(self._sandbox.url, self._settings)
        with httpx.Client(base_url=shop.url, trust_env=False) as http:
            paid = sandbox.pay(http.post('/checkout').headers['location'], email=EMAIL)
            path = http.get(paid['redirect']).headers['location']
            page = http.get(path).text
        sandbox.close()
        calendar, reference = CALENDAR.search(page), REFERENCE.search(page)
        assert calendar, 'the order page shows no calendar'
        assert reference, 'the order page shows no reference'
        return PaidOrder(path, reference[1], calendar[1].replace('&amp;', '&'))

    def _new(self, name: str, arguments: list[str], order: PaidOrder = NO_ORDER) -> Server:
        settings = self._settings | {
            'STRIPE_JS': 'off',
            'STYLE_FILE': str(self._style),
            'PRICE': PRICE,
            'ORDER': order.reference,
            'EMAIL': EMAIL,
            'CALENDAR': order.calendar_url,
            'PAYMENT': f'{self._sandbox.url}/faults',
        }
        server = new_server(name.split()[0], arguments, self.folder, settings, health='/')
        self._servers.append(server)
        return server


@contextmanager
def selling(server: Server) -> Iterator[Server]:
    """Run a server for as long as the block lasts; wait first until its landing page shows the price."""
    server.start()
    try:
        wait_until(lambda: PRICE[1:] in _landing_page(server), seconds=30, why='the price is known')
        yield server
    finally:
        server.kill()


def _landing_page(server: Server) -> str:
    return httpx.get(server.url, timeout=30, trust_env=False).text
