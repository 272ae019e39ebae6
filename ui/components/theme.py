"""The style sheet with its two accents, the icons and the favicon; no other file names a colour."""

import re
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

from services.site import Theme
from ui.components.builder import h

SHEET = Path(__file__).with_name('theme.css')
STROKES = {
    'phone': 'M7 4h2.6l1.4 3.8-1.9 1.4a11 11 0 0 0 5.7 5.7l1.4-1.9L20 14.4V17a2 2 0 0 1-2 2A15 15 0 0 1 5 6'
    'a2 2 0 0 1 2-2z',
    'check': 'M4 12.5l5.2 5.2L20 7',
    'mark': 'M5 4.75h14v14.5H5zM5 9h14M9 2.75v4M15 2.75v4M8.75 14.25l2.25 2.25 4.25-4.25',
}


@lru_cache(maxsize=2)  # one for a preview
def style(theme: Theme) -> Markup:
    """Build the style element for the head of a page."""
    return h('style', Markup(sheet(theme)))


def sheet(theme: Theme) -> str:
    """Read the style sheet, put in the accents of the site, and squeeze it."""
    text = SHEET.read_text(encoding='utf-8')
    return squeeze(text.replace('ACCENT', theme.accent).replace('NIGHT', theme.night))


def squeeze(text: str) -> str:
    """Remove comments and white space from a style sheet."""
    text = re.sub(r'\s*([{};,])\s*', r'\1', re.sub(r'(\s|/\*.*?\*/)+', ' ', text))
    return text.replace(': ', ':').replace(';}', '}').strip()


def icon(name: str, size: int = 20) -> Markup:
    """Build a decorative icon in the colour of the text around it.

    Args:
        name: one of STROKES.
        size: width and height in pixels.
    """
    path = h('path', d=STROKES[name])
    drawn = {'fill': 'none', 'stroke': 'currentColor', 'stroke_width': '1.5', 'stroke_linecap': 'round'}
    box = {'viewBox': '0 0 24 24', 'width': str(size), 'height': str(size), 'aria_hidden': 'true'}
    return h('svg', path, stroke_linejoin='round', **drawn, **box)


@lru_cache(maxsize=2)
def favicon(theme: Theme) -> Markup:
    """Build the site's favicon."""
    ground = h('rect', width='32', height='32', rx='8', fill=theme.accent)
    tick = h('path', d='M8.5 16.8l5 5 10-11', fill='none', stroke='#fff', stroke_width='3')
    return h('svg', ground, tick, xmlns='http://www.w3.org/2000/svg', viewBox='0 0 32 32')
