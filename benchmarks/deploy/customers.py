"""Customers who read pages and buy, each from an IP address of its own, and what they notice."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.caddy import Proxy
from tests.sandbox_client import SandboxClient

CUSTOMERS = 12
PAUSE = 0.25  # seconds between two pages
PAGES = 28  # read before each purchase; the shop opens 120 payment pages a minute at most
SLOW = 5.0  # seconds; who waits longer for a page has noticed something
TIMEOUT = 40.0


@dataclass
class Noticed:
    """What customers have met, counted by all of them together."""

    requests: int = 0
    failed: list[str] = field(default_factory=list)
    slowest: float = 0.0
    purchases: int = 0
    completed: int = 0
    customers: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def row(self, what: str) -> str:
        """Write it as a row of a table."""
        return (
            f'| {what} | {self.requests} | {len(self.failed)} | {self.slowest:.1f} s '
            f'| {self.completed} of {self.purchases} | {len(self.customers)} of {CUSTOMERS} |'
        )


HEADING = (
    '| what happened | requests | failed | slowest | purchases completed | customers who noticed |',
    '|---|--:|--:|--:|--:|--:|',
)


class Customer:
    """One address at which people read and buy, without script."""

    def __init__(
        self, number: int, proxy: Proxy, sandbox: SandboxClient, noticed: Noticed, *, pages: int
    ) -> None:
        self._number, self._sandbox, self._noticed = number, sandbox, noticed
        self._pages = pages
        self._email = f'customer-{number}@example.com'
        # A network of its own, as customers have: the limits count by network.
        transport = httpx.HTTPTransport(verify=proxy.trust(), local_address=f'127.{10 + number}.0.1')
        self._http = httpx.Client(base_url=proxy.url, transport=transport, timeout=TIMEOUT, trust_env=False)

    def live(self, ended: threading.Event) -> None:
        """Read pages and buy until it is over."""
        number = self._number  # not all of them buy in the same moment
        while not ended.is_set():
            number += 1
            if number % self._pages:
                self._send('GET', '/')
            else:
                self._buy()
                self._http.cookies.clear()  # the next one is new: who has paid is not offered to pay again
            ended.wait(PAUSE)
        self._http.close()

    def _buy(self) -> None:
        with self._noticed.lock:
            self._noticed.purchases += 1
        opened = self._send('POST', '/checkout', data={'shown': ''})
        if opened is None or opened.status_code >= 400:
            return  # counted already
        if '/stripe/pay/' not in opened.headers.get('location', ''):
            self._notice('no payment page')
            return
        session = opened.headers['location'].rpartition('/')[2].partition('#')[0]
        name = f'Customer {self._number} {time.monotonic_ns()}'
        self._sandbox.pay(session, email=f'{time.monotonic_ns()}-{self._email}', name=name)
        order = self._send('GET', f'/success?session_id={session}')
        page = order and self._send('GET', order.headers.get('location', '/'))
        if page and 'Payment Successful' in page.text:
            with self._noticed.lock:
                self._noticed.completed += 1
        elif page:  # else it is counted already
            self._notice('paid, and no order page')

    def _send(
        self, method: str, path: str, *, data: Mapping[str, str] | None = None
    ) -> httpx.Response | None:
        started = time.monotonic()
        try:
            response = self._http.request(method, path, data=data)
            failed = f'status {response.status_code}' if response.status_code >= 400 else ''
        except httpx.TransportError as error:
            response, failed = None, type(error).__name__
        took = time.monotonic() - started
        with self._noticed.lock:
            self._noticed.requests += 1
            self._noticed.slowest = max(self._noticed.slowest, took)
        if failed:
            self._notice(f'{method} {page_of(path)}: {failed}')
        elif took > SLOW:
            with self._noticed.lock:
                self._noticed.customers.add(self._number)
        return response

    def _notice(self, what: str) -> None:
        with self._noticed.lock:
            self._noticed.failed.append(what)
            self._noticed.customers.add(self._number)


def page_of(path: str) -> str:
    """Return the first part of a path: what follows it may be a secret."""
    return '/' + path[1:].partition('?')[0].partition('/')[0]


@contextmanager
def shopping(proxy: Proxy, sandbox: SandboxClient, *, pages: int = PAGES) -> Iterator[Noticed]:
    """Let customers read and buy while the block runs; yields what they notice.

    Args:
        proxy: where they shop.
        sandbox: where they pay.
        pages: how many pages each reads before a purchase.
    """
    noticed, ended = Noticed(), threading.Event()
    customers = [Customer(number, proxy, sandbox, noticed, pages=pages) for number in range(CUSTOMERS)]
    threads = [threading.Thread(target=customer.live, args=[ended]) for customer in customers]
    for thread in threads:
        thread.start()
    try:
        yield noticed
    finally:
        ended.set()
        for thread in threads:
            thread.join(TIMEOUT)
