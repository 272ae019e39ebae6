"""What makes NiceGUI's pages faster gives the same results as NiceGUI's own code."""

import inspect
import re
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as some
from nicegui import client, helpers
from nicegui.client import HTML_ESCAPE_TABLE
from nicegui.helpers import functions

from tests.pages.customer import Customer
from ui.rendering.nicegui_speed import Escapable, PageJson, expects_arguments


@given(some.text(some.sampled_from('&<>`$;#a"\\é✓') | some.characters()))
def test_a_page_is_escaped_as_nicegui_does(text: str) -> None:
    """Whatever the text is; an ampersand is not escaped twice."""
    assert Escapable(text).translate(HTML_ESCAPE_TABLE) == text.translate(HTML_ESCAPE_TABLE)


class Handlers:
    """Handlers with and without arguments."""

    def none(self) -> None:
        """Take nothing."""

    def optional(self, given: int = 1, *more: int, **others: int) -> None:
        """Take what is given."""

    def one(self, needed: int) -> None:
        """Take one argument."""

    @classmethod
    def of_class(cls, needed: int) -> None:
        """Take one argument."""


HANDLERS = Handlers()


@pytest.mark.parametrize(
    'handler',
    [
        HANDLERS.none, HANDLERS.optional, HANDLERS.one, Handlers.of_class, Handlers.one, lambda: None,
        lambda needed: needed, partial(HANDLERS.one, 1), partial(HANDLERS.one), print, str.upper, 'a'.upper,
    ],
)  # fmt: skip
def test_a_handler_takes_what_nicegui_says(handler: Callable[..., object]) -> None:
    """At the first question and at later ones."""
    wanted = functions.expects_arguments(handler)
    assert [expects_arguments(handler), expects_arguments(handler)] == [wanted, wanted]


def test_nicegui_uses_it(customer: Customer) -> None:
    """It looks both up where they were put, and needs no other part of its JSON."""
    assert helpers.expects_arguments is expects_arguments
    source = inspect.getsource(client)
    assert 'helpers.expects_arguments(' in source
    assert 'elements.translate(HTML_ESCAPE_TABLE)' in source
    assert vars(client)['json'] is PageJson
    assert set(re.findall(r'\bjson\.(\w+)', source)) <= vars(PageJson).keys()
