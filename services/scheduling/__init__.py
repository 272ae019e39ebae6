"""The only door to Calendly: a calendar address for an order, and the meetings that came of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx

from services.errors import CalendarUnavailable
from services.orders import Order
from services.scheduling.meetings import Meeting, meeting_from, read_meeting, signed_meeting, time_of
from services.settings import LOOPBACK

__all__ = ['Meeting', 'Scheduling', 'read_meeting', 'signed_meeting']

API = 'https://api.calendly.com'
HOST = 'calendly.com'
DEADLINE = timedelta(seconds=6)
PAGES = 20  # of a hundred event types or meetings each; nobody has more
LOOKED_AT = 50  # meetings, of those made since an order; its own comes soon after it


class Scheduling:
    """Calendly, as far as this shop needs it."""

    def __init__(self, link: str, *, token: str, api_base: str, domain: str, hosts: frozenset[str]) -> None:
        """Make a client; nothing is asked yet.

        Args:
            link: the event type's public address.
            token: a personal access token, or '' when single-use links cannot be made.
            api_base: another address of the API, or '' for Calendly's own.
            domain: the shop's public address; its host is told to the frame.
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
            # A double that speaks plain http shows no certificate; reading all trusted ones takes long.
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
            if not remembered or not _names_nothing(error):
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

    def address_for(self, order: Order, link: str = '') -> str:
        """Write the address of the frame: the link, prefilled, carrying the order's booking key.

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
        kept = {name: value for name, value in parse_qsl(query, keep_blank_values=True) if name not in added}
        pairs = kept | {name: value for name, value in added.items() if value}
        return f'{base}?{urlencode(pairs, quote_via=quote, safe="")}'

    async def meetings(self, booking_key: str, *, since: datetime) -> list[Meeting]:
        """Look up the meetings that carry the booking key of an order (GET /scheduled_events, …/invitees).

        Args:
            booking_key: of the order.
            since: when the order was made, in UTC; its meetings were made later.

        Raises:
            CalendarUnavailable: Calendly cannot be reached or refuses.
        """
        wanted = {'status': 'active', 'min_start_time': since.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}
        try:
            events = [each async for each in self._pages('/scheduled_events', wanted)]
            later = [event for event in events if time_of(event['created_at']) >= since]
            found: list[Meeting] = []
            for event in sorted(later, key=lambda event: str(event['created_at']))[:LOOKED_AT]:
                name = quote(event['uri'].rpartition('/')[2], safe='')
                answer = await self._ask('GET', f'/scheduled_events/{name}/invitees')
                found += [meeting_from(it | {'scheduled_event': event}) for it in answer['collection']]
        except (LookupError, TypeError, ValueError) as error:
            raise CalendarUnavailable('Calendly tells of meetings in a way that is not understood') from error
        return [meeting for meeting in found if meeting.booking_key == booking_key]

    async def _find_event_type(self) -> str:
        """Find the API's name of the event type behind the public address; remembered once found."""
        async for event_type in self._pages('/event_types', {}):
            if _same_address(event_type.get('scheduling_url', ''), self._link):
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


def _names_nothing(error: CalendarUnavailable) -> bool:
    """Whether Calendly said that what we named does not exist."""
    cause = error.__cause__
    return isinstance(cause, httpx.HTTPStatusError) and cause.response.status_code in (400, 403, 404, 422)


def _same_address(one: str, other: str) -> bool:
    a, b = urlsplit(one), urlsplit(other)
    same_host = a.hostname == b.hostname or {a.hostname, b.hostname} <= LOOPBACK
    return same_host and a.path.rstrip('/').lower() == b.path.rstrip('/').lower()
