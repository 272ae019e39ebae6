"""The admin: who may use it, and what the operator sees and does there."""

from services.admin.access import Access, SignedIn, access_with
from services.ledger import AdminLine, SignIn

__all__ = ['Access', 'AdminLine', 'SignIn', 'SignedIn', 'access_with']
