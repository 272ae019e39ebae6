"""Where pages are measured: the sandbox, the shop and its rivals as processes, with the same things to say."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx

from benchmarks.shared import tools
from services import site
from tests.processes import ROOT, Server, free_port, wait_until
from tests.sandbox_client import SandboxClient
from ui.components import theme

EMAIL, PRICE = 'customer@example.test', '$150'
EXEC = 'import os, sys; os.execv(sys.argv[1], sys.argv[1:])'
"""Becomes another program, so that the process keeps its id."""
WORKERS = ('--workers=1', '--threads=4', '--worker-class=gthread', '--log-level=warning')
CALENDAR = re.compile(r'<iframe [^>]*src="([^"]+)"')
SHOP, BUILT, PLAIN, STATIC, FLASK = (
    'Paidslot',
    'Paidslot, every page built',
    'plain NiceGUI',
    'static HTML',
    'Flask',
)


@dataclass(frozen=True)
class Order:
    """A paid order without a booking: where its page is, and what it is called."""

    path: str
    reference: str
    calendar: str


class Stand:
    """Makes servers, each in a folder of its own; what is still running at the end is killed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder, self._numbers = folder, count()
        self._servers: list[Server] = []
        port = free_port()
        self._sandbox = self._server(
            'sandbox', ['-m', 'services.sandbox', f'--port={port}'], port, '/faults', {}
        )
        self._sandbox.start()
        self._named = dict(re.findall(r'^([A-Z_]+)=(.*)$', self._sandbox.log(), re.MULTILINE))
        self._style = folder / 'style.css'
        self._style.write_text(theme.sheet(site.load(ROOT / 'site.toml').look))

    def close(self) -> None:
        """End every process."""
        for server in reversed(self._servers):
            server.kill()

    def shop(self, *, every_page_built: bool = False) -> Server:
        """The shop, by default with its budget of builds."""
        program = ['-m', 'benchmarks.unbudgeted'] if every_page_built else [str(ROOT / 'main.py')]
        return self._site('shop', [*program, 'serve'], '/', {'STRIPE_JS': 'off'})

    def rival(self, name: str, order: Order | None = None) -> Server:
        """One of PLAIN, STATIC and FLASK; with an order it shows that one.

        Args:
            name: which.
            order: what the page of an order says.
        """
        shown = order or Order('/order', 'none yet', 'about:blank')
        said = {
            'STYLE_FILE': str(self._style),
            'PRICE': PRICE,
            'ORDER': shown.reference,
            'EMAIL': EMAIL,
            'CALENDAR': shown.calendar,
            'PAYMENT': f'{self._sandbox.url}/faults',
        }
        if name == FLASK:
            arguments = ['-c', EXEC, tools.gunicorn(), *WORKERS, 'benchmarks.rival_flask:app']
        else:
            arguments = ['-m', f'benchmarks.{"rival_nicegui" if name == PLAIN else "rival_static"}']
        return self._site(name.split()[0], arguments, '/', said)

    def contender(self, name: str) -> Server:
        """The server behind a name in a table."""
        if name in (SHOP, BUILT):
            return self.shop(every_page_built=name == BUILT)
        return self.rival(name)

    def buy(self, shop: Server) -> Order:
        """Let a customer buy in a running shop."""
        sandbox = SandboxClient(self._sandbox.url, self._named)
        with httpx.Client(base_url=shop.url, trust_env=False) as http:
            paid = sandbox.pay(http.post('/checkout').headers['location'], email=EMAIL)
            path = http.get(paid['redirect']).headers['location']
            page = http.get(path).text
        sandbox.close()
        calendar, reference = CALENDAR.search(page), re.search(r'<strong>([\w-]+)</strong>', page)
        assert calendar, 'the order page shows no calendar'
        assert reference
        return Order(path, reference[1], calendar[1].replace('&amp;', '&'))

    def _site(self, name: str, arguments: list[str], health: str, more: Mapping[str, str]) -> Server:
        port = free_port()
        environment = self._named | {
            'DOMAIN': f'http://127.0.0.1:{port}',
            'HOST': '127.0.0.1',
            'PORT': str(port),
            'SITE_FILE': str(ROOT / 'site.toml'),
            'GUNICORN_CMD_ARGS': f'--bind=127.0.0.1:{port}',
        }
        return self._server(name, arguments, port, health, environment | dict(more))

    def _server(
        self, name: str, arguments: list[str], port: int, health: str, environment: Mapping[str, str]
    ) -> Server:
        folder = self.folder / f'{next(self._numbers)}-{name}'
        folder.mkdir()
        server = Server(name, arguments, port=port, health=health, folder=folder, environment=environment)
        self._servers.append(server)
        return server


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Run a server for as long as the block lasts, and be sure that it sells before it begins."""
    server.start()
    try:
        wait_until(lambda: PRICE[1:] in _landing(server), seconds=30, why='the price is known')
        yield server
    finally:
        server.kill()


def _landing(server: Server) -> str:
    return httpx.get(server.url, timeout=30, trust_env=False).text


def memory(server: Server) -> float:
    """The resident memory of a running process, in MiB (Linux)."""
    found = re.search(r'^VmRSS:\s+(\d+)', Path(f'/proc/{server.pid}/status').read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def cpu_seconds(server: Server) -> float:
    """The time that a running process and its children have had of all cores so far (Linux)."""
    children = Path(f'/proc/{server.pid}/task/{server.pid}/children').read_text().split()
    ticks = sum(sum(map(int, _stat(pid)[11:13])) for pid in (str(server.pid), *children))
    return ticks / os.sysconf('SC_CLK_TCK')


def _stat(pid: str) -> list[str]:
    """What the kernel tells of a process, from its state on (proc_pid_stat(5))."""
    return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
