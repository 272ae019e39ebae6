"""The admin: who may use it, and what the operator sees and does there."""

from services.admin.access import Access, SignedIn, access_with

__all__ = ['Access', 'SignedIn', 'access_with']
