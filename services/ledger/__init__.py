"""The ledger: orders, bookings, deliveries and their journal, in one database."""

from services.database.store import Store, connect
from services.ledger.ledger import Ledger
from services.ledger.records import (
    Alert,
    Arrivals,
    Delivery,
    Effect,
    EffectKind,
    EffectState,
    JournalLine,
    KnownBooking,
    ListCursor,
    Mail,
    MailRules,
    MailState,
    PaidOrder,
    Source,
    UnmatchedBooking,
    UnmatchedReason,
    UnmatchedState,
)

__all__ = [
    'Alert',
    'Arrivals',
    'Delivery',
    'Effect',
    'EffectKind',
    'EffectState',
    'JournalLine',
    'KnownBooking',
    'Ledger',
    'ListCursor',
    'Mail',
    'MailRules',
    'MailState',
    'PaidOrder',
    'Source',
    'Store',
    'UnmatchedBooking',
    'UnmatchedReason',
    'UnmatchedState',
    'connect',
]
