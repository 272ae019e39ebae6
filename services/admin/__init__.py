"""The admin: who may use it, and what the operator sees and does there."""

from services.admin.access import Access, SignedIn

__all__ = ['Access', 'SignedIn']
