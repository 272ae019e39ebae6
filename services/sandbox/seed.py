"""What a new state has in it."""

from services.sandbox.calendly import bookings
from services.sandbox.state import SandboxState
from services.sandbox.stripe import checkout


def fill(state: SandboxState) -> None:
    """Put the price on its shelf, and note the shop's calendar subscription where it has one."""
    config = state.config
    checkout.put_price(state, config.price, config.amount, config.currency, config.product)
    if config.calendly_webhook:
        events = list(bookings.EVENTS)
        bookings.subscribe(state, config.calendly_webhook, events, 'user', config.calendly_signing_key)
