"""References for people, and texts of people made safe to keep."""

import re
import secrets
import unicodedata

# Without letters and digits that are mistaken for one another when read out on the phone.
REFERENCE_ALPHABET = '23456789ABCDEFGHJKMNPQRSTVWXYZ'
LOCAL_PART = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
DOMAIN = re.compile(rf'({LABEL}\.)+{LABEL}', re.ASCII)
LONGEST_LOCAL_PART, LONGEST_EMAIL = 64, 254  # RFC 5321


def plain_text(value: object, *, limit: int = 500) -> str:
    """Keep what people write from a text of outside: no control characters, no halves of characters."""
    text = str(value or '')
    return ''.join(letter for letter in text if unicodedata.category(letter) not in ('Cc', 'Cs'))[:limit]


def new_reference() -> str:
    """Make a short public reference that can be read out on the phone."""
    letters = [secrets.choice(REFERENCE_ALPHABET) for _ in range(8)]
    return f'{"".join(letters[:4])}-{"".join(letters[4:])}'


def parse_email(typed: str) -> str:
    """Return an e-mail address as it is written to; its domain in the letters of the DNS.

    It takes what an HTML field for e-mail addresses takes, if the domain has a dot.

    Args:
        typed: what somebody has typed.

    Raises:
        ValueError: it is no address.
    """
    local, _, domain = typed.strip().rpartition('@')
    try:
        domain = domain.encode('idna').decode().lower()
    except UnicodeError as error:
        raise ValueError('no domain') from error
    email = f'{local}@{domain}'
    is_short = len(local) <= LONGEST_LOCAL_PART and len(email) <= LONGEST_EMAIL
    if not (is_short and LOCAL_PART.fullmatch(local) and DOMAIN.fullmatch(domain)):
        raise ValueError('no e-mail address')
    return email
