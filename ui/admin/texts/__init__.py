"""The texts of the site: what is edited, a preview, and the versions; plain pages without script."""

from services.shop import Shop
from ui.admin.texts import overview, preview, section


def register(shop: Shop) -> None:
    """Register /admin/texts and everything below it."""
    overview.register(shop)
    preview.register(shop)
    section.register(shop)  # last: its path takes every name
