"""Texts that the operator edits, in tests."""

from services.admin.texts import Outcome
from services.shop import Shop
from services.site.fields import BY_SLUG

BY, ALSO = 'admin (203.0.113.7)', 'admin (203.0.113.8)'


async def save(shop: Shop, section: str, **values: object) -> Outcome:
    """Save fields of a section into the draft, as somebody who has seen the newest row."""
    seen = (await shop.text_editor.read()).seen
    placed = {tuple(name.split('__')): value for name, value in values.items()}
    return await shop.text_editor.save(BY_SLUG[section], placed, seen=seen, actor=BY)


async def publish(shop: Shop) -> Outcome:
    """Publish the draft."""
    return await shop.text_editor.publish(seen=(await shop.text_editor.read()).seen, actor=BY)


async def change(shop: Shop, section: str, **values: object) -> None:
    """Save fields and publish them."""
    assert (await save(shop, section, **values)).is_done
    assert (await publish(shop)).is_done
