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
    'invoice_read': ('Invoices: Read', 'link the invoice; needed with INVOICES alone'),
}
# Only the buttons of the admin need these; each includes the right to read.
FOR_BUTTONS: Mapping[str, tuple[str, str]] = {
    'charge_write': ('Charges and Refunds: Write', 'refund from the admin'),
    'dispute_write': ('Disputes: Write', 'draft the evidence of a dispute from the admin'),
}
# Only `main.py rehearse --with-test-keys` needs it, and it says so where it is missing.
FOR_REHEARSAL: Mapping[str, tuple[str, str]] = {
    'payment_intent_write': ('PaymentIntents: Write', 'pay with a test card in a rehearsal'),
}
# Only the set-up needs these, and only while it makes something.
FOR_SET_UP: Mapping[str, tuple[str, str]] = {
    'webhook_write': ('Webhook Endpoints: Write', '`setup` makes the webhook endpoint'),
    'plan_write': ('Prices: Write', '`setup` makes a product with its price, if you want one'),
    'product_read': ('Products: Read', '`setup` shows the names of the products that you choose from'),
}
# What reading below a path of /v1 needs; every other path is read only where a refusal is expected.
NEEDED: Mapping[str, str] = {
    'checkout': 'checkout_session_read',
    'prices': 'plan_read',
    'payment_intents': 'payment_intent_read',
    'charges': 'charge_read',
    'refunds': 'refund_read',  # Stripe names it or charge_read
    'disputes': 'dispute_read',
    'reviews': 'review_read',
    'events': 'event_read',
    'invoices': 'invoice_read',
}
# Stripe has two ways to name it: "Having the 'rak_plan_read' permission …", "\"Prices Read\" ('plan_read')".
NAMED = re.compile(r"'(?:rak_)?([a-z_]+)' permission|\('(?:rak_)?([a-z_]+)'\)")
CREATE_KEY = 'https://dashboard.stripe.com/{}apikeys/create'


def create_key_url(*, for_buttons: bool = False, for_set_up: bool = False, test: bool = False) -> str:
    """Return the address of Stripe's form for a restricted key, with the permissions ticked.

    Args:
        for_buttons: tick what the buttons of the admin need as well.
        for_set_up: tick what the set-up needs as well.
        test: of test mode.
    """
    slugs = [*PERMISSIONS, *(FOR_BUTTONS if for_buttons else ()), *(FOR_SET_UP if for_set_up else ())]
    ticked = '&'.join(f'permissions%5B%5D=rak_{slug}' for slug in slugs)
    form = CREATE_KEY.format('test/' if test else '')
    return f'{form}?name={quote("Paidslot")}&{ticked}'


def needed_to_read(path: str) -> str:
    """Return the permission that reading a path needs, '' if the shop does without it."""
    return NEEDED.get(path.split('/')[2], '')


def is_forbidden(error: ShopError) -> bool:
    """Whether Stripe refused a request because the key lacks a permission."""
    return isinstance(error.__cause__, stripe.PermissionError)


def named_permission(error: stripe.PermissionError) -> str:
    """Return the permission that a refusal names, as the Dashboard's row with its slug."""
    found = NAMED.search(str(error))
    slug = next(filter(None, found.groups()), '') if found else ''
    return f'"{_row(slug)}" (rak_{slug})' if slug else '(Stripe does not say which)'


class MissingPermissions:
    """The permissions that Stripe has said are missing; each is logged once, until it is granted.

    ``key_is_refused`` says that Stripe does not accept the key at all, as of the last request.
    """

    def __init__(self) -> None:
        self._slugs: set[str] = set()
        self.key_is_refused = False

    def rows(self) -> list[str]:
        """Return the rows of Stripe's Dashboard that are missing."""
        return [_row(slug) for slug in sorted(self._slugs)]

    def granted(self, needed: str) -> None:
        """Forget a permission: a request that needs it has just succeeded."""
        self.key_is_refused = False
        self._slugs.discard(needed)

    def record(self, error: stripe.StripeError, needed: str) -> None:
        """Record the permission that a refusal names; other errors are ignored.

        Args:
            error: what Stripe answered.
            needed: the permission that the request needs, '' if the shop does without it.
        """
        if isinstance(error, stripe.AuthenticationError):
            self.key_is_refused = True
        if not isinstance(error, stripe.PermissionError) or not needed:
            return
        found = NAMED.search(str(error))
        slug = next(filter(None, found.groups()), '') if found else needed
        if slug not in self._slugs:
            self._slugs.add(slug)
            log.error('the Stripe key lacks the permission "%s" (rak_%s)', _row(slug), slug)


def _row(slug: str) -> str:
    return {**PERMISSIONS, **FOR_BUTTONS, **FOR_SET_UP, **FOR_REHEARSAL}.get(slug, (slug, ''))[0]
