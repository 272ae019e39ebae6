"""The first paint: what a browser reads back is what the elements said, whatever they said."""

import logging
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from nicegui import Client, ui
from nicegui.client import templates
from nicegui.element import Element
from nicegui.page import page

from ui.components.elements import Static, Tag
from ui.rendering.render import SCRIPTS, FirstPaint, Unrenderable, render

TEXT = st.text(st.characters(blacklist_categories=['Cs']))
NAMES = st.from_regex(r'(data|aria)-[a-z]{1,8}', fullmatch=True)


class Read(HTMLParser):
    """What a browser makes of HTML: tags with their attributes, and texts."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append(data)


@pytest.fixture(scope='module', autouse=True)
def client() -> Iterator[Client]:
    """A page to put elements on."""
    with Client(page('')) as client:
        yield client
    client.delete()


@given(TEXT, st.dictionaries(NAMES, TEXT, max_size=4))
def test_every_text_arrives_as_it_was(text: str, attributes: dict[str, str]) -> None:
    """Text and attributes, whatever is in them, are read back unchanged and open no element."""
    with Tag('p', text, **attributes) as outer:
        Tag('b', text)
    read = Read(render(outer))
    assert read.tags == [('p', attributes), ('b', {})]
    assert ''.join(read.texts) == text + text


@given(TEXT, TEXT)
def test_classes_and_styles_cannot_break_out(word: str, value: str) -> None:
    """A class or a style that holds a quotation mark stays inside its attribute."""
    element = ui.element('div')
    element.classes[:] = [word]
    element.style['color'] = value
    (tag,) = Read(render(element)).tags
    assert tag == ('div', {'style': f'color:{value};'} | ({'class': word} if word else {}))


def test_trusted_markup_goes_in_as_it_is() -> None:
    """A Static holds markup, and nothing of it is escaped."""
    assert (
        render(Static(Markup('<b>&amp;</b>'), 'section', role='note'))
        == '<section role="note"><b>&amp;</b></section>'
    )


def test_values_are_written_as_vue_writes_them() -> None:
    """True is a bare attribute, but a word for ARIA; None and False leave it out; a number is written."""
    element = Tag('input')
    element.props.update({'disabled': True, 'hidden': False, 'title': None, 'tabindex': 0, ':max': 'f()'})
    element.props.update({'aria-busy': True, 'aria-pressed': False})
    assert render(element) == '<input disabled tabindex="0" aria-busy="true" aria-pressed="false">'


def test_the_frame_of_a_page_is_made_of_plain_elements(client: Client) -> None:
    """Quasar's layout is painted with one main, whose classes are those that Quasar gives it."""
    painted = render(client.layout)
    assert [(tag, found.get('class')) for tag, found in Read(painted).tags][:3] == [
        ('div', 'q-layout nicegui-layout'),
        ('div', 'q-page-container'),
        ('main', 'q-page'),
    ]


def test_a_frame_is_for_browsers_without_script() -> None:
    """A frame is painted where only a browser without script loads it; Vue makes the other one."""
    assert render(Tag('iframe', src='/x')) == '<noscript><iframe src="/x"></iframe></noscript>'


def test_what_cannot_be_seen_is_not_painted() -> None:
    """A timer leaves nothing; a hidden element is painted with the class that hides it."""
    assert render(ui.timer(1, lambda: None, active=False)) == ''
    hidden = Tag('p', 'x')
    hidden.set_visibility(False)
    assert render(hidden) == '<p class="hidden">x</p>'


@pytest.mark.parametrize(
    ('tag', 'props'),
    [
        ('q-btn', {}),
        ('script', {}),
        ('style', {}),
        ('p', {'onclick': 'x'}),
        ('p', {'innerHTML': '<b>'}),
        ('p', {'a b': 'x'}),
        ('p', {'a>b': 'x'}),
        ('p', {'options': ['x']}),
        ('iframe', {'srcdoc': '<b>'}),
    ],
)
def test_what_only_a_browser_can_draw_is_refused(tag: str, props: dict[str, object]) -> None:
    """A component, a script, a handler or a value that is no text is an error, deep inside as well."""
    with ui.element('div') as outer:
        inner = Element(tag)
        inner.props.update(props)
    with pytest.raises(Unrenderable):
        render(outer)


def _source() -> str:
    assert templates.env.loader is not None
    return templates.env.loader.get_source(templates.env, 'index.html')[0]


def test_niceguis_template_has_the_places(caplog: pytest.LogCaptureFixture) -> None:
    """The installed NiceGUI's template still is what the first paint was made for."""
    edited = FirstPaint(templates.env).preprocess(_source(), 'index.html')
    assert edited.startswith('{% set painted')
    assert edited.index('{{ painted }}</div>') < edited.index(SCRIPTS) < edited.index('socket.io')
    for place in ('@import', '<div id="app"', '{% for url in js_imports_urls'):
        only_unpainted = re.findall(r'{% if not painted %}\s*' + re.escape(place), edited)
        assert len(only_unpainted) == _source().count(place) > 0
    assert caplog.text == ''


@pytest.mark.parametrize(
    'gone', ['<body>', '<div id="app"', '@import url(', 'js_imports_urls', 'socket_io_js_query_params']
)
def test_another_template_stays_as_it_is(gone: str, caplog: pytest.LogCaptureFixture) -> None:
    """Where one of the places is missing the template is left alone, and the log says so."""
    changed = _source().replace(gone, 'something else')
    with caplog.at_level(logging.ERROR):
        assert FirstPaint(templates.env).preprocess(changed, 'index.html') == changed
    assert 'no first paint' in caplog.text
