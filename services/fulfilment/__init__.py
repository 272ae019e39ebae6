"""Fulfilment: a payment read at Stripe becomes facts in the ledger."""

from services.fulfilment.duplicates import Duplicates
from services.fulfilment.fulfilment import Fulfilment

__all__ = ['Duplicates', 'Fulfilment']
