"""What all runs of the crash test share: a running sandbox, the launcher, and a supply of empty databases."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from tests.crash.checks import open_ledger
from tests.crash.operator import PASSWORD
from tests.crash.scenarios import Context
from tests.crash.shop import Shop
from tests.processes import ROOT, Launcher, Server, free_port
from tests.sandbox_client import SandboxClient

Databases = Callable[[str], AbstractContextManager[str]]


@dataclass(frozen=True)
class Harness:
    """Starts shops, each on an empty ledger and an empty sandbox."""

    folder: Path
    sandbox: SandboxClient
    launcher: Launcher
    databases: Databases
    ports: tuple[int, int]

    @contextmanager
    def new_shop(self, name: str) -> Iterator[Context]:
        """Reset the sandbox and start a shop with an empty ledger.

        Args:
            name: the name of its folder and of its database.
        """
        folder = self.folder / name
        folder.mkdir()
        self.sandbox.reset()
        with self.databases(name) as url, open_ledger(url) as ledger:
            environment = self.sandbox.settings | {'DATABASE_URL': url, 'SITE_FILE': str(ROOT / 'site.toml')}
            environment |= {'ADMIN_PASSWORD': PASSWORD}
            shop = Shop(self.launcher, folder, environment, ports=self.ports)
            shop.start()
            try:
                yield Context(shop, self.sandbox, ledger)
            finally:
                shop.kill()


@contextmanager
def start_harness(
    folder: Path, *, ports: tuple[int, int, int], databases: Databases | None = None
) -> Iterator[Harness]:
    """Start the sandbox and the launcher.

    Args:
        folder: for everything that is written.
        ports: one for the sandbox, two for the shop.
        databases: yields the URL of an empty database by its name; SQLite files if left out.
    """
    sandbox_port, *shop_ports = ports
    (folder / 'sandbox').mkdir()
    arguments = ['-m', 'services.sandbox', f'--port={sandbox_port}', f'--smtp-port={free_port()}']
    server = Server('sandbox', arguments, port=sandbox_port, health='/faults', folder=folder / 'sandbox')

    def sqlite(name: str) -> AbstractContextManager[str]:
        return nullcontext(f'sqlite:///{folder}/{name}.db')

    with ExitStack() as running:
        launcher = running.enter_context(Launcher('tests.crash.launcher', folder))
        running.callback(server.stop)
        server.start()
        sandbox = SandboxClient(server.url, dict(re.findall(r'^([A-Z_]+)=(.*)$', server.log(), re.MULTILINE)))
        running.callback(sandbox.close)
        yield Harness(folder, sandbox, launcher, databases or sqlite, (shop_ports[0], shop_ports[1]))
