"""The client of Calendly: calendar links for orders, and the bookings that came of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx

from services.errors import CalendarUnavailable
from services.orders import Order
from services.scheduling.bookings import BookingUpdate, time_of, update_from
from services.settings import LOOPBACK

API = 'https://api.calendly.com'
HOST = 'calendly.com'
DEADLINE = timedelta(seconds=6)
PAGES = 20  # of a hundred event types or meetings each; nobody has more
MAX_MEETINGS = 50  # booked since an order was made
SKEW = timedelta(hours=1)  # between Calendly's clock and ours, at most


class Scheduling:
    """Calendly, as far as this shop needs it."""

    def __init__(self, link: str, *, token: str, api_base: str, domain: str, hosts: frozenset[str]) -> None:
        """Make a client; nothing is requested yet.

        Args:
            link: the event type's public address.
            token: a personal access token, or '' when single-use links cannot be made.
            api_base: another address of the API, or '' for Calendly's own.
            domain: the shop's public address; the frame is given its host.
            hosts: host names, besides Calendly's own, that a calendar may be at.
        """
        self._link = link
        self._token = token
        self._host = urlsplit(domain).netloc
        self._hosts = hosts
        self._event_type = ''
        self._http = httpx.AsyncClient(
            base_url=api_base or API,
            headers={'Authorization': f'Bearer {token}'},
            timeout=httpx.Timeout(4, connect=2),
            # Plain http (the sandbox) has no certificate, and reading all trusted ones takes long.
            verify=not api_base.startswith('http://'),
        )

    async def close(self) -> None:
        """Close the connections to Calendly."""
        await self._http.aclose()

    @property
    def makes_links(self) -> bool:
        """Whether every order gets a single-use link of its own."""
        return bool(self._token)

    async def make_link(self) -> str:
        """Make a link that books once (POST /scheduling_links, developer.calendly.com).

        Raises:
            CalendarUnavailable: Calendly cannot be reached or refuses.
        """
        remembered = self._event_type
        try:
            return await self._make_link(remembered or await self._find_event_type())
        except CalendarUnavailable as error:
            if not remembered or not _means_missing(error):
                raise
            # The event type was made anew under the same address.
            return await self._make_link(await self._find_event_type())

    async def _make_link(self, event_type: str) -> str:
        body = {'max_event_count': 1, 'owner': event_type, 'owner_type': 'EventType'}
        answer = await self._ask('POST', '/scheduling_links', json=body)
        try:
            link = str(answer['resource']['booking_url'])
        except (KeyError, TypeError) as error:
            raise CalendarUnavailable('Calendly answered without a link') from error
        host = urlsplit(link).hostname or ''
        if host != HOST and not host.endswith(f'.{HOST}') and host not in self._hosts:
            raise CalendarUnavailable(f'the calendar is at an unexpected host: {host}')
        return link

    def url_for(self, order: Order, link: str = '') -> str:
        """Return the address of the frame: the link, prefilled, with the order's booking key.

        Args:
            order: a verified order.
            link: its single-use link, or '' for the public address of the event type.
        """
        base, _, query = (link or self._link).partition('?')
        added = {
            'embed_type': 'Inline',
            'embed_domain': self._host,
            'name': order.facts.name,
            'email': order.facts.email,
            'utm_content': order.booking_key,
        }
        existing = {
            name: value for name, value in parse_qsl(query, keep_blank_values=True) if name not in added
        }
        pairs = existing | {name: value for name, value in added.items() if value}
        return f'{base}?{urlencode(pairs, quote_via=quote, safe="")}'

    async def find_bookings(self, booking_key: str, *, since: datetime) -> list[BookingUpdate]:
        """Find the bookings of an order, moved and canceled ones too, oldest booking first.

        A moved meeting does not carry the key (GET /scheduled_events/…/invitees, developer.calendly.com); it
        names the one it replaces.

        Args:
            booking_key: of the order.
            since: when the order was made, in UTC.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, refuses, or has too many to read.
        """
        try:
            async with asyncio.timeout(DEADLINE.total_seconds()):
                invitees = await self._invitees(since - SKEW)
            return [update_from(invitee) for invitee in _of_order(invitees, booking_key)]
        except (LookupError, TypeError, ValueError, AttributeError, TimeoutError) as error:
            raise CalendarUnavailable(f'the bookings cannot be read: {error!r}') from error

    async def _invitees(self, since: datetime) -> list[dict[str, Any]]:
        """Read who booked our event type since then, each with the event in it, oldest booking first."""
        event_type = self._event_type or await self._find_event_type()
        wanted = {'min_start_time': since.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}
        later = [
            event
            async for event in self._pages('/scheduled_events', wanted)
            if event['event_type'] == event_type and time_of(event['created_at']) >= since
        ]
        if len(later) > MAX_MEETINGS:
            raise CalendarUnavailable(f'{len(later)} meetings are too many to read')
        found: list[dict[str, Any]] = []
        for event in sorted(later, key=lambda event: time_of(event['created_at'])):
            name = quote(event['uri'].rpartition('/')[2], safe='')
            answer = await self._ask('GET', f'/scheduled_events/{name}/invitees')
            found += [invitee | {'scheduled_event': event} for invitee in answer['collection']]
        return found

    async def _find_event_type(self) -> str:
        """Find the API's name of the event type behind the public address; remembered once found."""
        async for event_type in self._pages('/event_types', {}):
            if _same_url(event_type.get('scheduling_url', ''), self._link):
                self._event_type = str(event_type['uri'])
                return self._event_type
        raise CalendarUnavailable('no event type of this Calendly user has the address in CALENDLY_LINK')

    async def _pages(self, path: str, wanted: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        """Read a list of what belongs to the user whose token this is."""
        user = (await self._ask('GET', '/users/me'))['resource']['uri']
        page = wanted | {'user': user, 'count': '100'}
        for _ in range(PAGES):
            answer = await self._ask('GET', path, params=page)
            for each in answer.get('collection', []):
                yield each
            token = (answer.get('pagination') or {}).get('next_page_token')
            if not token:
                return
            page['page_token'] = token

    async def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            async with asyncio.timeout(DEADLINE.total_seconds()):
                answer = await self._http.request(method, path, **options)
            answer.raise_for_status()
            data: dict[str, Any] = answer.json()
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            raise CalendarUnavailable(f'{method} {path}: {str(error) or type(error).__name__}') from error
        return data


def _of_order(invitees: list[dict[str, Any]], booking_key: str) -> list[dict[str, Any]]:
    """Return those who carry a key, and those who took their places."""
    found: dict[str, dict[str, Any]] = {}
    for invitee in invitees:
        carried = (invitee.get('tracking') or {}).get('utm_content')
        if carried == booking_key or invitee.get('old_invitee') in found:
            found[invitee['uri']] = invitee
    return list(found.values())


def _means_missing(error: CalendarUnavailable) -> bool:
    """Whether Calendly said that what we named does not exist."""
    cause = error.__cause__
    return isinstance(cause, httpx.HTTPStatusError) and cause.response.status_code in (400, 403, 404, 422)


def _same_url(one: str, other: str) -> bool:
    a, b = urlsplit(one), urlsplit(other)
    same_host = a.hostname == b.hostname or {a.hostname, b.hostname} <= LOOPBACK
    return same_host and a.path.rstrip('/').lower() == b.path.rstrip('/').lower()
