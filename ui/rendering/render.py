"""Server rendering: the elements of a page as HTML, readable before any script runs and without it."""

import logging
import re

from markupsafe import Markup
from nicegui import Client, ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from ui.components.builder import VOID, h
from ui.components.elements import Static

log = logging.getLogger(__name__)

SERVER_RENDERED = 'rendered'  # set in the storage of every page that is rendered on the server
QUASAR = {'q-layout': 'div', 'q-page-container': 'div', 'q-page': 'main'}
"""The components around every page, and the elements that Quasar makes of them."""
NOT_RENDERED = frozenset('embed link meta object script style template'.split())
ATTRIBUTE = re.compile(r'(?!on|inner|outer|textContent|srcdoc)[a-z][a-zA-Z0-9-]*')


class Unrenderable(Exception):
    """An element cannot be written as HTML: only a browser knows what it looks like."""


def render_page(client_id: str) -> Markup:
    """Render the page of a client; return '' for a page that only the browser renders."""
    client = Client.instances.get(client_id)
    if client is None or SERVER_RENDERED not in client.storage:
        return Markup('')
    try:
        return render(client.layout)
    except Unrenderable:
        log.exception('%s cannot be rendered on the server', client.page.path)
        return Markup('')


def render(element: Element) -> Markup:
    """Write an element and its children as the HTML that Vue will make of them.

    An iframe is written inside noscript, since Vue replaces the rendered HTML: it would be loaded twice.

    Raises:
        Unrenderable: the element, or one inside it, needs a browser.
    """
    if isinstance(element, ui.timer | ui.keyboard):
        return Markup('')
    tag = QUASAR.get(element.tag, element.tag)
    if '-' in tag or tag in NOT_RENDERED:
        raise Unrenderable(f'<{tag}>')
    children = () if tag in VOID else (_content(element), *map(render, element.default_slot.children))
    html = h(tag, *children, **_attributes(element))
    return h('noscript', html) if tag == 'iframe' else html


def _content(element: Element) -> str | Markup:
    """The trusted markup of a Static, the text of others."""
    if isinstance(element, Static):
        return Markup(element.content)
    return element.text if isinstance(element, TextElement) else ''


def _attributes(element: Element) -> dict[str, str | bool | None]:
    """The attributes that Vue gives a native element; the props of a component are no attributes."""
    is_component = element.tag in QUASAR
    classes = [element.tag, *element.classes] if is_component else element.classes
    given: dict[str, str | bool | None] = {
        'class': ' '.join(classes) or None,
        'style': ''.join(f'{name}:{value};' for name, value in element.style.items()) or None,
    }
    if is_component:
        return given
    content = Static.CONTENT_PROP if isinstance(element, Static) else None
    return given | {name: _value(name, value) for name, value in element.props.items() if name != content}


def _value(name: str, value: object) -> str | bool | None:
    """The value of one attribute, as Vue writes it; an expression, which begins with a colon, is left out."""
    if name.startswith(':') or value is None:
        return None
    if not ATTRIBUTE.fullmatch(name) or not isinstance(value, str | int | float):
        raise Unrenderable(f'{name}={value!r}')
    if isinstance(value, bool):
        return str(value).lower() if name.startswith('aria-') else value
    return str(value)
