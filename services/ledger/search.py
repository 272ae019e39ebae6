"""Search: the orders as the operator lists them, page by page."""

import enum
from dataclasses import dataclass
from datetime import datetime

from services.money import Money
from services.orders import State


class SortKey(enum.StrEnum):
    """The time by which orders are listed."""

    CREATED = 'created'
    PAID = 'paid'


class Booked(enum.StrEnum):
    """Whether the time of an order that opens its calendar is booked."""

    YES = 'yes'
    NO = 'no'
    UNKNOWN = 'unknown'


@dataclass(frozen=True)
class Position:
    """A place in a list: the time that it is sorted by, in UTC, and the id of the order there."""

    at: datetime
    order_id: str


@dataclass(frozen=True)
class ListedOrder:
    """An order as a list shows it; times in UTC.

    Attributes:
        booked: whether a time is booked; None where the order opens no calendar.
        meeting: when the next meeting of the order begins, or its last one.
        card_last4: the last four digits of the card, '' where they are not known.
        dispute_due_at: until when an open dispute must be answered.
    """

    id: str
    reference: str
    state: State
    mode: str
    created_at: datetime
    completed_at: datetime | None
    title: str
    paid: Money
    refunded: Money | None
    name: str
    email: str
    card_last4: str
    booked: Booked | None
    meeting: datetime | None
    duplicate_of: str
    fraud_warning: bool
    dispute_due_at: datetime | None
