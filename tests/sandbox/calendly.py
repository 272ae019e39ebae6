"""What the tests of the sandbox's Calendly share: its owner, its event type, its pages and how to book."""

import re
from html import unescape
from typing import Any

import httpx


def user(api: httpx.Client) -> str:
    """Return the URI of the host."""
    return str(api.get('users/me').json()['resource']['uri'])


def organization(api: httpx.Client) -> str:
    """Return the URI of the host's organization."""
    return str(api.get('users/me').json()['resource']['current_organization'])


def event_type(api: httpx.Client) -> dict[str, Any]:
    """Return the event type."""
    found: dict[str, Any] = api.get('event_types', params={'user': user(api)}).json()['collection'][0]
    return found


def links(page: httpx.Response) -> list[str]:
    """Return the URLs of the times on a booking page."""
    return [unescape(found) for found in re.findall(r'href="([^"]*start=[^"]*)"', page.text)]


def hidden(page: httpx.Response) -> dict[str, str]:
    """Return the hidden inputs of a page."""
    found = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    return {name: unescape(value) for name, value in found}


def booked(page_client: httpx.Client, address: str) -> httpx.Response:
    """Book the first time on a booking page."""
    details = page_client.get(links(page_client.get(address))[0])
    filled = dict(re.findall(r'<input id="(\w+)" name="\w+" value="([^"]*)"', details.text))
    values = {name: unescape(value) for name, value in filled.items()}
    return page_client.post(str(details.url).partition('?')[0], data=hidden(details) | values)
