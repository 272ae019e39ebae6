"""The statements that every payment needs, built once: writing one anew takes longer than running it."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Update,
    and_,
    bindparam,
    case,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from services.database import schema
from services.orders import Order

BESIDE = 20  # of one customer's payments that are looked at; who has made more is flagged long since


@cache
def add() -> Insert:
    """Write an order down."""
    return insert(schema.orders)


@cache
def find_by(column: str) -> Select[Any]:
    """Ask for the order that has a ``key`` in this column."""
    return select(schema.orders).where(schema.orders.c[column] == bindparam('key'))


@cache
def move() -> Update:
    """Change the order ``which`` if it is still in the version ``seen``."""
    orders = schema.orders.c
    return update(schema.orders).where(orders.id == bindparam('which'), orders.version == bindparam('seen'))


@cache
def write_line() -> Insert:
    """Write a line of the journal."""
    return insert(schema.journal)


@cache
def open_siblings() -> Select[Any]:
    """Ask for the orders that ``same`` tells of whose sessions can still be paid."""
    orders = schema.orders.c
    return select(schema.orders).where(
        orders.browser_hash == bindparam('browser_hash'),
        orders.completed_at.is_(None),
        orders.session_status == 'open',
        orders.offer == bindparam('offer'),
        orders.environment == bindparam('environment'),
        orders.id != bindparam('id'),
    )


@cache
def paid_beside() -> Select[Any]:
    """Ask for the paid orders that are like the one that ``likeness`` tells of, oldest first."""
    orders = schema.orders.c
    like = or_(
        orders.browser_hash == bindparam('browser_hash'),
        func.lower(orders.email) == bindparam('email'),
        orders.card_fingerprint == bindparam('card'),
    )
    query = select(schema.orders).where(
        like,
        orders.completed_at >= bindparam('since'),
        orders.completed_at <= bindparam('until'),
        orders.id != bindparam('id'),
        orders.payment_status == 'paid',
        orders.amount_refunded < orders.amount_total,
        orders.environment == bindparam('environment'),
        orders.offer == bindparam('offer'),
    )
    return query.order_by(orders.completed_at).limit(BESIDE)


@cache
def record(into: Any) -> Any:
    """Note a delivery and tell when it was settled, if it was.

    Args:
        into: the dialect's way to insert.
    """
    table = schema.deliveries
    put = into(table)
    unhandled = table.c.handled_at.is_(None)
    again = {
        'tries': table.c.tries + 1,
        'due_at': case((unhandled, put.excluded.due_at), else_=null()),
        'payload': case((unhandled, put.excluded.payload), else_=''),
    }
    put = put.on_conflict_do_update(index_elements=[table.c.source, table.c.event_id], set_=again)
    return put.returning(table.c.handled_at)


@cache
def mark_handled() -> Update:
    """Change what is written of one delivery."""
    return update(schema.deliveries).where(same_delivery())


@cache
def tries() -> Select[Any]:
    """Ask how often one delivery was tried, and since when."""
    return select(schema.deliveries.c.tries, schema.deliveries.c.received_at).where(same_delivery())


@cache
def same_delivery() -> ColumnElement[bool]:
    """Whether a delivery is the one that came ``by`` this sender under the id ``which``."""
    deliveries = schema.deliveries.c
    return and_(deliveries.source == bindparam('by'), deliveries.event_id == bindparam('which'))


def same(order: Order) -> dict[str, Any]:
    """Tell what others of the same browser and offer have in common with an order."""
    return {
        'browser_hash': order.browser_hash,
        'offer': order.offer,
        'environment': order.environment.mode,
        'id': order.id,
    }


def likeness(order: Order, completed_at: datetime, within: timedelta) -> dict[str, Any]:
    """Tell what repeats a payment would have in common with it; nothing is like what is not known."""
    known = {
        'browser_hash': order.browser_hash,
        'email': order.facts.email.lower(),
        'card': order.facts.card_fingerprint,
    }
    alike = {name: value or None for name, value in known.items()}
    return same(order) | alike | {'since': completed_at - within, 'until': completed_at + within}
