"""How orders and bookings become rows, and rows orders and bookings."""

from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Row

from services.money import Money
from services.orders import Booking, Environment, Facts, Order

FACTS = tuple(field.name for field in fields(Facts))


def columns_of(changes: dict[str, Any]) -> dict[str, Any]:
    """Spread the parts of an order that are values of their own over their columns."""
    columns = dict(changes)
    if 'facts' in columns:
        columns |= asdict(columns.pop('facts'))
    return columns


def values_of(order: Order) -> dict[str, Any]:
    """Return an order's columns and their values."""
    values = {field.name: getattr(order, field.name) for field in fields(Order)}
    environment, expected = values.pop('environment'), values.pop('expected')
    values |= {'environment': environment.mode, 'account': environment.account}
    values |= {'amount': expected.amount, 'currency': expected.currency}
    return columns_of(values)


def order_from_row(row: Row[Any]) -> Order:
    """Make an order of its row."""
    values = dict(row._mapping)
    del values['due_at']  # when to look again is the ledger's business
    facts = Facts(**{name: values.pop(name) for name in FACTS})
    environment = Environment(values.pop('environment'), values.pop('account'))
    expected = Money(values.pop('amount'), values.pop('currency'))
    return Order(**values, facts=facts, environment=environment, expected=expected)


def booking_from_row(row: Row[Any]) -> Booking:
    """Make a booking of its row."""
    values = dict(row._mapping)
    del values['order_id']
    return Booking(**values)
