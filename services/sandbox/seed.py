"""What a new world has in it."""

from services.sandbox import checkout, reception
from services.sandbox.world import World


def fill(world: World) -> None:
    """Put the price on its shelf, and note the shop's calendar subscription where it has one."""
    config = world.config
    checkout.put_price(world, config.price, config.amount, config.currency, config.product)
    if config.calendly_webhook:
        events = list(reception.EVENTS)
        reception.subscribe(world, config.calendly_webhook, events, 'user', config.calendly_signing_key)
