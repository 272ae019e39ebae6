"""What can be told from an address alone: its host, its origin, whether strangers can reach it."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

CALENDLY_HOST = 'calendly.com'
LOOPBACK = frozenset({'localhost', '127.0.0.1', '::1'})


def split(value: str) -> SplitResult | None:
    """Take an http(s) address apart; None when it is not one."""
    try:
        url = urlsplit(value)
        usable = url.scheme in ('http', 'https') and bool(url.hostname) and (url.port or 1) > 0
    except ValueError:  # such as a port that is no number
        return None
    return url if usable and not re.search(r'[\s\\<>"]', value) else None


def host_of(value: str) -> str:
    url = split(value)
    return (url.hostname or '') if url else ''


def names_of(value: str) -> frozenset[str]:
    """All names of the host of an address: a loopback host has several, and a double may use any of them."""
    host = host_of(value)
    return LOOPBACK if host in LOOPBACK else frozenset({host} - {''})


def origin_of(value: str, name: str = '') -> str:
    """Scheme, host and port of an address, under another name of its host if given; '' for no address."""
    url = split(value)
    if url is None or url.hostname is None:
        return ''
    host = name or url.hostname
    port = f':{url.port}' if url.port else ''
    return f'{url.scheme}://' + (f'[{host}]' if ':' in host else host) + port


def origins_of(value: str) -> frozenset[str]:
    """The origins of an address under all names of its host, but IPv6: a policy has no form for that."""
    return frozenset(origin_of(value, name) for name in names_of(value) if ':' not in name)


def is_calendly(value: str) -> bool:
    host = host_of(value)
    return value.startswith('https://') and (host == CALENDLY_HOST or host.endswith(f'.{CALENDLY_HOST}'))


def is_public(domain: str) -> bool:
    """Whether strangers could reach an address: not this machine, not a private network."""
    host = host_of(domain)
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return not re.search(r'(^|\.)(localhost|local|test|internal)$', host) and '.' in host
