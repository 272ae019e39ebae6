"""What the operator has put away of what needs a hand: snoozed or done, and the way to bring it back."""

from datetime import UTC, datetime, timedelta, tzinfo

from fastapi import Request, Response
from markupsafe import Markup

from services.admin import SignedIn
from services.admin.attention_words import TITLES
from services.errors import BadRequest
from services.ledger.attention import SetAside
from services.orders import plain_text
from services.shop import Shop
from ui.admin.access import HOME, Form, admin_page, admin_post, see_other
from ui.admin.actions import order_path
from ui.admin.attention import DONE, LONGEST_NOTE, PATH, SNOOZES
from ui.admin.components import exact, time
from ui.admin.forms import action_form, button, hidden
from ui.admin.layout import Area
from ui.components.builder import h, join
from ui.components.elements import Static

BRING_BACK = f'{PATH}/bring-back'
NOT_FOUND = 'This item is not known. Nothing was changed. Please look at the overview again.'


def register(shop: Shop) -> None:
    """Register the page, and what puts an item away and brings it back."""

    @admin_page(PATH, shop, title='Put away', area=Area.OVERVIEW)
    async def page(_request: Request, signed_in: SignedIn) -> None:
        rows = await shop.reads.attention.set_aside()
        Static(h('div', h('p', h('a', '← Overview', href=HOME)), h('h1', 'Put away'))).classes('title')
        lead = 'Snoozed, an item comes back at the time it says. Done, it comes back if it happens anew.'
        Static(h('p', lead if rows else 'Nothing is put away.', class_='quiet'))
        zone = shop.site.business.zone
        Static(join(*(_row(row, signed_in, zone) for row in rows)), 'ul').classes('items')

    @admin_post(PATH, shop)
    async def put_away(_request: Request, signed_in: SignedIn, form: Form) -> Response:
        if not await _put_away(shop, signed_in, form, datetime.now(UTC)):
            raise BadRequest(NOT_FOUND)
        return see_other(HOME)

    @admin_post(BRING_BACK, shop)
    async def bring_back(_request: Request, signed_in: SignedIn, form: Form) -> Response:
        await shop.reads.attention.bring_back(form.get('key', ''), actor=signed_in.actor)
        return see_other(PATH)


async def _put_away(shop: Shop, signed_in: SignedIn, form: Form, now: datetime) -> bool:
    """Snooze an item, or write down that it is done, as the form says; False if the form is none of ours."""
    attention, key, until = shop.reads.attention, form.get('key', ''), form.get('until', '')
    note = plain_text(form.get('note'), limit=LONGEST_NOTE).strip()
    if until == DONE:
        return await attention.done(key, note=note, actor=signed_in.actor)
    if until not in dict(SNOOZES):
        return False
    later = now + timedelta(days=int(until))
    return await attention.snooze(key, until=later, note=note, actor=signed_in.actor)


def _row(row: SetAside, signed_in: SignedIn, zone: tzinfo) -> Markup:
    until = join(', until ', time(row.until, exact(row.until, zone), zone)) if row.until else None
    order = h('a', row.reference, href=order_path(row.reference), class_='plain') if row.reference else None
    text = h(
        'div',
        h('h3', TITLES[row.kind]),
        h('p', row.decision, until),
        h('p', f'“{row.note}”') if row.note else None,
        h('p', time(row.at, exact(row.at, zone), zone), f' · {row.actor}', class_='about'),
        class_='text',
    )
    form = action_form(signed_in, BRING_BACK, hidden('key', row.key), button('Bring back'), class_='row')
    return h('li', text, h('div', order, form, class_='controls'), class_='item')
