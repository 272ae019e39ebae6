"""Who is signed in, the way out everywhere, and the last lines of the admin journal."""

from datetime import datetime

from fastapi import Request, Response
from markupsafe import Markup

from services.admin import Access, AdminLine, SignedIn, SignIn
from services.shop import Shop
from ui.admin.access import LOGIN, Form, admin_page, admin_post, see_other, with_cookie
from ui.admin.forms import action_form, button
from ui.components.builder import h, join
from ui.components.elements import Static

LINES = 50  # of the journal
WHAT_IT_DOES = (
    'Every browser must type the password again, this one too. A page that is open stops showing news.'
)
ENDS = 'A sign-in ends after 12 hours without use, and after 7 days in any case.'


def register(shop: Shop, access: Access) -> None:
    """Register /admin/sign-ins, and signing out everywhere."""

    @admin_page('/admin/sign-ins', shop, title='Sign-ins')
    async def sign_ins(_request: Request, signed_in: SignedIn) -> None:
        everywhere = action_form(
            signed_in, '/admin/sign-out-everywhere', button('Sign out everywhere', kind='danger')
        )
        rows = [_sign_in(row, row.id == signed_in.id) for row in await access.sign_ins()]
        lines = [_line(line) for line in await access.journal(limit=LINES)]
        Static(h('h1', 'Sign-ins'))
        Static(join(_table('Since', 'Last used', 'From', '', rows=rows), h('p', ENDS)), 'section')
        Static(join(h('p', WHAT_IT_DOES), everywhere), 'section').classes('panel')
        Static(
            join(h('h2', 'What was done in the admin'), _table('When', 'Who', 'What', rows=lines)), 'section'
        )

    @admin_post('/admin/sign-out-everywhere', shop)
    async def sign_out_everywhere(_request: Request, signed_in: SignedIn, _form: Form) -> Response:
        await access.sign_out_everywhere(signed_in)
        return with_cookie(see_other(LOGIN), '', secure=shop.settings.https)


def _sign_in(row: SignIn, is_this: bool) -> Markup:
    cells = _time(row.created_at), _time(row.last_seen), row.client_ip, 'this browser' if is_this else ''
    return h('tr', *(h('td', cell) for cell in cells))


def _line(line: AdminLine) -> Markup:
    return h('tr', *(h('td', cell) for cell in (_time(line.at), line.actor, line.line)))


def _table(*heads: str, rows: list[Markup]) -> Markup:
    head = h('tr', *(h('th' if name else 'td', name, scope='col' if name else None) for name in heads))
    return h('div', h('table', h('thead', head), h('tbody', *rows)), class_='table', tabindex='0')


def _time(time: datetime) -> Markup:
    return h('time', f'{time:%b %d, %Y, %H:%M} UTC', datetime=f'{time:%Y-%m-%dT%H:%M:%SZ}')
