"""A shop that mails: how tests read what is written down, and what the sandbox has taken."""

from typing import Any

from sqlalchemy import select

from services.database import schema
from services.ledger import MailState
from services.messages import MailSender
from services.orders import Order
from services.shop import Shop
from tests.services.conftest import Customer, fulfilled

OPERATOR = 'operator@coach.test'


def sender_of(shop: Shop) -> MailSender:
    """Return the sender of a shop that has one."""
    assert shop.mail_sender is not None
    return shop.mail_sender


async def send_all(shop: Shop) -> int:
    """Send every mail that is due; return how many were looked at."""
    number = 0
    while await sender_of(shop).send_next():
        number += 1
    return number


async def mails_of(shop: Shop) -> dict[str, MailState]:
    """Return the state of each mail in the ledger by its kind; the tests have one order."""
    rows = await shop.ledger.store.read(select(schema.mails).order_by(schema.mails.c.created_at))
    return {row.kind: MailState(row.state) for row in rows}


async def rows_of(shop: Shop) -> list[Any]:
    """Return all rows of mails."""
    return await shop.ledger.store.read(select(schema.mails).order_by(schema.mails.c.id))


async def alerts_of(shop: Shop) -> list[str]:
    """Return the kinds of all alerts, sorted."""
    rows = await shop.ledger.store.read(select(schema.alerts.c.kind))
    return sorted(row.kind for row in rows)


async def paid(customer: Customer, **options: str) -> Order:
    """Buy, and have the payment written down."""
    return await fulfilled(customer, await customer.buy(**options))
