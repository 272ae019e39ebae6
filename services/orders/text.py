"""References for people, and texts of people made safe to keep."""

import secrets
import unicodedata

# Without letters and digits that are mistaken for one another when read out on the phone.
REFERENCE_ALPHABET = '23456789ABCDEFGHJKMNPQRSTVWXYZ'


def plain_text(value: object, *, limit: int = 500) -> str:
    """Keep what people write from a text of outside: no control characters, no halves of characters."""
    text = str(value or '')
    return ''.join(letter for letter in text if unicodedata.category(letter) not in ('Cc', 'Cs'))[:limit]


def new_reference() -> str:
    """Make a short public reference that can be read out on the phone."""
    letters = [secrets.choice(REFERENCE_ALPHABET) for _ in range(8)]
    return f'{"".join(letters[:4])}-{"".join(letters[4:])}'
