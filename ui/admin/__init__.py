"""The admin: the pages that run the shop, for the operator alone; ``register`` adds them."""

from services.admin import Access
from services.shop import Shop
from ui.admin import (
    actions,
    check,
    evidence,
    export,
    forget,
    login,
    order,
    orders,
    overview,
    put_away,
    selling,
    sign_ins,
    texts,
)


def register(shop: Shop, access: Access) -> None:
    """Register every page and every action of the admin."""
    login.register(shop, access)
    sign_ins.register(shop, access)
    shop_pages = selling, texts, check, export, forget
    for module in (overview, put_away, orders, evidence, order, actions, *shop_pages):
        module.register(shop)
