"""The pages; ``register`` adds all of them to the web application, importing does nothing."""

from nicegui import ui

from services.shop import Shop
from ui.components import theme
from ui.pages import checkout_form, errors, landing, legal, order, seo
from ui.rendering import nicegui_template


def register(shop: Shop) -> None:
    """Register every page, and every other URL that a customer's browser asks for."""
    nicegui_template.register()
    ui.add_head_html(str(theme.style(shop.site.theme)), shared=True)
    for module in (errors, landing, checkout_form, order, legal, seo):
        module.register(shop)
