"""The permissions that a restricted key needs, and the ones that Stripe says are missing."""

import logging
import re
from collections.abc import Mapping
from urllib.parse import quote

import stripe

from services.errors import ShopError

log = logging.getLogger(__name__)

# From docs.stripe.com/keys/permissions-reference: slug, its row in the Dashboard, what it is for.
PERMISSIONS: Mapping[str, tuple[str, str]] = {
    'checkout_session_write': ('Checkout Sessions: Write', 'open, read and expire checkout sessions'),
    'plan_read': ('Prices: Read', 'read the price'),
    'payment_intent_read': ('PaymentIntents: Read', 'read the payment of a session'),
    'charge_read': ('Charges and Refunds: Read', 'notice refunds'),
    'dispute_read': ('Disputes: Read', 'notice disputes'),
    'review_read': ('Reviews: Read', 'notice payments under review'),
    'event_read': ('Events: Read', 'find what was never delivered'),
}
# Stripe has two ways to name it: "Having the 'rak_plan_read' permission …", "\"Prices Read\" ('plan_read')".
NAMED = re.compile(r"'(?:rak_)?([a-z_]+)' permission|\('(?:rak_)?([a-z_]+)'\)")
CREATE_KEY = 'https://dashboard.stripe.com/apikeys/create'


def create_key_url() -> str:
    """Return the address of Stripe's form for a restricted key, with all permissions ticked."""
    ticked = '&'.join(f'permissions%5B%5D=rak_{slug}' for slug in PERMISSIONS)
    return f'{CREATE_KEY}?name={quote("Paidslot")}&{ticked}'


def missing_permission(error: ShopError) -> str:
    """Return the permission that a refusal names: 'unknown' if it names none, '' for other errors."""
    cause = error.__cause__
    if not isinstance(cause, stripe.PermissionError):
        return ''
    found = NAMED.search(str(cause))
    return next(filter(None, found.groups()), 'unknown') if found else 'unknown'


class MissingPermissions:
    """The permissions that Stripe has said are missing since the start; each is logged once."""

    def __init__(self) -> None:
        self.slugs: set[str] = set()

    def note(self, error: ShopError) -> bool:
        """Record what a refusal names; returns whether it was one for a missing permission."""
        slug = missing_permission(error)
        if slug and slug not in self.slugs:
            self.slugs.add(slug)
            row = PERMISSIONS.get(slug, (slug, ''))[0]
            log.error('the Stripe key lacks the permission "%s" (rak_%s)', row, slug)
        return bool(slug)
