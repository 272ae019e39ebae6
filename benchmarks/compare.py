"""Compare the speed of two checkouts of the project. Run: ``python -m benchmarks.compare --before DIR``.

Both shops run with this Python and sell at this checkout's sandbox; each loads its own code. They are
driven over HTTP only, so names inside them may differ. Each round starts both anew, one after the other,
with an empty database, and measures three things: how many landing pages one core could build a second
(requested slowly enough to stay below load shedding), our own share of a click on the pay button, and how
many deliveries a second the webhook endpoint accepts. Processor times are also given: they depend less on
what else the machine does. The order of the two changes with every round. Each ratio is made within one
round.
"""

import argparse
import asyncio
import json
import tempfile
import time
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from benchmarks.checkout.clicks import Times, click_in_turn
from benchmarks.checkout.relay import Relay
from benchmarks.pages.load_generator import LoadGenerator
from benchmarks.shared import results
from benchmarks.shared.http_client import ConnectionPool
from benchmarks.shared.order_template import signed
from benchmarks.shared.servers import cpu_seconds, new_sandbox, new_server, running, sandbox_settings
from benchmarks.shared.tables import spread, table
from benchmarks.webhooks.deliveries import send_all
from tests.processes import ROOT, Server
from tests.sandbox_client import SandboxClient

ROUNDS = 5
# A shop builds at most 20 pages a second and keeps at most 200 that no browser has connected to.
WARM_UP_PAGES, PAGES, INTERVAL = 20, 100, 0.06  # seconds from request to request
WARM_UP, CLICKS = 30, 300  # clicks, each of which becomes a payment and a delivery
BUILT = b"'client_id'"  # only in a page that was built for its browser, not in a cached one


@dataclass(frozen=True)
class Speed:
    """What one round of one shop came to."""

    click: float  # milliseconds, our own share, median
    click_cpu: float  # milliseconds of the shop's processor time
    deliveries: float  # a second
    delivery_cpu: float  # milliseconds of the shop's processor time
    pages: float  # builds a second of one core


FIGURES = (
    'click, our own share, ms',
    'click, CPU ms',
    'webhook deliveries/s',
    'webhook delivery, CPU ms',
    'landing page builds/s of one core',
)
"""The names of the fields of ``Speed``."""


def shop_of(checkout: Path, folder: Path, settings: dict[str, str]) -> Server:
    """Prepare the shop of a checkout.

    It works in a folder of its own, not in the checkout, with a database of its own.
    """
    own = {'PYTHONPATH': str(checkout), 'SITE_FILE': str(checkout / 'site.toml'), 'RECONCILE_SECONDS': '3600'}
    unlimited = checkout / 'benchmarks' / 'checkout' / 'unlimited_clicks.py'  # checkouts with stricter limits
    program = unlimited if unlimited.exists() else checkout / 'main.py'
    return new_server('shop', [str(program), 'serve'], folder, settings | own)


async def measure(checkout: Path, sandbox: Server, folder: Path) -> Speed:
    """Start the shop of a checkout, measure it, and stop it."""
    settings, relay = sandbox_settings(sandbox), Relay(sandbox.url)
    client = SandboxClient(sandbox.url, settings)
    client.reset()
    client.act('webhooks', stripe=None, calendly=None)  # this process sends the deliveries
    server = shop_of(checkout, folder, settings | {'STRIPE_API_BASE': f'{relay.url}/stripe'})
    try:
        async with relay.open(), running(server):
            pages = await asyncio.to_thread(build_pages, server)
            shop = ConnectionPool(server.url)
            clicks = await click_in_turn(shop, WARM_UP)
            before = cpu_seconds(server)
            clicks += await click_in_turn(shop, CLICKS)
            click_cpu = (cpu_seconds(server) - before) / CLICKS
            sessions = [click.session.decode() for click in clicks]
            await asyncio.to_thread(pay, client, sessions)
            requests = await asyncio.to_thread(deliveries, settings, len(sessions))
            relay.read.clear()
            await send_all(shop, requests[:WARM_UP])
            before = cpu_seconds(server)
            outcome = await send_all(shop, requests[WARM_UP:])
            delivery_cpu = (cpu_seconds(server) - before) / CLICKS
            shop.close()
    finally:
        client.close()
    if outcome.refused:
        raise RuntimeError(f'{checkout} refused {len(outcome.refused)} deliveries: {server.log()[-2000:]}')
    assert relay.read >= {click.session for click in clicks}, (
        'a delivery was accepted without a read at Stripe'
    )
    own_share = median(Times.of(clicks[WARM_UP:], relay).own)
    return Speed(own_share, 1000 * click_cpu, outcome.rate, 1000 * delivery_cpu, pages)


def build_pages(server: Server) -> float:
    """Load the landing page several times; return how many builds a second would keep one core busy.

    It counts the processor time of the shop: the response itself contains a pause, after the part that can
    be seen.

    Raises:
        RuntimeError: a page came from the cache.
    """
    browser, before = LoadGenerator(server.url, BUILT, connections=1), 0.0
    for number in range(WARM_UP_PAGES + PAGES):
        if number == WARM_UP_PAGES:
            before = cpu_seconds(server)
        page = browser.run(number=1, keep=[])
        if page.unusable:
            raise RuntimeError('a landing page was not built')
        time.sleep(max(0.0, INTERVAL - page.seconds))
    spent = cpu_seconds(server) - before
    browser.close()
    return PAGES / spent


def pay(sandbox: SandboxClient, sessions: list[str]) -> None:
    """Pay every session, each as another customer."""
    for number, session in enumerate(sessions):
        sandbox.pay(session, email=f'customer{number}@example.test')


def deliveries(settings: dict[str, str], count: int) -> list[bytes]:
    """Read the events of all payments at the sandbox, and sign each as Stripe would deliver it."""
    events: list[dict[str, Any]] = []
    headers = {'Authorization': f'Bearer {settings["STRIPE_SECRET_KEY"]}'}
    query = {'type': 'checkout.session.completed', 'limit': '100'}
    with httpx.Client(base_url=settings['STRIPE_API_BASE'], headers=headers, trust_env=False) as stripe:
        more = True
        while more:
            after = {'starting_after': events[-1]['id']} if events else {}
            page = stripe.get('/v1/events', params=query | after).raise_for_status().json()
            events, more = events + page['data'], page['has_more']
    assert len(events) == count, f'{len(events)} events of {count} payments'
    secret, now = settings['STRIPE_WEBHOOK_SECRET'], time.time()
    return [signed(json.dumps(event).encode(), secret, now=now) for event in events]


async def compare(before: Path, after: Path, rounds: int) -> list[str]:
    """Measure both checkouts in turn; return the lines of a table."""
    seen: dict[Path, list[Speed]] = {before: [], after: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with running(new_sandbox(folder)) as sandbox:
            for number in range(rounds):
                for checkout in (before, after) if number % 2 == 0 else (after, before):
                    seen[checkout].append(await measure(checkout, sandbox, folder))
                    print(f'round {number + 1}, {checkout}: {seen[checkout][-1]}', flush=True)
    rows = []
    columns = zip(FIGURES, *(zip(*map(astuple, found), strict=True) for found in seen.values()), strict=True)
    for figure, old, new in columns:
        ratios = [each / base for base, each in zip(old, new, strict=True)]
        rows.append((figure, spread(old, 1), spread(new, 1), spread(ratios, 2)))
    return table(('figure', 'before', 'after', 'after ÷ before'), rows)


def main() -> None:
    """Read the options, measure, and print a table."""
    options = argparse.ArgumentParser(prog='python -m benchmarks.compare', description=__doc__)
    options.add_argument('--before', type=Path, required=True, metavar='DIR', help='the older checkout')
    options.add_argument(
        '--after', type=Path, default=ROOT, metavar='DIR', help='the newer one, default: this'
    )
    options.add_argument('--rounds', type=int, default=ROUNDS, help=f'default {ROUNDS}, about 40 s each')
    given = options.parse_args()
    before, after = given.before.resolve(), given.after.resolve()
    if before == after:
        options.error('--before and --after are the same folder')
    lines = asyncio.run(compare(before, after, given.rounds))
    print('', results.machine(), '', *lines, '', sep='\n')
    print(f'Medians of {given.rounds} rounds, followed by the least and the greatest.')


if __name__ == '__main__':
    main()
