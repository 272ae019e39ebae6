"""One order: everything that its page shows, in one value."""

from dataclasses import dataclass
from datetime import datetime

from services.ledger import UnmatchedBooking
from services.ledger.records import EffectKind, EffectState, MailState
from services.ledger.search import Booked
from services.orders import AlertKind, Booking, Cause, MailKind, Order


@dataclass(frozen=True)
class TimelineEntry:
    """One move of the order, when it happened (UTC), who caused it, and the person who acted, if one did."""

    at: datetime
    line: str
    because: Cause
    actor: str


@dataclass(frozen=True)
class SentMail:
    """A mail of the order, and what became of it; times in UTC."""

    id: str
    kind: MailKind
    recipient: str
    state: MailState
    due_at: datetime
    finished_at: datetime | None
    tries: int
    error: str


@dataclass(frozen=True)
class ToldAlert:
    """What the operator was told about the order by mail, and when (UTC)."""

    kind: AlertKind
    text: str
    at: datetime


@dataclass(frozen=True)
class KnownEffect:
    """Something done elsewhere because of the order, and what became of it; times in UTC."""

    id: int
    kind: EffectKind
    target: str
    state: EffectState
    tries: int
    created_at: datetime
    finished_at: datetime | None
    next_try: datetime | None
    error: str


@dataclass(frozen=True)
class NamingDelivery:
    """A delivery that names the order and has not been processed yet."""

    source: str
    event_id: str
    kind: str
    received_at: datetime
    tries: int
    error: str


@dataclass(frozen=True)
class RelatedOrder:
    """Another order of the same customer."""

    reference: str
    state: str
    created_at: datetime
    why: str


@dataclass(frozen=True)
class OrderDetails:
    """Everything about one order.

    Attributes:
        order: as it is now.
        sentence: what it is, in one sentence.
        booked: whether a time is booked; None where the order opens no calendar.
        bookings: its meetings, the earliest first, with canceled ones.
        timeline: its journal, the oldest line first.
        mails: its mails.
        alerts: what the operator was told about it.
        effects: what is to be done elsewhere or was, the newest first.
        unmatched: meetings of this order that it did not pay for in this form.
        attachable: unmatched meetings of no order with this customer's e-mail or name.
        deliveries: those that name it and failed.
        related: other orders of the same customer, and the one that this one repeats.
        stripe_url: the payment in Stripe's Dashboard, '' where there is none.
        calendly_url: Calendly's list of meetings, '' where the order has none.
        customer_url: the page that the customer sees.
        zone: the name of the shop's time zone.
    """

    order: Order
    sentence: str
    booked: Booked | None
    bookings: tuple[Booking, ...]
    timeline: tuple[TimelineEntry, ...]
    mails: tuple[SentMail, ...]
    alerts: tuple[ToldAlert, ...]
    effects: tuple[KnownEffect, ...]
    unmatched: tuple[UnmatchedBooking, ...]
    attachable: tuple[UnmatchedBooking, ...]
    deliveries: tuple[NamingDelivery, ...]
    related: tuple[RelatedOrder, ...]
    stripe_url: str
    calendly_url: str
    customer_url: str
    zone: str
