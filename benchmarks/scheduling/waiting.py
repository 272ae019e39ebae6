"""Customers who have paid, have the page of their order open, and book a time on its calendar."""

import asyncio
import html
import re
import time
import uuid
from collections.abc import Sequence

import httpx

from benchmarks.pages.websocket_clients import PING, PONG, open_page
from tests.processes import Server
from tests.sandbox_client import SandboxClient

CALENDAR = re.compile(r'<iframe [^>]*src="([^"]+)"')
BOOKED = 'You are booked'
PAY_EVERY = 0.6  # seconds; the shop opens 120 payment pages a minute at most
TIMEOUT = 900.0  # seconds from the booking until the page says so


class Customer:
    """One customer, in a network of its own, as the limits count by network."""

    def __init__(self, number: int, shop: Server, sandbox: SandboxClient) -> None:
        self._number, self._shop, self._sandbox = number, shop, sandbox
        self._path, self._page = '', ''

    async def pay(self) -> None:
        """Buy, and open the page of the order.

        Raises:
            RuntimeError: there is no payment page, or no calendar on the page.
        """
        address = f'127.{10 + self._number // 200}.{self._number % 200}.1'
        transport = httpx.AsyncHTTPTransport(local_address=address)
        async with httpx.AsyncClient(
            base_url=self._shop.url, transport=transport, timeout=60, trust_env=False
        ) as http:
            opened = await http.post('/checkout')
            location = opened.headers.get('location', '')
            if '/stripe/pay/' not in location:
                raise RuntimeError(f'no payment page: {opened.status_code} {location}')
            who = {'email': f'{uuid.uuid4()}@example.com', 'name': f'Customer {uuid.uuid4()}'}
            paid = await asyncio.to_thread(self._sandbox.pay, location, **who)
            arrived = await http.get(paid['redirect'])
            self._path = arrived.headers['location']
            self._page = (await http.get(self._path)).text

    async def book(self) -> float:
        """Connect the page, book the first free time, and wait until the page says so.

        Returns:
            The seconds from the booking until then.

        Raises:
            RuntimeError: the page has no calendar, or cannot be connected.
            TimeoutError: the page does not say it.
        """
        async with open_page(self._shop.url, self._page.encode()) as websocket:
            await asyncio.to_thread(self._sandbox.book, self._calendar())
            started = time.monotonic()
            async with asyncio.timeout(TIMEOUT):
                async for message in websocket:
                    if message == PING:
                        await websocket.send(PONG)
                    elif BOOKED in str(message):
                        return time.monotonic() - started
        raise RuntimeError('the shop closed the connection')

    def _calendar(self) -> str:
        frame = CALENDAR.search(self._page)
        if frame is None:
            raise RuntimeError('no calendar on the page')
        return html.unescape(frame[1])


async def all_at_once(customers: Sequence[Customer]) -> list[float]:
    """Let all pay one after the other, and then book in the same second; return what each waited."""
    for customer in customers:
        await asyncio.gather(customer.pay(), asyncio.sleep(PAY_EVERY))
    return await asyncio.gather(*(customer.book() for customer in customers))


async def in_turn(customers: Sequence[Customer], *, every: float) -> list[float]:
    """Let a customer come, pay and book every so many seconds; return what each waited."""

    async def come(number: int, customer: Customer) -> float:
        await asyncio.sleep(number * every)
        await customer.pay()
        return await customer.book()

    return await asyncio.gather(*(come(number, customer) for number, customer in enumerate(customers)))
