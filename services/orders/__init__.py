"""The order: the facts seen of it, the state that follows from them, and whether a payment is its own."""

from services.orders.matching import is_same_shop, metadata_of, mismatch_of, order_from
from services.orders.model import (
    ATTACH_DEADLINE,
    CLAIM_LIFETIME,
    PAID_STATUSES,
    SESSION_LIFETIME,
    WAITING_STATES,
    Booking,
    BookingState,
    CalendarGate,
    Cause,
    Environment,
    Facts,
    Order,
    PaymentSession,
    PriceAdjustments,
    Purchase,
    Return,
    State,
)
from services.orders.schedule import WATCHED, attach_deadline, next_check
from services.orders.text import new_reference, plain_text

__all__ = [
    'ATTACH_DEADLINE',
    'CLAIM_LIFETIME',
    'PAID_STATUSES',
    'SESSION_LIFETIME',
    'WAITING_STATES',
    'WATCHED',
    'Booking',
    'BookingState',
    'CalendarGate',
    'Cause',
    'Environment',
    'Facts',
    'Order',
    'PaymentSession',
    'PriceAdjustments',
    'Purchase',
    'Return',
    'State',
    'attach_deadline',
    'is_same_shop',
    'metadata_of',
    'mismatch_of',
    'new_reference',
    'next_check',
    'order_from',
    'plain_text',
]
