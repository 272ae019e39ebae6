"""The data of a new sandbox."""

from services.sandbox.calendly import bookings
from services.sandbox.state import SandboxState
from services.sandbox.stripe import checkout


def seed(state: SandboxState) -> None:
    """Create the price and, if the shop has a URL for it, the Calendly webhook subscription."""
    config = state.config
    checkout.create_price(state, config.price, config.amount, config.currency, config.product)
    if config.calendly_webhook:
        bookings.subscribe_shop(state, config.calendly_webhook)
