"""One page in two forms, as outlines: the HTML rendered on the server, and the elements that Vue mounts.

An outline is a list of tags with their attributes and of texts, in the order of the page.
"""

import html
import json
import re
from html.parser import HTMLParser
from typing import Any

APP = re.compile(
    r'<div id="app"[^>]*>(.*?)</div>\s*(?:<!--/email_off-->)?'
    r'(?:<!-- scripts -->|<div id="nicegui-keep|</body>)',
    re.DOTALL,
)
ELEMENTS = re.compile(r'parseElements\(String\.raw`(.*?)`\)', re.DOTALL)
QUASAR = {'q-layout': 'div', 'q-page-container': 'div', 'q-page': 'main'}
TIMER = 'nicegui-timer'


class Outline(HTMLParser):
    """The outline of a piece of HTML; an iframe inside noscript counts as the one that script loads."""

    def __init__(self, markup: str = '') -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a tag with its attributes."""
        if tag == 'iframe' and self.lines[-1:] == ['<noscript>']:
            self.lines.pop()
        written = [name if value in (None, '') else f'{name}={value}' for name, value in sorted(attrs)]
        self.lines.append(f'<{" ".join([tag, *written])}>')

    def handle_data(self, data: str) -> None:
        """Record a text."""
        if text := ' '.join(data.split()):
            self.lines.append(text)


def rendered(answer: str) -> list[str]:
    """The outline of what a browser shows of a response before any script runs."""
    return Outline(app_html(answer)).lines


def app_html(answer: str) -> str:
    """The HTML inside the element that Vue mounts into."""
    (found,) = APP.findall(answer)
    return str(found)


def mounted(answer: str) -> list[str]:
    """The outline of what Vue makes of the elements in a response."""
    (elements,) = ELEMENTS.findall(answer)
    return _outline(json.loads(html.unescape(elements)), '0')


def _outline(elements: dict[str, dict[str, Any]], number: str) -> list[str]:
    element = elements[number]
    tag = element['tag']
    if tag == TIMER:
        return []
    props = {} if tag in QUASAR else dict(element.get('props', {}))
    inner = Outline(props.pop('innerHTML', '')).lines
    classes = [*([tag] if tag in QUASAR else []), *element.get('class', [])]
    attributes = [(name, '' if value is True else str(value)) for name, value in props.items()]
    line = Outline()
    line.handle_starttag(
        QUASAR.get(tag, tag), [*attributes, *([('class', ' '.join(classes))] if classes else [])]
    )
    line.handle_data(element.get('text', ''))
    below = (_outline(elements, str(child)) for child in element.get('children', []))
    return [*line.lines, *inner, *(each for lines in below for each in lines)]
