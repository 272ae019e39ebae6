"""Stripe: the only package that imports its SDK."""

from services.payments.client import Payments
from services.payments.dashboard import dashboard_url
from services.payments.errors import was_answered
from services.payments.events import RELEVANT, SESSION_EVENTS, WARNING_EVENTS, kind_of, named_by
from services.payments.evidence import LONGEST_EVIDENCE, longest_field
from services.payments.listing import ListEntry, ListPage
from services.payments.permissions import FOR_BUTTONS, PERMISSIONS, create_key_url
from services.payments.refunds import Refund
from services.payments.rehearsal import RehearsalEvent
from services.payments.session_params import CheckoutPage
from services.payments.signature import signed_event

__all__ = [
    'FOR_BUTTONS',
    'LONGEST_EVIDENCE',
    'PERMISSIONS',
    'RELEVANT',
    'SESSION_EVENTS',
    'WARNING_EVENTS',
    'CheckoutPage',
    'ListEntry',
    'ListPage',
    'Payments',
    'Refund',
    'RehearsalEvent',
    'create_key_url',
    'dashboard_url',
    'kind_of',
    'longest_field',
    'named_by',
    'signed_event',
    'was_answered',
]
