"""Stripe: the only package that imports its SDK."""

from services.payments.build import build_payments
from services.payments.client import Payments
from services.payments.dashboard import dashboard_url
from services.payments.errors import means_missing, refuses_key, was_answered
from services.payments.events import RELEVANT, SESSION_EVENTS, WARNING_EVENTS, kind_of, named_by
from services.payments.evidence import LONGEST_EVIDENCE, longest_field
from services.payments.listing import ListEntry, ListPage
from services.payments.permissions import (
    FOR_BUTTONS,
    FOR_SET_UP,
    PERMISSIONS,
    create_key_url,
    is_forbidden,
)
from services.payments.prices import ListedPrice
from services.payments.probes import SessionTrial
from services.payments.refunds import Refund
from services.payments.rehearsal import RehearsalEvent
from services.payments.session_params import CheckoutPage
from services.payments.signature import signed_event
from services.payments.webhook_endpoints import WebhookEndpoint

__all__ = [
    'FOR_BUTTONS',
    'FOR_SET_UP',
    'LONGEST_EVIDENCE',
    'PERMISSIONS',
    'RELEVANT',
    'SESSION_EVENTS',
    'WARNING_EVENTS',
    'CheckoutPage',
    'ListEntry',
    'ListPage',
    'ListedPrice',
    'Payments',
    'Refund',
    'RehearsalEvent',
    'SessionTrial',
    'WebhookEndpoint',
    'build_payments',
    'create_key_url',
    'dashboard_url',
    'is_forbidden',
    'kind_of',
    'longest_field',
    'means_missing',
    'named_by',
    'refuses_key',
    'signed_event',
    'was_answered',
]
