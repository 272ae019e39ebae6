"""The settings of the mail: the SMTP server as a URL, and addresses."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

from services.settings.parsers import Context, Problem, switch
from services.settings.urls import LOOPBACK, split

ADDRESS = re.compile(r'[^@\s<>",;:()\\\x00-\x1f\x7f]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*')
SHAPE = (
    'must look like smtp://user:password@host:587 or smtps://user:password@host:465 '
    '(in user and password write %40 for @, %3A for :, %2F for /, %25 for %)'
)
PORTS = {'smtp': 587, 'smtps': 465}


@dataclass(frozen=True)
class SmtpServer:
    """The server that takes our mail.

    ``tls`` encrypts from the start, ``starttls`` before anything is said; at most one of them is set.
    """

    host: str
    port: int
    user: str = ''
    password: str = field(default='', repr=False)
    tls: bool = False
    starttls: bool = False


def smtp_server(value: str, context: Context) -> SmtpServer | None:
    """Take the URL of an SMTP server; None without one.

    With ``smtp`` the server must offer STARTTLS, unless it is this machine or the URL ends with ?starttls=0.
    """
    if not value:
        return None
    scheme = value.partition(':')[0].lower()
    url = split(re.sub('^smtps?:', 'https:', value, flags=re.IGNORECASE))
    if scheme not in PORTS or url is None or not url.hostname or url.path not in ('', '/') or url.fragment:
        raise Problem(SHAPE)
    options = parse_qs(url.query, keep_blank_values=True)
    if set(options) - {'starttls'} or (options and scheme == 'smtps'):
        raise Problem(SHAPE)
    local = url.hostname in LOOPBACK
    starttls = not local
    if options:
        starttls = switch(options['starttls'][-1], context)
    user, password = unquote(url.username or ''), unquote(url.password or '')
    if bool(user) != bool(password):
        raise Problem('has a user without a password, or a password without a user')
    if user and not (starttls or local or scheme == 'smtps'):
        raise Problem('would send the password unencrypted: leave out ?starttls=0')
    return SmtpServer(
        url.hostname,
        url.port or PORTS[scheme],
        user,
        password,
        tls=scheme == 'smtps',
        starttls=starttls and scheme == 'smtp',
    )


def address(value: str, _context: Context) -> str:
    """Take an e-mail address, or ''."""
    if value and not ADDRESS.fullmatch(value):
        raise Problem('is not an e-mail address')
    return value


def sender(value: str, context: Context) -> str:
    """Take the address that mail is sent from; it is needed where mail is sent."""
    if not value and context.texts['SMTP_URL']:
        raise Problem('is missing: with SMTP_URL it is needed')
    return address(value, context)
