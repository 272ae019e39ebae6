"""What a new world has in it."""

from services.sandbox.calendly import bookings
from services.sandbox.state import World
from services.sandbox.stripe import checkout


def fill(world: World) -> None:
    """Put the price on its shelf, and note the shop's calendar subscription where it has one."""
    config = world.config
    checkout.put_price(world, config.price, config.amount, config.currency, config.product)
    if config.calendly_webhook:
        events = list(bookings.EVENTS)
        bookings.subscribe(world, config.calendly_webhook, events, 'user', config.calendly_signing_key)
