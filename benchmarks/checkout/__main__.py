"""Measure our own share of a click on the pay button. Run: ``python -m benchmarks.checkout``.

The shop (its limits for clicks lifted), the bare handler and the sandbox of Stripe are real processes. This
process sends the clicks (POST /checkout, keep-alive connections, a new browser each time) and relays the
server's requests to the sandbox. Our own share of a click is the time from click to redirect, less the
time that *that click's* session took at the sandbox. The cost of the kernel, of Stripe's SDK and of queueing
in the shop counts as ours.
"""

import asyncio
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.checkout.clicks import (
    CUSTOMERS,
    PAUSE,
    Load,
    Times,
    click_at_once,
    click_in_turn,
    click_with_pauses,
    measure,
)
from benchmarks.checkout.relay import Relay
from benchmarks.shared import results
from benchmarks.shared.servers import new_sandbox, new_server, running, sandbox_settings
from benchmarks.shared.tables import p99
from tests.processes import Server

TITLE = 'Checkout: our own share of a click'
SHOP = ['-m', 'benchmarks.checkout.unlimited_clicks', 'serve']
BARE = ['-m', 'benchmarks.checkout.bare_handler']
LOADS: dict[str, Load] = {
    '1 customer, click after click': click_in_turn,
    f'{CUSTOMERS} customers, a click every {PAUSE:.0f} s each': click_with_pauses,
    f'{CUSTOMERS} customers, click after click': click_at_once,
}

NOTES = f"""\
Command: `python -m benchmarks.checkout`. Own share: the time from the click to the redirect, less the time
that this click's session took at the sandbox of Stripe. The bare handler
(`benchmarks/checkout/bare_handler.py`) opens a session and redirects. It stores nothing, so a crash, a
double click or a lost response loses what Paidslot keeps. Load generator, relay, sandbox and server share
the cores. In the last load, {CUSTOMERS} customers queue for one process: the time is queueing time, and
{CUSTOMERS} divided by it is the throughput."""


async def compare() -> list[str]:
    """Measure shop and bare handler under each load; return the lines of a table."""
    lines = [
        '| load | server | clicks | own share, median ms | own share, p99 ms | at the sandbox, median ms |',
        '|---|---|---|---|---|---|',
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with running(new_sandbox(folder)) as sandbox:
            for load_name, load in LOADS.items():
                shop = await _measure(SHOP, sandbox, folder, load)
                bare = await _measure(BARE, sandbox, folder, load)
                ratios = median(shop.own) / median(bare.own), p99(shop.own) / p99(bare.own)
                lines += [
                    f'| {load_name} | Paidslot | {shop.cells()} |',
                    f'| | bare handler | {bare.cells()} |',
                    f'| | ratio | | {ratios[0]:.1f} × | {ratios[1]:.1f} × | |',
                ]
                print(*lines[-3:], sep='\n', flush=True)
    return lines


async def _measure(arguments: list[str], sandbox: Server, folder: Path, load: Load) -> Times:
    relay = Relay(sandbox.url)
    settings = sandbox_settings(sandbox) | {'STRIPE_API_BASE': f'{relay.url}/stripe'}
    return await measure(new_server('server', arguments, folder, settings), relay, load)


if __name__ == '__main__':
    results.write(TITLE, [*asyncio.run(compare()), '', NOTES])
