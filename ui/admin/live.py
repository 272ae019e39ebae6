"""Lists that change while somebody looks at them: only what is new or different is sent to the browser."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup
from nicegui import ui
from nicegui.element import Element

from ui.components.elements import Static


@dataclass(frozen=True)
class Entry:
    """One entry of a list.

    Attributes:
        key: tells it from the others, and stays the same while it exists.
        text: what is read; it may change at any time, so nothing in it takes the focus.
        controls: builds its links and forms. They stay as they are, with the focus and what was typed, while
            ``controls_for`` stays the same.
        controls_for: what the controls depend on.
        class_: how it looks.
    """

    key: str
    text: Markup
    controls: Callable[[], Markup] | None = field(default=None, compare=False)
    controls_for: object = None
    class_: str = ''


class LiveList:
    """A list in the order given; an entry that was shown before keeps its element."""

    def __init__(self, tag: str = 'ul', entry_tag: str = 'li', *, class_: str) -> None:
        """Make it, empty, where the page is being built.

        Args:
            tag: the element around the list.
            entry_tag: the element of an entry.
            class_: how the list looks.
        """
        self._entry_tag = entry_tag
        self.element = ui.element(tag).classes(class_)
        self._shown: dict[str, _Shown] = {}

    def show(self, entries: Sequence[Entry]) -> None:
        """Show these entries, in this order."""
        wanted = {entry.key for entry in entries}
        for key in [key for key in self._shown if key not in wanted]:
            self._shown.pop(key).element.delete()
        with self.element:
            for index, entry in enumerate(entries):
                if entry.key not in self._shown:
                    self._shown[entry.key] = _Shown(entry, self._entry_tag)
                else:
                    self._shown[entry.key].update(entry)
                element = self._shown[entry.key].element
                if self.element.default_slot.children[index] is not element:
                    element.move(target_index=index)
        self.element.set_visibility(bool(entries))


class _Shown:
    """One entry as it is on the page."""

    def __init__(self, entry: Entry, tag: str) -> None:
        self._entry = entry
        self._controls: Static | None = None
        self.element: Element = ui.element(tag).classes(entry.class_)
        with self.element:
            self._text = Static(entry.text).classes('text')
        self._show_controls()

    def update(self, entry: Entry) -> None:
        """Show what has changed."""
        before, self._entry = self._entry, entry
        self._text.show(entry.text)
        if entry.class_ != before.class_:
            self.element.classes(replace=entry.class_)
        is_same = bool(entry.controls) == bool(before.controls)
        if not is_same or entry.controls_for != before.controls_for:
            self._show_controls()

    def _show_controls(self) -> None:
        """Build the controls anew, or take them away."""
        build = self._entry.controls
        if self._controls and not build:
            self._controls.delete()
            self._controls = None
        elif self._controls and build:
            self._controls.show(build())
        elif build:
            with self.element:
                self._controls = Static(build()).classes('controls')
