"""The data of a new sandbox."""

from services.sandbox.calendly import bookings
from services.sandbox.state import SandboxState
from services.sandbox.stripe import checkout, webhook_endpoints


def seed(state: SandboxState) -> None:
    """Create the price and, where the shop has URLs for them, webhook endpoint and Calendly subscription."""
    config = state.config
    checkout.create_price(state, config.price, config.amount, config.currency, config.product)
    webhook_endpoints.configure(state, config.stripe_webhook)
    if config.calendly_webhook:
        bookings.subscribe_shop(state, config.calendly_webhook)
