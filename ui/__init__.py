"""The pages, in Python; ``register`` puts all of them up, importing does nothing."""

from nicegui import ui

from services.shop import Shop
from ui.components import theme
from ui.middleware import security_headers
from ui.pages import checkout_form, errors, landing, legal, order, seo
from ui.rendering import render


def register(shop: Shop) -> None:
    """Register every page and every address a customer's browser asks for."""
    render.register()
    security_headers.register()
    ui.add_head_html(str(theme.style(shop.site.look)), shared=True)
    for part in (errors, landing, checkout_form, order, legal, seo):
        part.register(shop)
