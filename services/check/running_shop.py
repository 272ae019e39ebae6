"""What only the running shop knows: whether it refuses the deliveries of Stripe and Calendly."""

from collections.abc import Mapping

from services.check.finding import Finding, wrong
from services.health import CALENDLY_REFUSED, STRIPE_REFUSED
from services.settings import Settings

REFUSED = (('webhooks', 'stripe webhook', STRIPE_REFUSED), ('bookings', 'calendly', CALENDLY_REFUSED))
"""Parts of /readyz, those of the check, and the problem with its remedy."""


def list_refused(settings: Settings, parts: Mapping[str, object]) -> list[Finding]:
    """List the deliveries that the running shop refuses: its settings may be older than those of the check.

    Args:
        settings: those of the check.
        parts: what the running shop says of each of its parts, as /readyz does; empty if it is not known.
    """
    found = [
        wrong(part, problem, remedy)
        for name, part, (problem, remedy) in REFUSED
        if parts.get(name) == problem
    ]
    if parts and settings.stripe_webhook_secret and 'webhooks' not in parts:
        text = 'the running shop was started without STRIPE_WEBHOOK_SECRET, and accepts no delivery'
        found.append(wrong('stripe webhook', text, 'Restart the shop: the settings have the secret now.'))
    return found
