"""Orders and bookings as rows, and rows as orders and bookings."""

from dataclasses import fields
from typing import Any

from sqlalchemy import Row

from services.money import Money
from services.orders import (
    Booking,
    BookingState,
    Canceler,
    Environment,
    Facts,
    Order,
    PriceAdjustments,
    Purchase,
)

DERIVED = ('state', 'active_bookings', 'next_check', 'delete_at')
"""Columns of the ledger for lists and schedules, which are no fields of an order."""
FACTS = tuple(field.name for field in fields(Facts))
BOOKING = tuple(field.name for field in fields(Booking))


def columns_of(changes: dict[str, Any]) -> dict[str, Any]:
    """Return changes of an order as columns; facts are spread over a column each."""
    columns = dict(changes)
    if 'facts' in columns:
        facts = columns.pop('facts')
        columns |= {name: getattr(facts, name) for name in FACTS}
    return columns


def values_of(order: Order) -> dict[str, Any]:
    """Return an order as a row, with its derived state."""
    values = {field.name: getattr(order, field.name) for field in fields(Order)}
    environment, allowed = values.pop('environment'), values.pop('allowed')
    purchase = {field.name: getattr(order.purchase, field.name) for field in fields(Purchase)}
    del values['purchase'], purchase['price']
    values |= purchase | {'amount': order.purchase.price.amount, 'currency': order.purchase.price.currency}
    values |= {'state': order.state, 'environment': environment.mode, 'account': environment.account}
    values |= {'discounts_allowed': allowed.discounts, 'taxes_allowed': allowed.taxes}
    return columns_of(values)


def order_from_row(row: Row[Any]) -> Order:
    """Return a row as an order."""
    values = dict(row._mapping)
    for name in DERIVED:
        del values[name]
    facts = Facts(**{name: values.pop(name) for name in FACTS})
    environment = Environment(values.pop('environment'), values.pop('account'))
    allowed = PriceAdjustments(values.pop('discounts_allowed'), values.pop('taxes_allowed'))
    purchase = Purchase(
        offer=values.pop('offer'),
        title=values.pop('title'),
        minutes=values.pop('minutes'),
        sessions=values.pop('sessions'),
        price_id=values.pop('price_id'),
        price=Money(values.pop('amount'), values.pop('currency')),
    )
    return Order(**values, facts=facts, environment=environment, allowed=allowed, purchase=purchase)


def booking_from_row(row: Row[Any]) -> Booking:
    """Return a row as a booking."""
    values = {name: row._mapping[name] for name in BOOKING}
    kinds = {'state': BookingState(values['state']), 'canceled_by': Canceler(values['canceled_by'])}
    return Booking(**values | kinds)
