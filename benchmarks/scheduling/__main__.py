"""Measure how soon a page shows a booking without webhooks. Run: ``python -m benchmarks.scheduling``.

Calendly's free plan allows 50 calls a minute for everything that uses a token
(developer.calendly.com/api-docs/overview/rate-limits). A booking costs at least one of them, because the list
of meetings does not tell whose they are.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

from benchmarks.scheduling.waiting import Customer, all_at_once, in_turn
from benchmarks.shared import results
from benchmarks.shared.servers import SHOP, new_sandbox, new_server, running, sandbox_settings
from benchmarks.shared.tables import table
from tests.sandbox_client import SandboxClient

TITLE = 'Bookings that are read, without webhooks'
ALLOWED = 50  # calls in any minute
HEADS = ('customers', 'come within', 'most calls in any minute', 'all calls', 'median', 'p95', 'slowest')
NOTES = (
    'Command: `python -m benchmarks.scheduling`. Each row has a shop without `CALENDLY_WEBHOOK_SIGNING_KEY`',
    'and a sandbox of its own, on the plan that allows 50 calls a minute; the rows run at the same time. A',
    'customer pays, has the page of the order open, and books at once. The times are from the booking until',
    'the page says “You are booked”. The sandbox counts all calls: for the check of the calendar, links,',
    'lists and invitees. Each booking needs a call of its own, so the last of 200 in the same second cannot',
    'be known before four minutes have passed. Until then Calendly’s confirmation stands in the frame.',
)


@dataclass(frozen=True)
class Case:
    """Some customers, and how they come."""

    customers: int
    within: str
    wait: Callable[[Sequence[Customer]], Awaitable[list[float]]]


CASES = (
    Case(20, '100 s', lambda customers: in_turn(customers, every=5)),
    Case(100, '5 min', lambda customers: in_turn(customers, every=3)),
    Case(200, '12 min', lambda customers: in_turn(customers, every=3.6)),
    Case(200, 'the same second', all_at_once),
)


async def measure(folder: Path, cases: Sequence[Case]) -> list[str]:
    """Run all cases at the same time; return the lines of the section."""
    starting = asyncio.Lock()
    rows = await asyncio.gather(*(_run(folder / f'case-{i}', case, starting) for i, case in enumerate(cases)))
    return [*table(HEADS, rows), '', *NOTES]


async def _run(folder: Path, case: Case, starting: asyncio.Lock) -> list[str]:
    async with AsyncExitStack() as stack:
        async with starting:  # one after the other: all at once would take too long
            server = await stack.enter_async_context(running(new_sandbox(folder, '--calendly-plan=free')))
            sandbox = SandboxClient(server.url, sandbox_settings(server))
            shop = new_server('shop', SHOP, folder, sandbox.settings | {'CALENDLY_WEBHOOK_SIGNING_KEY': ''})
            await stack.enter_async_context(running(shop))
        webhooks = {'stripe': f'{shop.url}/webhooks/stripe', 'calendly': None}
        await asyncio.to_thread(sandbox.act, 'webhooks', **webhooks)
        await asyncio.to_thread(sandbox.act, 'free-times', starts=_hours(datetime.now(UTC)))
        waited = await case.wait([Customer(number, shop, sandbox) for number in range(case.customers)])
        calls = await asyncio.to_thread(sandbox.calls)
        sandbox.close()
    most = calls['most_in_a_minute']
    print(case.customers, case.within, calls, sorted(round(each, 1) for each in waited), flush=True)
    return [
        f'{case.customers}',
        case.within,
        f'{most} of {ALLOWED}{"" if most <= ALLOWED else ", MISSED"}',
        f'{calls["total"]}',
        *(f'{seconds:.1f} s' for seconds in (median(waited), quantiles(waited, n=20)[18], max(waited))),
    ]


def _hours(now: datetime) -> list[str]:
    """Return the start of every hour of two weeks: enough for all customers."""
    first = now.replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    return [(first + timedelta(hours=number)).isoformat() for number in range(14 * 24)]


if __name__ == '__main__':
    options = argparse.ArgumentParser(prog='python -m benchmarks.scheduling', description=__doc__)
    options.add_argument('--quick', action='store_true', help='the first row alone; writes nothing')
    quick = options.parse_args().quick
    with tempfile.TemporaryDirectory() as temporary:
        lines = asyncio.run(measure(Path(temporary), CASES[:1] if quick else CASES))
    print('\n'.join(lines)) if quick else results.write(TITLE, lines)
