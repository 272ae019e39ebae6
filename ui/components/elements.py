"""The elements pages are made of, and what a page can ask of its browser."""

from markupsafe import Markup
from nicegui import ui
from nicegui.elements.mixins.content_element import ContentElement
from nicegui.elements.mixins.text_element import TextElement

from ui.components.builder import h


class Tag(TextElement):
    """A native element with a text, which the browser never reads as HTML."""

    def __init__(self, tag: str, text: str = '', **attributes: str) -> None:
        super().__init__(tag=tag, text=text)
        self.props.update(_named(attributes))


class Static(ContentElement):
    """A native element around trusted markup; a whole static part of a page is one of these."""

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
    """Send this browser to another URL; pages redirect here and nowhere else."""
    ui.context.client.open(url)


def refresh_without_script(seconds: int) -> None:
    """Reload this page after a while in browsers that run no script; the others are updated live."""
    meta = h('meta', http_equiv='refresh', content=str(seconds))
    ui.add_head_html(str(h('noscript', meta)))
