"""The first page of the admin: what needs a hand, and how the shop is doing."""

from fastapi import Request

from services.admin import SignedIn
from services.shop import Shop
from ui.admin.access import admin_page
from ui.admin.layout import Area
from ui.components.builder import h
from ui.components.elements import Static


def register(shop: Shop) -> None:
    """Register /admin."""

    @admin_page('/admin', shop, title='Overview', area=Area.OVERVIEW)
    async def overview(_request: Request, _signed_in: SignedIn) -> None:
        Static(h('h1', 'Overview'))
