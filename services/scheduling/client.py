"""The client of Calendly: calendar links for orders, the bookings that came of them, and a check of both."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx

from services.errors import CalendarRefused, CalendarUnavailable
from services.orders import Order
from services.scheduling.bookings import BookingUpdate, time_of, update_from
from services.scheduling.check import (
    NOT_FOUND,
    CalendarProblem,
    answer_of,
    is_not_found,
    problem_of_error,
    problem_of_event_type,
    problem_of_page,
)
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
        self._owner = 'user'  # who lists the event type: the user or the organization
        self._refusal: CalendarProblem | None = None  # why the last link was not made
        self._http = httpx.AsyncClient(
            base_url=api_base or API,
            headers={'Authorization': f'Bearer {token}'},
            timeout=httpx.Timeout(4, connect=2),
            # Plain http (the sandbox) has no certificate, and reading all trusted ones takes long.
            verify=not api_base.startswith('http://'),
        )
        # For public pages: they must not be sent the token.
        self._pages_http = httpx.AsyncClient(
            timeout=httpx.Timeout(4, connect=2),
            follow_redirects=True,
            verify=not link.startswith('http://'),
        )

    async def close(self) -> None:
        """Close the connections to Calendly."""
        await self._http.aclose()
        await self._pages_http.aclose()

    @property
    def event_type(self) -> str:
        """The API's name of the event type that is sold, '' while it is not known."""
        return self._event_type

    async def check(self, minutes: int) -> CalendarProblem | None:
        """Check that what is sold can be booked; None when nothing is wrong.

        With a token: Calendly accepts it, and the event type exists, is active, takes no payment and has the
        right length. Without one: its public page exists.

        Args:
            minutes: the length that is sold.
        """
        if not self._token:
            return await self._check_page()
        try:
            event_type = await self._read_event_type()
        except CalendarUnavailable as error:
            return problem_of_error(error)
        if event_type is None:
            return await self._check_page() or NOT_FOUND
        return problem_of_event_type(event_type, minutes) or self._refusal

    async def _check_page(self) -> CalendarProblem | None:
        try:
            async with asyncio.timeout(DEADLINE.total_seconds()):
                answer = await self._pages_http.get(self._link)
        except (httpx.HTTPError, TimeoutError) as error:
            return problem_of_error(CalendarUnavailable(f'GET CALENDLY_LINK: {error!r}'))
        return problem_of_page(answer, self._link)

    @property
    def makes_links(self) -> bool:
        """Whether every order gets a single-use link of its own."""
        return bool(self._token)

    async def make_link(self) -> str:
        """Make a link that books once (POST /scheduling_links, developer.calendly.com).

        Raises:
            CalendarUnavailable: Calendly cannot be reached or refuses.
        """
        try:
            link = await self._make_link_of_event_type()
        except CalendarUnavailable as error:
            if answer_of(error) is not None:
                problem = problem_of_error(error)
                self._refusal = problem if problem.certain else None
            raise
        self._refusal = None
        return link

    async def _make_link_of_event_type(self) -> str:
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

    async def read_booking(self, invitee_id: str) -> BookingUpdate | None:
        """Read one booking as it is now (GET /scheduled_events/…, developer.calendly.com).

        None when Calendly does not know it, such as one that was deleted.

        Args:
            invitee_id: the URI of the invitee, which ends in ``/scheduled_events/…/invitees/…``.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses.
        """
        event_id, _, invitee = (quote(part, safe='') for part in f'//{invitee_id}'.split('/')[-3:])
        try:
            event = (await self._ask('GET', f'/scheduled_events/{event_id}'))['resource']
            answer = await self._ask('GET', f'/scheduled_events/{event_id}/invitees/{invitee}')
            return update_from(answer['resource'] | {'scheduled_event': event})
        except CalendarRefused as error:
            if is_not_found(error):
                return None
            raise
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise CalendarRefused(f'the booking cannot be read: {error!r}') from error

    async def _invitees(self, since: datetime) -> list[dict[str, Any]]:
        """Read who booked our event type since then, each with the event in it, oldest booking first."""
        event_type = self._event_type or await self._find_event_type()
        wanted = {'min_start_time': since.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}
        later = [
            event
            async for event in self._pages('/scheduled_events', wanted, owner=self._owner)
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
        if await self._read_event_type() is None:
            raise CalendarUnavailable(NOT_FOUND.problem)
        return self._event_type

    async def _read_event_type(self) -> dict[str, Any] | None:
        """Read the event type behind the public address; None when neither user nor organization lists it.

        Of several under one address, one that can be booked is meant: the others were deleted or replaced.
        """
        for owner in ('user', 'organization'):
            try:
                found = [
                    event_type
                    async for event_type in self._pages('/event_types', {}, owner=owner)
                    if _same_url(event_type.get('scheduling_url', ''), self._link)
                ]
                if found:
                    chosen = min(
                        found, key=lambda each: (bool(each.get('deleted_at')), not each.get('active'))
                    )
                    self._event_type, self._owner = str(chosen['uri']), owner
                    return chosen
            except CalendarUnavailable as error:
                if owner == 'user' or not _is_forbidden(error):
                    raise  # only an admin may read the organization
            except (LookupError, TypeError, AttributeError) as error:
                raise CalendarUnavailable(f'the event types cannot be read: {error!r}') from error
        return None

    async def _pages(self, path: str, wanted: dict[str, str], *, owner: str) -> AsyncIterator[dict[str, Any]]:
        """Read a list of what belongs to the user whose token this is, or to the organization."""
        user = (await self._ask('GET', '/users/me'))['resource']
        uri = user['uri'] if owner == 'user' else user['current_organization']
        page = wanted | {owner: uri, 'count': '100'}
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
            what = str(error).partition('\n')[0] or type(error).__name__
            kind = CalendarRefused if _is_refusal(error) else CalendarUnavailable
            raise kind(f'{method} {path}: {what}') from error
        return data


def _of_order(invitees: list[dict[str, Any]], booking_key: str) -> list[dict[str, Any]]:
    """Return those who carry a key, and those who took their places."""
    found: dict[str, dict[str, Any]] = {}
    for invitee in invitees:
        carried = (invitee.get('tracking') or {}).get('utm_content')
        if carried == booking_key or invitee.get('old_invitee') in found:
            found[invitee['uri']] = invitee
    return list(found.values())


def _is_refusal(error: Exception) -> bool:
    """Whether Calendly answered, and will answer other requests."""
    if not isinstance(error, httpx.HTTPStatusError):
        return False
    return error.response.is_client_error and error.response.status_code != 429


def _means_missing(error: CalendarUnavailable) -> bool:
    """Whether Calendly said that what we named does not exist."""
    answer = answer_of(error)
    return answer is not None and answer.status_code in (400, 403, 404, 422)


def _is_forbidden(error: CalendarUnavailable) -> bool:
    answer = answer_of(error)
    return answer is not None and answer.status_code == 403


def _same_url(one: str, other: str) -> bool:
    a, b = urlsplit(one), urlsplit(other)
    same_host = a.hostname == b.hostname or {a.hostname, b.hostname} <= LOOPBACK
    return same_host and a.path.rstrip('/').lower() == b.path.rstrip('/').lower()
