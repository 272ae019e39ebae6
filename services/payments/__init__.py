"""Stripe: the only package that imports its SDK."""

from services.payments.client import Payments
from services.payments.events import RELEVANT, SESSION_EVENTS, named_by
from services.payments.listing import ListEntry, ListPage
from services.payments.signature import signed_event

__all__ = ['RELEVANT', 'SESSION_EVENTS', 'ListEntry', 'ListPage', 'Payments', 'named_by', 'signed_event']
