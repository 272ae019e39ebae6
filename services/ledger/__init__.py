"""The ledger: orders, bookings, deliveries and their journal, in one database."""

from services.database.store import Store, connect
from services.ledger.ledger import Ledger
from services.ledger.records import (
    Delivery,
    Effect,
    EffectKind,
    EffectState,
    JournalLine,
    ListCursor,
    Source,
    UnmatchedBooking,
    UnmatchedReason,
    UnmatchedState,
)

__all__ = [
    'Delivery',
    'Effect',
    'EffectKind',
    'EffectState',
    'JournalLine',
    'Ledger',
    'ListCursor',
    'Source',
    'Store',
    'UnmatchedBooking',
    'UnmatchedReason',
    'UnmatchedState',
    'connect',
]
