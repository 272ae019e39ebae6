"""The pages, in Python; ``register`` puts all of them up, importing does nothing."""

from nicegui import ui

from services.shop import Shop
from ui import checkout_form, landing, legal, paint, safety, seo, success, theme, trouble


def register(shop: Shop) -> None:
    """Register every page and every address a customer's browser asks for."""
    paint.register()
    safety.register()
    ui.add_head_html(str(theme.style(shop.site.look)), shared=True)
    for part in (trouble, landing, checkout_form, success, legal, seo):
        part.register(shop)
