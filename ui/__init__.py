"""The pages; ``register`` adds all of them to the web application, importing does nothing."""

from services.shop import Shop
from ui import admin
from ui.pages import checkout_form, errors, find_order, landing, legal, order, order_urls, seo, success
from ui.rendering import nicegui_template
from ui.rendering.reconnect import Reconnector


def register(shop: Shop) -> Reconnector:
    """Register every page, and every other URL that a customer's browser asks for."""
    nicegui_template.register()
    reconnector = Reconnector(shop.settings.domain)
    landing.register(shop, reconnector)
    order_urls.register(shop)  # before the page of an order, which its paths are like
    order.register(shop, reconnector)
    for module in (errors, checkout_form, success, find_order, legal, seo):
        module.register(shop)
    if shop.access:
        admin.register(shop, shop.access)
        reconnector.load_again('/admin')
    return reconnector
