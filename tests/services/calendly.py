"""Calendly in tests: it delivers what happened in the sandbox when a test says so."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx

from services.orders import Order
from services.shop import Shop
from tests.factories import signed
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer, fulfilled

RETRY = timedelta(minutes=2)
INVITEE = 'GET /scheduled_events/'


class Calendly:
    """Calendly, which delivers what happened in the sandbox when a test says so."""

    def __init__(self, endpoints: httpx.AsyncClient, sandbox: SandboxClient, key: str) -> None:
        self.endpoints = endpoints
        self.sandbox = sandbox
        self.key = key
        self.number = 0

    async def book(self, url: str, **how: str) -> dict[str, Any]:
        """Book a time on the order's calendar."""
        return await asyncio.to_thread(self.sandbox.book, url, **how)

    async def move(self, invitee: dict[str, Any]) -> dict[str, Any]:
        """Move a meeting to another time; returns the new invitee, who has no tracking."""
        moved = await asyncio.to_thread(self.sandbox.act, 'reschedule', invitee=invitee['uri'])
        assert not any(moved['tracking'].values())
        assert moved['old_invitee'] == invitee['uri']
        return moved

    def invitee(self, uri: str) -> dict[str, Any]:
        """Return an invitee as it is now."""
        found: list[dict[str, Any]] = self.sandbox.state()['invitees']
        return next(invitee for invitee in found if invitee['uri'] == uri)

    async def deliver(self, uri: str, kind: str = 'invitee.created', **changes: Any) -> httpx.Response:
        """Deliver an invitee as it is now."""
        invitee = self.invitee(uri)
        hour = {'start_time': '2030-12-02T15:00:00Z', 'end_time': '2030-12-02T16:00:00Z'}
        payload = invitee | {'scheduled_event': hour} | changes
        return await self.post({'event': kind, 'created_at': self._stamp(), 'payload': payload})

    async def post(self, event: Any, key: str = '', path: str = '/webhooks/calendly') -> httpx.Response:
        """Deliver something, signed."""
        body = json.dumps(event).encode()
        header = signed(body, key or self.key)['Stripe-Signature']
        headers = {'Calendly-Webhook-Signature': header}
        return await self.endpoints.post(path, content=body, headers=headers)

    def _stamp(self) -> str:
        self.number += 1
        return f'2026-11-23T12:00:00.{self.number:06}Z'


async def a_calendar(customer: Customer) -> tuple[Order, str]:
    """Return a paid order and its calendar's URL."""
    paid = await fulfilled(customer, await customer.buy())
    url = await customer.shop.calendar.url(paid)
    assert url
    return await customer.order_of(paid.session_id or ''), url


def rows(shop: Shop) -> list[Any]:
    """Return Calendly's deliveries in the ledger."""
    query = "SELECT handled_at, error, next_try, tries FROM deliveries WHERE source = 'calendly'"
    with shop.ledger.store.engine.connect() as connection:
        return list(connection.exec_driver_sql(query))
