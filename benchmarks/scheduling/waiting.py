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

CALENDAR = re.compile(r'<iframe [^>]*src="([^"]+)"|"src":"([^"]*/calendly/[^"]*)"')
"""In the page, or in a message to it: where many pay at once, a link waits for Calendly's limit."""
BOOKED = 'You are booked'
PAY_EVERY = 0.6  # seconds; the shop opens 120 payment pages a minute at most
TIMEOUT = 1200.0  # seconds for one customer


class Customer:
    """One customer, in a network of its own, as the limits count by network."""

    def __init__(self, number: int, shop: Server, sandbox: SandboxClient) -> None:
        self._address = f'127.{10 + number // 200}.{number % 200}.1'
        self._shop, self._sandbox = shop, sandbox

    async def buy_and_book(self, start: asyncio.Barrier) -> float:
        """Buy, open the page of the order, book the first free time, and wait until the page says so.

        Args:
            start: how many customers book at the same time.

        Returns:
            The seconds from the booking until the page says so.

        Raises:
            RuntimeError: there is no payment page.
            TimeoutError: there is no calendar, or the page does not say it.
        """
        page, booking = await self._buy(), None
        async with (
            asyncio.timeout(TIMEOUT),
            open_page(self._shop.url, page.encode()) as websocket,
            asyncio.TaskGroup() as group,
        ):
            message = page
            while True:
                if booking is None and (found := CALENDAR.search(message)):
                    booking = group.create_task(self._book(found[1] or found[2], start))
                if booking and BOOKED in message:
                    return time.monotonic() - await booking
                if message == PING:
                    await websocket.send(PONG)
                message = str(await websocket.recv())

    async def _buy(self) -> str:
        """Buy; returns the page of the order."""
        transport = httpx.AsyncHTTPTransport(local_address=self._address)
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
            return (await http.get(arrived.headers['location'])).text

    async def _book(self, url: str, start: asyncio.Barrier) -> float:
        """Book a time; returns when that was."""
        await start.wait()
        await asyncio.to_thread(self._sandbox.book, html.unescape(url))
        return time.monotonic()


async def all_at_once(customers: Sequence[Customer]) -> list[float]:
    """Let all pay one after the other, and then book in the same second; return what each waited."""
    return await _come(customers, asyncio.Barrier(len(customers)), every=PAY_EVERY)


async def in_turn(customers: Sequence[Customer], *, every: float) -> list[float]:
    """Let a customer come, pay and book every so many seconds; return what each waited."""
    return await _come(customers, asyncio.Barrier(1), every=every)


async def _come(customers: Sequence[Customer], start: asyncio.Barrier, *, every: float) -> list[float]:
    async def come(number: int, customer: Customer) -> float:
        await asyncio.sleep(number * every)
        return await customer.buy_and_book(start)

    return await asyncio.gather(*(come(number, customer) for number, customer in enumerate(customers)))
