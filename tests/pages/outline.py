"""One page in two shapes: the HTML that is painted, and the elements that Vue is told to mount; as outlines.

An outline is a list of tags with their attributes and of texts, in the order of the page.
"""

import html
import json
import re
from html.parser import HTMLParser
from typing import Any

PLACE = re.compile(
    r'<div id="app"[^>]*>(.*?)</div>\s*(?:<!-- scripts -->|<div id="nicegui-keep|</body>)', re.DOTALL
)
ELEMENTS = re.compile(r'parseElements\(String\.raw`(.*?)`\)', re.DOTALL)
QUASAR = {'q-layout': 'div', 'q-page-container': 'div', 'q-page': 'main'}
UNSEEN = 'nicegui-timer'


class Outline(HTMLParser):
    """The outline of a piece of HTML; a frame inside noscript counts as the frame that script would load."""

    def __init__(self, markup: str = '') -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag with its attributes."""
        if tag == 'iframe' and self.lines[-1:] == ['<noscript>']:
            self.lines.pop()
        written = [name if value in (None, '') else f'{name}={value}' for name, value in sorted(attrs)]
        self.lines.append(f'<{" ".join([tag, *written])}>')

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if text := ' '.join(data.split()):
            self.lines.append(text)


def painted(answer: str) -> list[str]:
    """The outline of what a browser shows of an answer before any script runs."""
    return Outline(place(answer)).lines


def place(answer: str) -> str:
    """What stands where the page is mounted."""
    (found,) = PLACE.findall(answer)
    return str(found)


def mounted(answer: str) -> list[str]:
    """The outline of what Vue is going to make of the elements in an answer."""
    (told,) = ELEMENTS.findall(answer)
    return _outline(json.loads(html.unescape(told)), '0')


def _outline(elements: dict[str, dict[str, Any]], number: str) -> list[str]:
    element = elements[number]
    tag = element['tag']
    if tag == UNSEEN:
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
