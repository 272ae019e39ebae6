"""What in the texts of the site is still made up: addresses and numbers that reach nobody."""

import re
from collections.abc import Iterator

from services.site.model import Site

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
    found = [f'{place} is {text!r}' for place, text in _texts(site.model_dump(), '') if MADE_UP.search(text)]
    if found and site.contact.hours == HOURS:
        found.append(f'[contact] hours is {HOURS!r}')
    return found


def _texts(value: object, place: str) -> Iterator[tuple[str, str]]:
    """Yield every text with its place, in the words of TOML."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            nested = isinstance(inner, dict)
            yield from _texts(inner, f'[{name}]' if nested or not place else f'{place} {name}')
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value, start=1):
            yield from _texts(inner, f'{place} {number}')
