"""A message in words, and the e-mail it becomes: plain text and HTML that say the same."""

import re
import textwrap
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).with_name('templates')
LINE = 72  # columns of the plain text
LONGEST_HEADER = 150
LOCAL_PART = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)


@dataclass(frozen=True)
class Button:
    """The one thing to do: its words and the address it leads to."""

    words: str
    url: str


@dataclass(frozen=True)
class Note:
    """One of several matters in a message, with a link where there is something to look at."""

    title: str
    text: str
    url: str = ''


@dataclass(frozen=True)
class Message:
    """What an e-mail says; plain text throughout.

    ``id`` is the left part of the Message-ID: the same message has the same one however often it is sent.
    ``banner`` is what must be said first, such as that no real money moves. ``facts`` are rows of a name and
    a value. ``closing`` follows the button.
    """

    id: str
    to: str
    subject: str
    text: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[Note, ...] = ()
    button: Button | None = None
    closing: tuple[str, ...] = ()
    banner: str = ''


@dataclass(frozen=True)
class Letterhead:
    """What all messages of one shop share.

    ``accent`` and ``accent_dark`` are its colours as #rrggbb, ``contact`` the lines at the end of each
    message, ``host`` the right part of the Message-ID.
    """

    name: str
    sender: str
    reply_to: str
    contact: tuple[str, ...]
    accent: str
    accent_dark: str
    host: str


def build(message: Message, letterhead: Letterhead, *, now: datetime) -> EmailMessage:
    """Make the e-mail.

    Args:
        message: what it says.
        letterhead: who says it.
        now: for the Date header, in UTC.

    Raises:
        ValueError: the recipient's address cannot be written into an e-mail.
    """
    mail = EmailMessage(policy=SMTP)
    mail['Date'] = now
    mail['From'] = Address(_line(letterhead.name), addr_spec=letterhead.sender)
    mail['To'] = Address(addr_spec=ascii_address(message.to))
    mail['Reply-To'] = Address(_line(letterhead.name), addr_spec=ascii_address(letterhead.reply_to))
    mail['Subject'] = _line(message.subject)
    mail['Message-ID'] = f'<{message.id}@{letterhead.host}>'
    mail['Auto-Submitted'] = 'auto-generated'  # RFC 3834: out-of-office replies stay away
    mail.set_content(as_text(message, letterhead), cte='quoted-printable')
    mail.add_alternative(as_html(message, letterhead), subtype='html', cte='quoted-printable')
    return mail


def as_text(message: Message, letterhead: Letterhead) -> str:
    """Write the message as plain text; addresses stand alone on a line, so that every reader links them."""
    parts = [message.banner, *message.text]
    if message.facts:
        width = max(len(name) for name, _ in message.facts) + 2
        parts.append('\n'.join(f'{name + ":":{width}}{_line(value, 500)}' for name, value in message.facts))
    for note in message.notes:
        parts.append('\n'.join(filter(None, (f'* {note.title}', note.text, note.url))))
    if message.button:
        parts.append(f'{message.button.words}:\n{message.button.url}')
    parts += message.closing
    parts.append('\n'.join(('-- ', letterhead.name, *letterhead.contact)))
    return '\n\n'.join(_wrapped(part) for part in parts if part) + '\n'


def as_html(message: Message, letterhead: Letterhead) -> str:
    """Write the message as HTML that needs no picture and no style sheet from elsewhere."""
    return _templates().get_template('message.html').render(message=message, letterhead=letterhead)


def ascii_address(address: str) -> str:
    """Return an address with its domain as it travels.

    Raises:
        ValueError: it is no address, or its first part needs a server that takes other letters than ASCII's.
    """
    local, at, domain = address.strip().rpartition('@')
    if not at or '=?' in local or not LOCAL_PART.fullmatch(local):
        raise ValueError('an address that cannot be written into an e-mail')
    try:
        domain = domain.encode('idna').decode()
    except UnicodeError as error:
        raise ValueError('an address whose domain cannot exist') from error
    if not re.fullmatch(r'[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*', domain):
        raise ValueError('an address whose domain cannot exist')
    return f'{local}@{domain}'


def _line(text: str, longest: int = LONGEST_HEADER) -> str:
    """Return a text as one line without control characters; a header ends at the first line break.

    The standard library takes what looks like an encoded word in a header's text for one, and decodes it.
    """
    shown = ' '.join(text.split())
    shown = ''.join(
        letter for letter in shown if unicodedata.category(letter) not in ('Cc', 'Cs', 'Zl', 'Zp')
    )
    shown = shown.replace('=?', '= ?')
    return shown if len(shown) <= longest else shown[: longest - 1].rstrip() + '…'


def _wrapped(text: str) -> str:
    """Break long lines between words; an address is never broken."""
    wrap = textwrap.TextWrapper(LINE, break_long_words=False, break_on_hyphens=False)
    return '\n'.join(wrap.fill(line) if len(line) > LINE else line for line in text.split('\n'))


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
