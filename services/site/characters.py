"""Characters that are no part of a text: control characters, and those that turn round what stands beside."""

import unicodedata

LAYOUT = '\n\r\t'
TURNING = frozenset('\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069')
"""What Unicode calls Bidi_Control (PropList.txt); letters have their direction without them."""


def problem_of_characters(text: str) -> str:
    """Name the first such character and where it stands, in words that go on where a name ends.

    Args:
        text: plain text, with lines.

    Returns:
        '' for a text without any.
    """
    for at, letter in enumerate(text):
        if letter in TURNING or (unicodedata.category(letter) == 'Cc' and letter not in LAYOUT):
            where = f'after {text[max(0, at - 20) : at]!r}' if at else 'at its beginning'
            return f'has a character that cannot be seen (U+{ord(letter):04X}) {where}: delete it'
    return ''
