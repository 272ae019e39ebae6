"""What a URL alone says: its host, its origin, whether it is public."""

import ipaddress
import re
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

import httpx

CALENDLY_HOST = 'calendly.com'
DEFAULT_PORTS = {'http': 80, 'https': 443}
LOOPBACK = frozenset({'localhost', '127.0.0.1', '::1'})


def split(url: str) -> SplitResult | None:
    """Split an http or https URL into its parts; None when the text is no such URL."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ('http', 'https') and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # such as a port that is not a number
        return None
    return parts if usable and not re.search(r'[\s\\<>"]', url) else None


def normalised(url: str) -> str:
    """Return scheme, host and port of a URL in one spelling, '' when the text is no URL.

    Small letters, an international name in its ASCII form, no dot at the end of the host, no port that the
    scheme implies, no path.
    """
    parts = split(url)
    if parts is None or parts.hostname is None:
        return ''
    host = parts.hostname.rstrip('.')
    if not host.isascii():
        with suppress(httpx.InvalidURL):
            host = httpx.URL(f'https://{host}').raw_host.decode()
    if not host:
        return ''
    port = '' if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f':{parts.port}'
    return f'{parts.scheme}://' + (f'[{host}]' if ':' in host else host) + port


def host_of(url: str) -> str:
    """Return the host name of a URL, '' when the text is no URL."""
    parts = split(url)
    return (parts.hostname or '') if parts else ''


def host_names(url: str) -> frozenset[str]:
    """Return all names of a URL's host: a loopback host has several, and the sandbox may use any of them."""
    host = host_of(url)
    return LOOPBACK if host in LOOPBACK else frozenset({host} - {''})


def origin_of(url: str, host: str = '') -> str:
    """Return scheme, host and port of a URL, '' when the text is no URL.

    Args:
        url: the URL.
        host: another name of its host to use instead.
    """
    parts = split(url)
    if parts is None or parts.hostname is None:
        return ''
    host = host or parts.hostname
    port = f':{parts.port}' if parts.port else ''
    return f'{parts.scheme}://' + (f'[{host}]' if ':' in host else host) + port


def origins_of(url: str) -> frozenset[str]:
    """Return a URL's origins under all names of its host, without IPv6: a policy cannot express that."""
    return frozenset(origin_of(url, name) for name in host_names(url) if ':' not in name)


def is_calendly(url: str) -> bool:
    """Say whether a URL is at Calendly, and by https."""
    host = host_of(url)
    return url.lower().startswith('https://') and (
        host == CALENDLY_HOST or host.endswith(f'.{CALENDLY_HOST}')
    )


def is_public(url: str) -> bool:
    """Say whether the internet can reach a URL's host: not this machine, not a private network."""
    host = host_of(url)
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return not re.search(r'(^|\.)(localhost|local|test|internal)$', host) and '.' in host
