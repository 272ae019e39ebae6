"""What in the texts of the site is still made up: addresses and numbers that reach nobody."""

import re
from collections.abc import Iterator

from services.site.model import Place, Site

MADE_UP = re.compile(
    r"""
    \b[\w.@-]*\.(example|invalid)\b |       # reserved by RFC 2606
    \b[\w.@-]*\bexample\.(com|net|org)\b |
    \b555[ .)-]*01\d\d\b                   # reserved for fiction in North America
    """,
    re.VERBOSE,
)
HOURS = 'Monday to Friday, 9 am to 5 pm Eastern'
"""The hours in our site.toml. They may be true, so they are named only beside other examples."""


def examples_in(site: Site) -> list[str]:
    """Return the places that still hold an example, each with its text, such as ``[contact] phone``."""
    return [f'{_in_toml(place)} is {text!r}' for place, text in example_places(site)]


def example_places(site: Site) -> list[tuple[Place, str]]:
    """Return the places that still hold an example, each with its text."""
    found = [(place, text) for place, text in _texts(site.model_dump(), ()) if MADE_UP.search(text)]
    if found and site.contact.hours == HOURS:
        found.append((('contact', 'hours'), HOURS))
    return found


def _texts(value: object, place: Place) -> Iterator[tuple[Place, str]]:
    """Yield every text with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, (*place, name))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _texts(inner, (*place, number))


def _in_toml(place: Place) -> str:
    """Write a place in the words of TOML, entries counted from 1."""
    table, *rest = (str(part + 1) if isinstance(part, int) else part for part in place)
    return ' '.join([f'[{table}]', *rest] if rest else [table])
