"""What the ledger keeps beside orders: moves, deliveries, and how far Stripe's lists were read."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class JournalLine:
    """One move of an order: which version it made, when (UTC), who caused it and what it was."""

    version: int
    at: datetime
    because: str
    line: str


@dataclass(frozen=True)
class Delivery:
    """One signed delivery: who sent it, the sender's id for it, and what kind of event it names.

    ``payload`` is what it takes to work it again without the sender; it is forgotten once it is settled.
    """

    source: str
    event_id: str
    kind: str
    payload: str = field(default='', repr=False)


@dataclass(frozen=True)
class ListCursor:
    """How far one of Stripe's lists was read: all that was created before ``since`` has been seen.

    While a reading is under way, it goes from ``until`` back to ``since``, and has come as far as ``after``.
    """

    name: str
    since: datetime
    until: datetime | None = None
    after: str = ''
