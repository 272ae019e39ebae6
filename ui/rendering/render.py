"""The first paint: the elements of a page as HTML, in NiceGUI's answer before any script runs and without it.

They stand inside the very element that Vue mounts into. Vue empties it and draws the same tree there in one
step, so that nothing is doubled and nothing moves. Scripts come behind it, with the least of priorities.
"""

import logging
import re

from jinja2.ext import Extension
from markupsafe import Markup
from nicegui import Client, ui
from nicegui.client import templates
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from ui.components.builder import VOID, h
from ui.components.elements import RENDERED, Static

log = logging.getLogger(__name__)

FRAMEWORK = {'q-layout': 'div', 'q-page-container': 'div', 'q-page': 'main'}
"""What Quasar makes of the components around every page."""
RAW = frozenset('embed link meta object script style template'.split())
ATTRIBUTE = re.compile(r'(?!on|inner|outer|textContent|srcdoc)[a-z][a-zA-Z0-9-]*')

SHEET = re.compile(r'^.*@import url\(.*$', re.MULTILINE)
PLACE = re.compile(r'<div id="app"[^\n]*></div>')
PRELOADS = re.compile(r'{% for url in js_imports_urls %}.*?{% endfor %}', re.DOTALL)
BODY = '<body>'
CLIENT = 'socket_io_js_query_params'
SCRIPTS = '<!-- scripts -->'
"""Ends what can be seen; ``ui.head_start`` sends the scripts behind it a moment later."""
BEGIN = f'{{% set painted = first_paint({CLIENT}.client_id) %}}'
PAINTED_BODY = f"""{BODY}{{% if painted %}}
    <div id="app" data-rendered>{{{{ painted }}}}</div>{SCRIPTS}
    {{% for url in js_imports_urls %}}
    <link rel="modulepreload" href="{{{{ url }}}}" fetchpriority="low">
    {{% endfor %}}
    {{% endif %}}"""


class Unrenderable(Exception):
    """An element looks in the browser like nothing that can be written down here."""


class FirstPaint(Extension):
    """Edits NiceGUI's page template when it is compiled: painted pages hold their content and our style only.

    Where a new NiceGUI has moved the places, the template stays as it is: the slower, correct page.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Return the source of a template with the place for the first paint in it."""
        edited, sheets = SHEET.subn(_unless_painted, source)
        edited, places = PLACE.subn(_unless_painted, edited)
        edited, preloads = PRELOADS.subn(_unless_painted, edited)
        if not sheets or (places, preloads, edited.count(BODY)) != (1, 1, 1) or CLIENT not in source:
            log.error('no first paint: %s is not the template it was made for', name)
            return source
        return BEGIN + edited.replace(BODY, PAINTED_BODY)


def _unless_painted(found: re.Match[str]) -> str:
    return f'{{% if not painted %}}{found[0]}{{% endif %}}'


def register() -> None:
    """Paint every page that has our chrome."""
    templates.env.globals['first_paint'] = first_paint
    templates.env.add_extension(FirstPaint)


def first_paint(client_id: str) -> Markup:
    """Paint the page of a client; '' for a page that is left to the browser alone."""
    client = Client.instances.get(client_id)
    if client is None or RENDERED not in client.storage:
        return Markup('')
    try:
        return render(client.layout)
    except Unrenderable:
        log.exception('no first paint of %s', client.page.path)
        return Markup('')


def render(element: Element) -> Markup:
    """Write an element, and all that is in it, as the HTML that Vue is going to make of it.

    A frame is written for browsers without script only: otherwise it would be loaded twice.

    Raises:
        Unrenderable: there is something in it that only a browser can draw.
    """
    if isinstance(element, ui.timer):
        return Markup('')
    tag = FRAMEWORK.get(element.tag, element.tag)
    if '-' in tag or tag in RAW:
        raise Unrenderable(f'<{tag}>')
    children = () if tag in VOID else (_content(element), *map(render, element.default_slot.children))
    painted = h(tag, *children, **_attributes(element))
    return h('noscript', painted) if tag == 'iframe' else painted


def _content(element: Element) -> str | Markup:
    """The trusted markup of a Static, the text of others."""
    if isinstance(element, Static):
        return Markup(element.content)
    return element.text if isinstance(element, TextElement) else ''


def _attributes(element: Element) -> dict[str, str | bool | None]:
    """The attributes that Vue gives a native element; the props of a component are no attributes."""
    is_component = element.tag in FRAMEWORK
    classes = [element.tag, *element.classes] if is_component else element.classes
    given: dict[str, str | bool | None] = {
        'class': ' '.join(classes) or None,
        'style': ''.join(f'{name}:{value};' for name, value in element.style.items()) or None,
    }
    if is_component:
        return given
    trusted = Static.CONTENT_PROP if isinstance(element, Static) else None
    return given | {name: _value(name, value) for name, value in element.props.items() if name != trusted}


def _value(name: str, value: object) -> str | bool | None:
    """The value of one attribute, as Vue writes it; an expression, which begins with a colon, is left out."""
    if name.startswith(':') or value is None:
        return None
    if not ATTRIBUTE.fullmatch(name) or not isinstance(value, str | int | float):
        raise Unrenderable(f'{name}={value!r}')
    if isinstance(value, bool):
        return str(value).lower() if name.startswith('aria-') else value
    return str(value)
