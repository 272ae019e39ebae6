"""A stack of the compose files as processes: Caddy with https, one or two shops, the sandbox, PostgreSQL."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.deploy.shops import ShopProcess
from benchmarks.shared.servers import SHOP, new_sandbox
from tests import caddy, postgres
from tests.processes import free_port
from tests.sandbox_client import SandboxClient

DOWN = 4.0  # seconds between a kill and the next start
DURABLE = {'fsync': 'on', 'full_page_writes': 'on', 'synchronous_commit': 'on'}


@dataclass(frozen=True)
class Stack:
    """What runs."""

    proxy: caddy.Proxy
    shops: list[ShopProcess]
    sandbox: SandboxClient


@contextmanager
def running(
    folder: Path, *, shops: int, image: Path | None = None, program: Sequence[str] = SHOP
) -> Iterator[Stack]:
    """Run one shop on SQLite (compose.yaml) or two on PostgreSQL (compose.scale.yaml) behind Caddy.

    Args:
        folder: for what they write.
        shops: 1 or 2.
        image: the root file system of the image; without one this checkout is run.
        program: what Python runs in this checkout.
    """
    folder.mkdir()
    with ExitStack() as stack:
        sandbox = new_sandbox(folder)
        sandbox.start()
        stack.callback(sandbox.kill)
        printed = dict(re.findall(r'^([A-Z_]+)=(.*)$', sandbox.log(), re.MULTILINE))
        https = free_port()
        settings = printed | {'DOMAIN': f'https://localhost:{https}', 'TRUSTED_PROXIES': '127.0.0.1'}
        if shops > 1:
            cluster = stack.enter_context(postgres.running(**DURABLE))
            settings['DATABASE_URL'] = stack.enter_context(cluster.database())
            Path(settings['DATABASE_URL'].partition('?host=')[2]).chmod(0o711)  # to reach its socket
        started = []
        for number in range(shops):
            shop = ShopProcess(
                f'shop-{number}', folder, port=free_port(), settings=settings, image=image, program=program
            )
            stack.callback(shop.kill)
            shop.start()
            started.append(shop)
        proxy_to = 'one-shop.caddy' if shops == 1 else 'two-shops.caddy'
        ports = [shop.port for shop in started]
        proxy = stack.enter_context(caddy.running(folder, ports, proxy_to=proxy_to, port=https))
        client = SandboxClient(sandbox.url, printed)
        stack.callback(client.close)
        client.send_webhooks_to(stack.enter_context(caddy.relay(folder, proxy)))
        yield Stack(proxy, started, client)


def restart(running: Stack) -> None:
    """Stop each shop and start it again, one after the other: the next once the last one is healthy."""
    for shop in running.shops:
        shop.stop()
        shop.start()


def kill(running: Stack) -> None:
    """Kill each shop and start it again after a while, one after the other."""
    for shop in running.shops:
        shop.kill()
        time.sleep(DOWN)
        shop.start()
