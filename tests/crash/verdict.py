"""The verdict: what was paid at the sandbox, held against the ledger, the journal and the pages."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from sqlalchemy import Engine, select

from services.database import schema
from services.database.engine import engine_for
from services.ledger.mapping import order_from_row
from services.orders import Order, State
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient

PATIENCE = 15.0  # seconds until a page shows its calendar


@dataclass
class Tally:
    """What was found wrong, in words; empty lists are good news."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)

    def __add__(self, other: 'Tally') -> 'Tally':
        """Put two together."""
        return Tally(self.lost + other.lost, self.doubled + other.doubled, self.pages + other.pages)


class Books:
    """The ledger of a shop, read beside it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def orders(self) -> list[Order]:
        """Return all orders."""
        with self._engine.connect() as connection:
            return [order_from_row(row) for row in connection.execute(select(schema.orders))]

    def became_paid(self) -> Counter[str]:
        """Count, for each order's id, the lines of the journal that say it became paid."""
        lines = select(schema.journal.c.order_id).where(schema.journal.c.line.like('%→ paid%'))
        with self._engine.connect() as connection:
            return Counter(connection.scalars(lines))

    def paid_sessions(self) -> list[str]:
        """Return the session of each paid order."""
        return [str(order.session_id) for order in self.orders() if order.state is State.PAID]


@contextmanager
def books(database_url: str) -> Iterator[Books]:
    """Open the ledger at an address."""
    engine = engine_for(database_url, connections=2)
    yield Books(engine)
    engine.dispose()


def judge(books: Books, sandbox: SandboxClient) -> Tally:
    """Compare the money with the ledger: every payment is paid there once, and nothing else is."""
    orders, became_paid = books.orders(), books.became_paid()
    paid = {each['id'] for each in sandbox.state()['sessions'] if each['payment_status'] == 'paid'}
    known = Counter(str(order.session_id) for order in orders if order.state is State.PAID)
    buyers = Counter(
        order.browser_hash for order in orders if order.session_id in paid and order.browser_hash
    )
    return Tally(
        lost=[f'{session} is not paid in the ledger' for session in sorted(paid - known.keys())],
        doubled=[
            *(f'{session} is paid {count} times' for session, count in known.items() if count > 1),
            *(f'{session} was never paid' for session in known.keys() - paid),
            *(f'a browser paid {count} times' for count in buyers.values() if count > 1),
            *(
                f'order {order} became paid {count} times'
                for order, count in became_paid.items()
                if count > 1
            ),
        ],
    )


def look_at_pages(orders: Iterable[Order], url: str) -> Tally:
    """Open the page of each order: a paid one gives its own calendar, any other none."""
    wrong = []
    with httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False, verify=False) as http:
        for order in orders:
            if complaint := _wrong_with(order, http):
                wrong.append(f'order {order.reference} ({order.state}): {complaint}')
    return Tally(pages=wrong)


def _wrong_with(order: Order, http: httpx.Client) -> str:
    def shows_calendar() -> bool:
        page = http.get(f'/order/{order.token}').raise_for_status().text
        return f'utm_content={order.booking_key}' in page

    if order.state is not State.PAID:
        return 'a calendar is shown' if shows_calendar() else ''
    try:
        wait_until(shows_calendar, seconds=PATIENCE, why='the calendar')
    except TimeoutError:
        return 'no calendar is shown'
    return ''
