"""The page about selling: the stop-selling switch, what is sold, and whether every part works."""

from fastapi import Request, Response
from markupsafe import Markup

from services.admin import SignedIn
from services.errors import BadRequest
from services.health import Check
from services.selling import LONGEST_TEXT
from services.shop import Shop
from services.site.characters import problem_of_characters
from ui.admin import rehearsal
from ui.admin.access import Form, admin_page, admin_post, see_other
from ui.admin.check import check_form
from ui.admin.forms import action_form, button
from ui.admin.layout import Area
from ui.components.builder import h, join
from ui.components.elements import Static

PATH = '/admin/selling'
FIRST_TEXT = 'No sessions are sold at the moment. Please call us, or come back later.'
WHAT_STOPPING_DOES = (
    'If you stop: the start page shows your text in place of the button, and nobody can begin to pay. Payment'
    ' pages that are open are closed within a minute. Whoever has paid by then has bought; that order goes on'
    ' as always.'
)
NO_TEXT = f'Please write what customers read in place of the button: 1 to {LONGEST_TEXT} characters.'
MODES = {
    'demo': 'demo: no money moves',
    'test': 'test keys: no money moves',
    'live': 'live keys: real money',
}


def register(shop: Shop) -> None:
    """Register /admin/selling and its actions."""
    rehearsal.register(shop)

    @admin_page(PATH, shop, title='Selling', area=Area.SELLING)
    async def selling(_request: Request, signed_in: SignedIn) -> None:
        stop = await shop.selling.stop_for_page()
        text = stop.text if stop else await shop.selling.last_text() or FIRST_TEXT
        since = f'Stopped since {stop.at:%b %d, %Y, %H:%M} UTC by {stop.actor}.' if stop else ''
        Static(h('h1', 'Selling'))
        Static(_switch(signed_in, text, since), 'section').classes('panel')
        Static(_offer(shop), 'section')
        Static(join(_checks(await shop.health()), check_form(signed_in)), 'section')
        await rehearsal.show_rehearsal(shop, signed_in)

    @admin_post(f'{PATH}/stop', shop)
    async def stop_selling(_request: Request, signed_in: SignedIn, form: Form) -> Response:
        text = form.get('text', '').replace('\r\n', '\n').strip()
        if not 0 < len(text) <= LONGEST_TEXT:
            raise BadRequest(NO_TEXT)
        if problem := problem_of_characters(text):
            raise BadRequest(f'The text {problem}.')
        await shop.selling.stop(text, actor=signed_in.actor)
        return see_other(PATH)

    @admin_post(f'{PATH}/resume', shop)
    async def resume(_request: Request, signed_in: SignedIn, _form: Form) -> Response:
        await shop.selling.resume(actor=signed_in.actor)
        return see_other(PATH)


def _switch(signed_in: SignedIn, text: str, since: str) -> Markup:
    """The switch, and what it does.

    Args:
        signed_in: who sees it.
        text: what customers read while it is stopped.
        since: since when it is, and by whom; '' while we are selling.
    """
    field = h('textarea', f'\n{text}', name='text', id='text', maxlength=str(LONGEST_TEXT), required=True)
    label = h('label', 'Text for customers', for_='text')
    if not since:
        return join(
            h('h2', h('span', 'Selling', class_='status good')),
            h('p', WHAT_STOPPING_DOES),
            action_form(signed_in, f'{PATH}/stop', label, field, button('Stop selling', kind='danger')),
        )
    return join(
        h('h2', h('span', 'Selling is stopped', class_='status bad')),
        h('p', since),
        action_form(signed_in, f'{PATH}/resume', button('Sell again', kind='main')),
        action_form(signed_in, f'{PATH}/stop', label, field, button('Change the text')),
    )


def _offer(shop: Shop) -> Markup:
    offer, settings = shop.catalog.get(), shop.settings
    facts = {
        'Offer': offer.title,
        'Price': str(offer.price) if offer.price else 'not read from Stripe yet',
        'Keys': MODES[settings.mode],
        'Calendar': h('a', settings.calendly_link, href=settings.calendly_link, rel='noreferrer'),
    }
    rows = [join(h('dt', name), h('dd', value)) for name, value in facts.items()]
    return join(h('h2', 'What is sold'), h('dl', *rows, class_='facts'))


def _checks(checks: list[Check]) -> Markup:
    head = h('tr', *(h('th', name, scope='col') for name in ('Part', 'State', 'What helps')))
    table = h('table', h('thead', head), h('tbody', *map(_row, checks)))
    return join(h('h2', 'Does everything work?'), h('div', table, class_='table'))


def _row(check: Check) -> Markup:
    kind = 'bad' if check.problem else 'note' if check.note else 'good'
    state = h('span', check.problem or check.note or 'ok', class_=f'status {kind}')
    return h('tr', h('th', check.name, scope='row'), h('td', state), h('td', check.remedy))
