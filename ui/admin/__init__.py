"""The admin: the pages that run the shop, for the operator alone; ``register`` adds them."""

from services.admin import Access
from services.shop import Shop
from ui.admin import export, forget, login, overview


def register(shop: Shop, access: Access) -> None:
    """Register every page and every action of the admin."""
    login.register(shop, access)
    overview.register(shop)
    export.register(shop)
    forget.register(shop)
