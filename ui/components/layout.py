"""What surrounds every page: skip link, banner, header and footer; and the sentence with the contact."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from markupsafe import Markup
from nicegui import Client, ui

from services.orders import Order
from services.shop import Shop
from services.site import Contact, Site
from ui.components import theme
from ui.components.builder import h, join
from ui.components.elements import Static
from ui.rendering.reconnect import number_listeners
from ui.rendering.render import SERVER_RENDERED

RESPONSE_TIMEOUT = 15.0  # seconds a page may take on a busy machine; after that NiceGUI answers 500 by itself


@contextmanager
def page_layout(shop: Shop) -> Iterator[None]:
    """Put header and footer around the page that is built inside, and have it rendered on the server."""
    client = ui.context.client
    client.content.props['id'] = 'content'
    client.storage[SERVER_RENDERED] = True
    in_present_colours(shop, client)
    with client.layout:
        top = Static(header(shop), 'header')
    top.move(target_index=0)
    yield
    with client.layout:
        Static(footer(shop.site), 'footer').classes('foot')
    number_listeners(client)


def in_present_colours(shop: Shop, client: Client) -> None:
    """Give a page the style sheet and the icon in the colours of the present texts."""
    ui.add_head_html(str(theme.style(shop.site.theme)))
    client.page.favicon = str(theme.favicon(shop.site.theme))


def header(shop: Shop) -> Markup:
    """The top of every page."""
    return _header(shop.site, shop.banner)


@lru_cache(maxsize=2)
def _header(site: Site, warning: str) -> Markup:
    name = h('span', site.business.name)
    home = h('a', theme.icon('mark', 26), name, href='/', class_='wordmark')
    number = h('span', site.contact.phone)
    call = h('a', theme.icon('phone'), number, href=f'tel:{site.contact.dial}', class_='call')
    banner = h('p', warning, class_='banner') if warning else None
    skip = h('a', 'Skip to the content', href='#content', class_='skip')
    return join(skip, banner, h('div', home, call, class_='top'))


@lru_cache(maxsize=2)
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


def order_link(order: Order | None) -> Markup | None:
    """A link to an order, for the browser it was paid in."""
    return h('p', h('a', 'Open your order', href=f'/order/{order.token}')) if order else None


def find_link() -> Markup:
    """A link to the page that mails the links of orders."""
    return h('a', 'I already paid: find my order', href='/find')


def contact_sentence(contact: Contact) -> Markup:
    """Say how to reach the operator, in a paragraph."""
    return h('p', contact_words(contact))


def contact_words(contact: Contact) -> Markup:
    """Say how to reach the operator."""
    phone = h('a', contact.phone, href=f'tel:{contact.dial}')
    email = h('a', contact.email, href=f'mailto:{contact.email}')
    return join('Call ', phone, ' or write to ', email, '.')
