"""Server rendering: a browser reads back exactly what the elements hold."""

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
from ui.rendering.nicegui_template import END_OF_CONTENT, PageTemplate, with_server_rendering
from ui.rendering.render import Unrenderable, render

TEXT = st.text(st.characters(blacklist_categories=['Cs']))
NAMES = st.from_regex(r'(data|aria)-[a-z]{1,8}', fullmatch=True)


class ParsedHtml(HTMLParser):
    """HTML as a browser reads it: tags with their attributes, and texts."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Record a text."""
        self.texts.append(data)


@pytest.fixture(scope='module', autouse=True)
def client() -> Iterator[Client]:
    """Open a page for the elements."""
    with Client(page('')) as client:
        yield client
    client.delete()


@given(TEXT, st.dictionaries(NAMES, TEXT, max_size=4))
def test_every_text_is_read_back_unchanged(text: str, attributes: dict[str, str]) -> None:
    """Any text and any attribute is read back unchanged and opens no element."""
    with Tag('p', text, **attributes) as outer:
        Tag('b', text)
    parsed = ParsedHtml(render(outer))
    assert parsed.tags == [('p', attributes), ('b', {})]
    assert ''.join(parsed.texts) == text + text


@given(TEXT, TEXT)
def test_classes_and_styles_cannot_break_out(word: str, value: str) -> None:
    """A class or a style that holds a quotation mark stays inside its attribute."""
    element = ui.element('div')
    element.classes[:] = [word]
    element.style['color'] = value
    (tag,) = ParsedHtml(render(element)).tags
    assert tag == ('div', {'style': f'color:{value};'} | ({'class': word} if word else {}))


def test_trusted_markup_is_not_escaped() -> None:
    """The markup of a Static is written as it is."""
    assert (
        render(Static(Markup('<b>&amp;</b>'), 'section', role='note'))
        == '<section role="note"><b>&amp;</b></section>'
    )


def test_values_are_written_as_vue_writes_them() -> None:
    """True is a bare attribute, or "true" for ARIA; None and False leave it out; numbers are written."""
    element = Tag('input')
    element.props.update({'disabled': True, 'hidden': False, 'title': None, 'tabindex': 0, ':max': 'f()'})
    element.props.update({'aria-busy': True, 'aria-pressed': False})
    assert render(element) == '<input disabled tabindex="0" aria-busy="true" aria-pressed="false">'


def test_the_layout_is_rendered_as_plain_elements(client: Client) -> None:
    """Quasar's layout is rendered with one main element and with Quasar's classes."""
    html = render(client.layout)
    assert [(tag, found.get('class')) for tag, found in ParsedHtml(html).tags][:3] == [
        ('div', 'q-layout nicegui-layout'),
        ('div', 'q-page-container'),
        ('main', 'q-page'),
    ]


def test_an_iframe_is_for_browsers_without_script() -> None:
    """An iframe is rendered inside noscript; Vue creates the other one."""
    assert render(Tag('iframe', src='/x')) == '<noscript><iframe src="/x"></iframe></noscript>'


def test_invisible_elements_stay_invisible() -> None:
    """A timer is not rendered; a hidden element is rendered with the class that hides it."""
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
def test_elements_that_need_a_browser_are_refused(tag: str, props: dict[str, object]) -> None:
    """A component, a script, an event handler or a value that is not text is an error, nested ones too."""
    with ui.element('div') as outer:
        inner = Element(tag)
        inner.props.update(props)
    with pytest.raises(Unrenderable):
        render(outer)


def _source() -> str:
    assert templates.env.loader is not None
    return templates.env.loader.get_source(templates.env, 'index.html')[0]


def test_the_template_is_the_expected_one(caplog: pytest.LogCaptureFixture) -> None:
    """The installed NiceGUI's template has every part that server rendering edits."""
    edited = PageTemplate(templates.env).preprocess(_source(), 'index.html')
    assert edited.startswith('{% set rendered')
    assert edited.index('{{ rendered }}</div>') < edited.index(END_OF_CONTENT) < edited.index('socket.io')
    for part in ('@import', '<div id="app"', '{% for url in js_imports_urls'):
        only_unrendered = re.findall(r'{% if not rendered %}\s*' + re.escape(part), edited)
        assert len(only_unrendered) == _source().count(part) > 0
    assert caplog.text == ''


@pytest.mark.parametrize(
    'missing', ['<body>', '<div id="app"', '@import url(', 'js_imports_urls', 'socket_io_js_query_params']
)
def test_an_unexpected_template_is_not_rendered_into(missing: str, caplog: pytest.LogCaptureFixture) -> None:
    """When a part is missing the template gets no server rendering, the log says so, and nonces stay."""
    changed = _source().replace(missing, 'something else')
    with caplog.at_level(logging.ERROR):
        assert with_server_rendering(changed, 'index.html') == changed
    assert 'no server rendering' in caplog.text
    edited = PageTemplate(templates.env).preprocess(changed, 'index.html')
    nonce, role = ' data-cfasync="false" nonce="{{ request.state.nonce }}"', ' role="alert"'
    assert edited.count(f'<script{nonce}') == changed.count('<script') > 0
    assert edited.replace(nonce, '').replace(role, '') == changed
