"""The order: the facts seen of it, the state that follows from them, and whether a payment is its own."""

from services.orders.matching import Extras, changes_after, line_of, metadata_of, mismatch_of, order_from
from services.orders.model import (
    ATTACH_DEADLINE,
    CLAIM_LIFETIME,
    MAYBE_SPENT,
    PAID_STATUSES,
    SESSION_LIFETIME,
    WAITING_STATES,
    Booking,
    Facts,
    Order,
    PaymentSession,
    Return,
    State,
    World,
)
from services.orders.schedule import WATCHED, attach_deadline, next_look
from services.orders.text import new_reference, plain_text

__all__ = [
    'ATTACH_DEADLINE',
    'CLAIM_LIFETIME',
    'MAYBE_SPENT',
    'PAID_STATUSES',
    'SESSION_LIFETIME',
    'WAITING_STATES',
    'WATCHED',
    'Booking',
    'Extras',
    'Facts',
    'Order',
    'PaymentSession',
    'Return',
    'State',
    'World',
    'attach_deadline',
    'changes_after',
    'line_of',
    'metadata_of',
    'mismatch_of',
    'new_reference',
    'next_look',
    'order_from',
    'plain_text',
]
