"""What surrounds every page of the admin: skip link, banner, navigation and the way out."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from functools import lru_cache
from pathlib import Path

from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup
from nicegui import ui

from services.admin import SignedIn
from services.errors import ShopError
from services.shop import Shop
from ui.admin.forms import action_form, button
from ui.components import theme
from ui.components.builder import h, join
from ui.components.documents import document, robots_meta
from ui.components.elements import Static
from ui.components.layout import in_present_colours
from ui.rendering.reconnect import number_listeners
from ui.rendering.render import SERVER_RENDERED

SHEET = Path(__file__).with_name('admin.css')


class Area(Enum):
    """The entries of the navigation: their words and where they lead."""

    OVERVIEW = 'Overview', '/admin'
    ORDERS = 'Orders', '/admin/orders'
    SELLING = 'Selling', '/admin/selling'
    TEXTS = 'Texts', '/admin/texts'
    EXPORT = 'Export', '/admin/export'


@contextmanager
def admin_layout(shop: Shop, signed_in: SignedIn, area: Area | None) -> Iterator[None]:
    """Put the header around the page that is built inside, and have it rendered on the server."""
    client = ui.context.client
    client.content.props['id'] = 'content'
    client.content.classes('wrap admin')
    client.storage[SERVER_RENDERED] = True
    in_present_colours(shop, client)
    ui.add_head_html(str(join(robots_meta(listed=False), style())))
    with client.layout:
        top = Static(header(shop, signed_in, area), 'header')
    top.move(target_index=0)
    yield
    with client.layout:
        Static(footer(), 'footer').classes('foot')
    number_listeners(client)


def header(shop: Shop, signed_in: SignedIn | None, area: Area | None = None) -> Markup:
    """Build the top of a page; the navigation only for whoever is signed in."""
    name = h('span', shop.site.business.name, ' ', h('small', 'Admin'))
    home = h('a', theme.icon('mark', 24), name, href='/admin', class_='wordmark')
    banner = h('p', shop.banner, class_='banner') if shop.banner else None
    skip = h('a', 'Skip to the content', href='#content', class_='skip')
    return join(
        skip, banner, h('div', home, _navigation(signed_in, area) if signed_in else None, class_='top')
    )


def footer() -> Markup:
    """Build the bottom of a page."""
    links = {'/admin/sign-ins': 'Sign-ins and journal', '/': 'What customers see'}
    return h('div', h('nav', *(h('a', words, href=path) for path, words in links.items()), aria_label='More'))


def _navigation(signed_in: SignedIn, area: Area | None) -> Markup:
    links = [
        h('a', name, href=path, aria_current='page' if entry is area else None)
        for entry in Area
        for name, path in (entry.value,)
    ]
    out = action_form(signed_in, '/admin/sign-out', button('Sign out'), class_='out')
    return join(h('nav', *links, aria_label='Admin'), out)


def admin_document(
    shop: Shop,
    title: str,
    body: Markup,
    signed_in: SignedIn | None,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    area: Area | None = None,
    class_: str = 'narrow',
) -> HTMLResponse:
    """Answer with a page of the admin that needs no script.

    Args:
        shop: whose page it is.
        title: what it is called.
        body: the content below the header.
        signed_in: who sees it; None shows no navigation.
        status: the HTTP status.
        headers: more headers.
        area: the entry of the navigation that it belongs to.
        class_: how wide it is.
    """
    page = h(
        'div',
        h('header', header(shop, signed_in, area)),
        h('main', h('div', body, class_=f'wrap admin {class_}', id='content')),
        h('footer', footer(), class_='foot') if signed_in else None,
        class_='page',
    )
    head = join(robots_meta(listed=False), theme.style(shop.site.theme), style())
    whole = document(f'{title} · Admin · {shop.site.business.name}', head=head, body=page)
    return HTMLResponse(whole, status_code=status, headers=headers)


def error_page(shop: Shop, error: ShopError, signed_in: SignedIn | None, *, words: str = '') -> Response:
    """Answer with what went wrong.

    Args:
        shop: whose page it is.
        error: what went wrong.
        signed_in: who sees it.
        words: what to say in place of the error's own words.
    """
    alert = h('div', h('p', words or error.words), h('p', f'Error {error.id}', class_='id'), class_='alert')
    body = join(h('h1', 'That did not work'), alert, h('p', h('a', 'Back to the admin', href='/admin')))
    return admin_document(shop, 'That did not work', body, signed_in, status=error.status)


@lru_cache(maxsize=1)
def style() -> Markup:
    """Build the style element with what the admin adds to the theme."""
    return h('style', Markup(theme.squeeze(SHEET.read_text(encoding='utf-8'))))
