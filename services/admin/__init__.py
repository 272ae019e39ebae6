"""The admin: who may use it, and what the operator sees and does there."""

from services.admin.access import Access, SignedIn, access_with
from services.admin.actions import Actions, RefundReason, Result, build_actions
from services.ledger import AdminLine, SignIn

__all__ = [
    'Access',
    'Actions',
    'AdminLine',
    'RefundReason',
    'Result',
    'SignIn',
    'SignedIn',
    'access_with',
    'build_actions',
]
