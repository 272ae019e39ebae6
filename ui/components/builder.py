"""Trusted markup: HTML made by our own functions, in which every text is escaped."""

import re

from markupsafe import Markup, escape

VOID = frozenset('br hr img input link meta'.split())

EMAIL_OFF, EMAIL_ON = Markup('<!--email_off-->'), Markup('<!--/email_off-->')
"""Cloudflare leaves the e-mail addresses between these comments as they are. In place of others it shows
"[email protected]" until a script of its own has run, and our pages without script do not let it run."""


def h(tag: str, /, *children: object, **attributes: str | bool | None) -> Markup:
    """Build one HTML element.

    Args:
        tag: its name.
        children: texts, which are escaped, and markup, which is not; None is left out.
        attributes: ``class_`` and ``aria_label`` become ``class`` and ``aria-label``; True is an attribute
            without value, False and None leave it out.
    """
    name = escape(tag)
    opened = f'<{name}{_attributes(attributes)}>'
    return Markup(opened if tag in VOID else f'{opened}{join(*children)}</{name}>')


def join(*parts: object) -> Markup:
    """Put texts, which are escaped, and markup, which is not, behind one another; None is left out."""
    return Markup('').join(escape(part) for part in parts if part is not None)


def paragraphs(text: str) -> Markup:
    """Turn plain text into paragraphs; an empty line begins a new one."""
    return join(*(h('p', part) for part in re.split(r'\s*\n\s*\n\s*', text.strip())))


def _attributes(attributes: dict[str, str | bool | None]) -> Markup:
    given = {name.rstrip('_').replace('_', '-'): value for name, value in attributes.items()}
    written = (
        f' {escape(name)}' if value is True else f' {escape(name)}="{escape(value)}"'
        for name, value in given.items()
        if value is not None and value is not False
    )
    return Markup(''.join(written))
