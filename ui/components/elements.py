"""The parts every page is made of: native elements, the chrome around a page, alerts and plain documents."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from fastapi import Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from nicegui import ui
from nicegui.elements.mixins.content_element import ContentElement
from nicegui.elements.mixins.text_element import TextElement

from services.shop import Shop
from services.site import Contact, Site
from ui.components import theme
from ui.components.builder import h, join

RENDERED = 'rendered'  # what ui.paint looks for in the storage of a page
BUSY = 15.0  # seconds a page may take on a busy machine; beyond, NiceGUI answers 500 in words of its own


class Tag(TextElement):
    """A native element with a text, which the browser never reads as HTML."""

    def __init__(self, tag: str, text: str = '', **attributes: str) -> None:
        super().__init__(tag=tag, text=text)
        self.props.update(_named(attributes))


class Static(ContentElement):
    """A native element around trusted markup; a whole static stretch of a page is one of these."""

    def __init__(self, content: Markup, tag: str = 'div', **attributes: str) -> None:
        super().__init__(tag=tag, content=str(content))
        self.props.update(_named(attributes))

    def show(self, content: Markup) -> None:
        """Replace the content, unless it is the same already."""
        if content != self.content:
            self.set_content(str(content))


def _named(attributes: dict[str, str]) -> dict[str, str]:
    """Write the names of attributes as HTML does: ``aria_live`` is ``aria-live``."""
    return {name.replace('_', '-'): value for name, value in attributes.items()}


def leave_for(url: str) -> None:
    """Send this browser to another address: the one place where a page lets its customer go."""
    ui.context.client.open(url)


def refresh_without_script(seconds: int) -> None:
    """Let a browser that runs no script ask for this page again; one that does is told of changes."""
    meta = h('meta', http_equiv='refresh', content=str(seconds))
    ui.add_head_html(str(h('noscript', meta)))


def address_of(request: Request) -> str:
    """The address a request came from, for the limits; '' when the server does not know."""
    return request.client.host if request.client else ''


@contextmanager
def chrome(shop: Shop) -> Iterator[None]:
    """Draw what surrounds every page: skip link, banner, wordmark and footer; the page itself goes inside."""
    client = ui.context.client
    client.content.props['id'] = 'content'
    client.storage[RENDERED] = True
    with client.layout:
        top = Static(header(shop), 'header')
    top.move(target_index=0)
    yield
    with client.layout:
        Static(footer(shop.site), 'footer').classes('foot')


def header(shop: Shop) -> Markup:
    """The top of every page."""
    return _top(shop.site, shop.banner)


@lru_cache(maxsize=1)
def _top(site: Site, warning: str) -> Markup:
    name = h('span', site.business.name)
    home = h('a', theme.icon('mark', 26), name, href='/', class_='wordmark')
    number = h('span', site.contact.phone)
    call = h('a', theme.icon('phone'), number, href=f'tel:{site.contact.dial}', class_='call')
    banner = h('p', warning, class_='banner') if warning else None
    skip = h('a', 'Skip to the content', href='#content', class_='skip')
    return join(skip, banner, h('div', home, call, class_='top'))


@lru_cache(maxsize=1)
def footer(site: Site) -> Markup:
    """The bottom of every page."""
    links = {'/terms': site.terms.title, '/refunds': site.refunds.title, '/privacy': site.privacy.title}
    legal = h('nav', *(h('a', title, href=path) for path, title in links.items()), aria_label='Legal')
    contact = h(
        'address',
        h('a', site.contact.phone, href=f'tel:{site.contact.dial}'),
        h('a', site.contact.email, href=f'mailto:{site.contact.email}'),
        h('span', site.contact.hours),
    )
    return h('div', contact, legal)


def reach(contact: Contact) -> Markup:
    """A sentence that says how to reach the operator."""
    phone = h('a', contact.phone, href=f'tel:{contact.dial}')
    email = h('a', contact.email, href=f'mailto:{contact.email}')
    return h('p', 'Call ', phone, ' or write to ', email, '.')


def plain_page(
    shop: Shop, title: str, body: Markup, *, status: int = 200, headers: dict[str, str] | None = None
) -> HTMLResponse:
    """Answer with a whole document that needs no script.

    Args:
        shop: whose page it is.
        title: the document's title, without the name of the business.
        body: what stands between header and footer.
        status: the HTTP status.
        headers: more headers.
    """
    listed = status < 400 and shop.settings.mode == 'live'
    head = h(
        'head',
        h('meta', charset='utf-8'),
        h('meta', name='viewport', content='width=device-width, initial-scale=1'),
        h('title', f'{title} · {shop.site.business.name}'),
        None if listed else h('meta', name='robots', content='noindex'),
        h('link', rel='icon', type='image/svg+xml', href='/favicon.svg'),
        theme.style(shop.site.look),
    )
    main = h('main', h('div', body, class_='wrap sheet', id='content'))
    parts = h('header', header(shop)), main, h('footer', footer(shop.site), class_='foot')
    page = h('html', head, h('body', h('div', *parts, class_='page')), lang='en-US')
    return HTMLResponse(f'<!doctype html>\n{page}', status_code=status, headers=headers)
