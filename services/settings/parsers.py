"""How the text of a setting becomes its value: small functions, each for one kind of setting.

A parser takes the text and the context and returns the value, or raises `Problem`.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.settings import database_url
from services.settings.place import HOME
from services.settings.urls import (
    CALENDLY_HOST,
    LOOPBACK,
    host_names,
    host_of,
    is_calendly,
    normalised,
    split,
)

DEFAULT_PORT = 3000
SHORTEST_PASSWORD = 12  # characters
INTERNAL_PAGES = frozenset(
    'app event_types scheduled_events users login signup integrations organization account billing invitees '
    'cancellations reschedulings'.split()
)
"""First parts of Calendly's paths that no customer can book at."""
ONE_MONTH = ('month', 'date')
"""Parameters that Calendly adds to a link while one looks at a month or a day."""
KINDS = {
    'sk_': 'a secret key',
    'rk_': 'a restricted key',
    'pk_': 'a publishable key',
    'prod_': 'a product id',
    'price_': 'a price id',
    'whsec_': 'a webhook secret',
}
"""What a value is, by its public prefix."""


class Problem(Exception):
    """A value cannot be used; the text completes a sentence that begins with the setting's name."""


@dataclass(frozen=True)
class Context:
    """The texts of all settings, defaults included: what is right for one can depend on another."""

    texts: Mapping[str, str]

    @property
    def live(self) -> bool:
        """Whether the Stripe key moves real money."""
        return self.texts['STRIPE_SECRET_KEY'].split('_')[1:2] == ['live']


Parser = Callable[[str, Context], Any]


def text(value: str, _context: Context) -> str:
    """Take any text."""
    return value


def path(value: str, _context: Context) -> Path:
    """Take the path of a file; a relative one begins at the folder of main.py."""
    return HOME / value


def key(pattern: str) -> Parser:
    """Make a parser of keys, ids and tokens: '' or a text that matches a pattern."""

    def parse(value: str, _context: Context) -> str:
        if value and not re.fullmatch(pattern, value, re.ASCII):
            raise Problem(f'does not look right{_mistaken_for(value, pattern)}')
        return value

    return parse


def keys(pattern: str) -> Parser:
    """Make a parser of several such texts, with commas in between; none is an empty tuple."""
    one = key(pattern)

    def parse(value: str, context: Context) -> tuple[str, ...]:
        values = tuple(one(part.strip(), context) for part in value.split(',') if part.strip())
        if value and not values:
            raise Problem('has no value between its commas')
        return values

    return parse


def password(value: str, _context: Context) -> str:
    """Take a password that cannot be tried out, or ''."""
    if value and len(value) < SHORTEST_PASSWORD:
        raise Problem(f'is too short: it must have at least {SHORTEST_PASSWORD} characters')
    return value


def publishable_key(value: str, context: Context) -> str:
    """Take a publishable key of the same mode as the secret key."""
    value = str(key(r'pk_(test|live)_[\w-]+')(value, context))
    if value and context.texts['STRIPE_SECRET_KEY'] and (value[3:7] == 'live') != context.live:
        raise Problem('and STRIPE_SECRET_KEY must both be test keys or both be live keys')
    return value


def calendly_link(value: str, context: Context) -> str:
    """Take the URL of an event type at Calendly, or at the host that plays Calendly.

    A fragment is removed, because it would swallow the booking key; so is a month or day that was open.
    """
    url = split(value)
    api_base = context.texts['CALENDLY_API_BASE']
    if url is None:
        raise Problem(f'must begin with https://{CALENDLY_HOST}/')
    if url.hostname not in host_names(api_base) and not is_calendly(value):
        raise Problem(f'must begin with https://{CALENDLY_HOST}/')
    base = None if is_calendly(value) else split(api_base)
    prefix = base.path.rstrip('/') if base else ''
    _check_event_type_path(url.path.removeprefix(prefix), has_token=bool(context.texts['CALENDLY_TOKEN']))
    kept = [part for part in url.query.split('&') if part and not _is_one_month(part)]
    return normalised(value) + url.path.rstrip('/') + (f'?{"&".join(kept)}' if kept else '')


def left_out_of(link: str) -> list[str]:
    """Name what `calendly_link` leaves out of a link: the fragment, a month or day that was open."""
    url = split(link.strip(' "\''))
    if url is None:
        return []
    months = [part.partition('=')[0] for part in url.query.split('&') if _is_one_month(part)]
    return (['#…'] if url.fragment else []) + months


def _is_one_month(parameter: str) -> bool:
    return parameter.partition('=')[0] in ONE_MONTH


def _check_event_type_path(path: str, *, has_token: bool) -> None:
    """Refuse the path of a Calendly page at which not every customer can book one event type.

    Links that begin with /d/ are those of team event types, and single-use links, too: only the check with a
    token can tell them apart.
    """
    parts = [part.lower() for part in path.split('/') if part]
    first = parts[0] if parts else ''
    if first in INTERNAL_PAGES:
        raise Problem('is a page of your own Calendly account, not the link of an event type')
    if first == 's':
        raise Problem('is a single-use link: it works for one customer only')
    if first == 'd':
        if len(parts) != 3 or not has_token:
            raise Problem(
                'may be a single-use link, which works for one customer only; '
                'if it is the link of a team event type, set CALENDLY_TOKEN as well'
            )
    elif len(parts) < 2:
        raise Problem('is a profile page or no page at all; the link of an event type has one more part')
    elif len(parts) > 2:
        raise Problem('has more parts than the link of an event type; it may be the page of one time')


def domain(value: str, context: Context) -> str:
    """Take the URL that customers type, without a path, in one spelling; https where money is real."""
    if context.live and not value.lower().startswith('https://'):
        raise Problem('must begin with https:// when the Stripe key is live')
    value = normalised(_base_url(value, with_path=False))
    if context.live and host_of(value) in LOOPBACK:
        raise Problem('is this machine alone; with a live Stripe key it must be the URL that customers type')
    if value and not host_of(value).isascii():
        raise Problem('has a host name that cannot exist')
    return value


def api_base(value: str, context: Context) -> str:
    """Take another base URL of a vendor's API, '' for the vendor's own."""
    if value and context.live:
        raise Problem('must not be set together with a live Stripe key')
    return _base_url(value, with_path=True)


def listening(value: str, context: Context) -> str:
    """Take an address to listen on; the brackets that IPv6 addresses have in URLs are removed."""
    return text(value, context).removeprefix('[').removesuffix(']')


def host_name(value: str, context: Context) -> str:
    """Take a host name, or ''."""
    return str(key(r'[A-Za-z0-9.-]+')(value, context)).lower()


def is_port(text: str) -> bool:
    """Whether a text is the number of a port."""
    return bool(re.fullmatch(r'[0-9]{1,5}', text)) and 0 < int(text) < 65536


def port(value: str, context: Context) -> int:
    """Take a port; without one it is the port in DOMAIN, else 3000."""
    url = split(normalised(context.texts['DOMAIN']))  # :443 in DOMAIN is the proxy's port
    value = value or str((url.port if url else None) or DEFAULT_PORT)
    if not is_port(value):
        raise Problem('is not a port number')
    return int(value)


def database(value: str, _context: Context) -> str:
    """Take the URL of a database; a relative path of a file begins at the folder of main.py."""
    if problem := database_url.problem_of(value):
        raise Problem(problem)
    return database_url.normalised(value)


def whole_number(*, most: int) -> Parser:
    """Make a parser of whole numbers from 1 to ``most``."""

    def parse(value: str, _context: Context) -> int:
        if not re.fullmatch(r'[0-9]{1,9}', value) or not 1 <= int(value) <= most:
            raise Problem(f'must be a whole number from 1 to {most}')
        return int(value)

    return parse


def switch(value: str, _context: Context) -> bool:
    """Take 1 or 0, or a word that means the same."""
    value = value.lower()
    if value not in ('0', '1', 'no', 'yes', 'off', 'on', 'false', 'true'):
        raise Problem('must be 1 or 0')
    return value in ('1', 'yes', 'on', 'true')


def networks(value: str, _context: Context) -> str:
    """Take IP addresses and networks with commas in between; none means this machine alone."""
    parts = [part.strip() for part in value.split(',') if part.strip()]
    try:
        for part in parts:
            ipaddress.ip_network(part)
    except ValueError as error:
        raise Problem('must be IP addresses or networks, with commas in between') from error
    return ','.join(parts) or '127.0.0.1'


def choice(*words: str) -> Parser:
    """Make a parser that takes one of a few words."""

    def parse(value: str, _context: Context) -> str:
        if value.lower() not in words:
            raise Problem(f'must be one of {", ".join(words)}')
        return value.lower()

    return parse


def _base_url(value: str, *, with_path: bool) -> str:
    value = value.rstrip('/')
    url = split(value)
    if value and url is None:
        raise Problem('must be a URL that begins with https:// or http://')
    if url and (url.query or url.fragment or url.username or (url.path and not with_path)):
        raise Problem('must hold only scheme, host and port, and nothing after them')
    return value


def _mistaken_for(value: str, pattern: str) -> str:
    """Name what a value seems to be, by its public prefix only, unless that is what was wanted."""
    start = next((start for start in KINDS if value.startswith(start)), '')
    if start and start.rstrip('_') in re.split(r'\W|_', pattern):
        return ': a character is missing in it, or does not belong there'
    return f' (it seems to be {KINDS[start]})' if start else ''
