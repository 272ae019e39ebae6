"""The ledger: orders, bookings, deliveries and their journal, in one database."""

from services.database.store import Store, connect
from services.ledger.exports import Period
from services.ledger.ledger import Ledger
from services.ledger.records import (
    AdminLine,
    Alert,
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
    SignIn,
    Source,
    UnmatchedBooking,
    UnmatchedReason,
    UnmatchedState,
)

__all__ = [
    'AdminLine',
    'Alert',
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
    'Period',
    'SignIn',
    'Source',
    'Store',
    'UnmatchedBooking',
    'UnmatchedReason',
    'UnmatchedState',
    'connect',
]
