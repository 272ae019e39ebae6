"""Attention: what needs the operator's hand, read from the facts; he may snooze it or say that it is done."""

import enum
from dataclasses import dataclass
from datetime import datetime

from services.money import Money


class AttentionKind(enum.StrEnum):
    """What is the matter."""

    DISPUTE = 'dispute'
    FRAUD_WARNING = 'fraud warning'
    MISMATCH = 'mismatch'
    PAID_TWICE = 'paid twice'
    REFUNDED_BOOKED = 'refunded but booked'
    UNMATCHED = 'unmatched booking'
    UNBOOKED = 'paid but not booked'
    UNDER_REVIEW = 'under review'
    EFFECT = 'failed effect'
    MAIL = 'failed mail'
    DELIVERY = 'failed delivery'
    CHECK = 'problem of the shop'


@dataclass(frozen=True)
class Matter:
    """One thing that needs a hand, as the ledger knows it; times in UTC.

    Attributes:
        kind: what is the matter.
        target: what it is about: the id of an order, a mail, an effect, a delivery or a meeting.
        cause: tells one occurrence from the next: what is done comes back with another cause.
        since: since when.
        order_id: the order that it concerns, '' where there is none.
        reference: of that order.
        name: of the customer, or of who booked.
        email: of the same.
        detail: a word of the kind: why a meeting is unmatched, which effect or mail, what differs.
        error: what was answered.
        money: what it is about, where it is money.
        deadline: until when it must be done.
        start: when the meeting begins, where it is about one.
        payment_id: Stripe's id of the payment, '' where there is none.
        mode: of the order's environment.
    """

    kind: AttentionKind
    target: str
    cause: str
    since: datetime
    order_id: str = ''
    reference: str = ''
    name: str = ''
    email: str = ''
    detail: str = ''
    error: str = ''
    money: Money | None = None
    deadline: datetime | None = None
    start: datetime | None = None
    payment_id: str = ''
    mode: str = ''
