"""Stripe: the only package that imports its SDK."""

from services.payments.client import Payments
from services.payments.dashboard import dashboard_url
from services.payments.events import RELEVANT, SESSION_EVENTS, WARNING_EVENTS, kind_of, named_by
from services.payments.listing import ListEntry, ListPage
from services.payments.permissions import PERMISSIONS, create_key_url
from services.payments.session_params import CheckoutPage
from services.payments.signature import signed_event

__all__ = [
    'PERMISSIONS',
    'RELEVANT',
    'SESSION_EVENTS',
    'WARNING_EVENTS',
    'CheckoutPage',
    'ListEntry',
    'ListPage',
    'Payments',
    'create_key_url',
    'dashboard_url',
    'kind_of',
    'named_by',
    'signed_event',
]
