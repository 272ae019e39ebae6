"""Totals: money and bookings by day, and the meetings of some days."""

from dataclasses import dataclass
from datetime import datetime

from services.money import Money
from services.orders import Booking, State


@dataclass(frozen=True)
class Span:
    """From one point in time to another, in UTC; the end does not belong to it."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Sum:
    """What was paid in a span, in one currency.

    Attributes:
        taken: what customers paid, refunds and lost disputes deducted.
        back: what was refunded or lost of it until now.
        payments: how many payments.
    """

    taken: Money
    back: Money
    payments: int


@dataclass(frozen=True)
class ComingMeeting:
    """A booking with what is to know of its order."""

    booking: Booking
    order_id: str
    reference: str
    title: str
    name: str
    email: str
    phone: str
    state: State
