"""The only door to Calendly: a calendar address for an order, and what a delivery says of a meeting."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx

from services.errors import BadRequest, CalendarUnavailable
from services.orders import Booking, Order, plain_text
from services.settings import LOOPBACK

API = 'https://api.calendly.com'
HOST = 'calendly.com'
DEADLINE = timedelta(seconds=6)
PAGES = 20  # of a hundred event types each; nobody has more
REPLAY_WINDOW = timedelta(minutes=3)


@dataclass(frozen=True)
class Meeting:
    """What a delivery says: a booking, the key of its order, and whether another meeting takes its place."""

    booking: Booking
    booking_key: str
    moved: bool = False


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

    async def _find_event_type(self) -> str:
        """Find the API's name of the event type behind the public address; remembered once found."""
        user = (await self._ask('GET', '/users/me'))['resource']['uri']
        page: dict[str, str] = {'user': user, 'count': '100'}
        for _ in range(PAGES):
            answer = await self._ask('GET', '/event_types', params=page)
            for event_type in answer.get('collection', []):
                if _same_address(event_type.get('scheduling_url', ''), self._link):
                    self._event_type = str(event_type['uri'])
                    return self._event_type
            token = (answer.get('pagination') or {}).get('next_page_token')
            if not token:
                break
            page['page_token'] = token
        raise CalendarUnavailable('no event type of this Calendly user has the address in CALENDLY_LINK')

    async def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            async with asyncio.timeout(DEADLINE.total_seconds()):
                answer = await self._http.request(method, path, **options)
            answer.raise_for_status()
            data: dict[str, Any] = answer.json()
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            raise CalendarUnavailable(f'{method} {path}: {str(error) or type(error).__name__}') from error
        return data


def signed_meeting(
    body: bytes, header: str, key: str, *, now: Callable[[], float] = time.time
) -> tuple[str, str, Meeting]:
    """Return id, kind and content of a delivery that Calendly signed.

    Args:
        body: the raw bytes, as they arrived.
        header: the Calendly-Webhook-Signature header, ``t=…,v1=…`` over ``t.body``.
        key: the subscription's signing key.
        now: seconds since 1970.

    Raises:
        BadRequest: the signature is wrong or too old, or the body is not such a delivery.
    """
    _check_signature(body, header, key, now())
    return read_meeting(body)


def read_meeting(body: bytes) -> tuple[str, str, Meeting]:
    """Return id, kind and content of a delivery whose signature was checked.

    Args:
        body: the raw bytes, as they arrived.

    Raises:
        BadRequest: the body is not such a delivery.
    """
    try:
        event: dict[str, Any] = json.loads(body.decode())
        json.dumps(event, ensure_ascii=False).encode()  # halves of characters reach no database
        payload = event['payload']
        event_id = hashlib.sha256(f'{event["event"]} {payload["uri"]} {event["created_at"]}'.encode())
        return event_id.hexdigest(), str(event['event']), _meeting_from(payload)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise BadRequest('This is not a delivery of a Calendly invitee.') from error


def _check_signature(body: bytes, header: str, key: str, now: float) -> None:
    parts = [part.partition('=') for part in header.split(',')]
    stamp = next((value for name, _, value in parts if name.strip() == 't'), '')
    right = hmac.new(key.encode(), stamp.encode() + b'.' + body, hashlib.sha256).hexdigest()
    given = [value.strip() for name, _, value in parts if name.strip() == 'v1']
    if not any(hmac.compare_digest(value.encode(), right.encode()) for value in given):
        raise BadRequest('This is not a delivery signed by Calendly.')
    if not stamp.isdecimal() or abs(now - int(stamp)) > REPLAY_WINDOW.total_seconds():
        raise BadRequest('This delivery is too old, or its clock is wrong.')


def _meeting_from(payload: Mapping[str, Any]) -> Meeting:
    """Translate a flat v2 invitee payload."""
    event = payload['scheduled_event']
    booking = Booking(
        invitee_id=plain_text(payload['uri']),
        state='canceled' if payload.get('status') == 'canceled' else 'active',
        start=_time(event['start_time']),
        end=_time(event['end_time']),
        timezone=plain_text(payload.get('timezone')),
        email=plain_text(payload.get('email')),
        name=plain_text(payload.get('name')),
        phone=plain_text(payload.get('text_reminder_number')),
        place=_place(event.get('location') or {}),
        reschedule_url=_link(payload.get('reschedule_url')),
        cancel_url=_link(payload.get('cancel_url')),
        replaces=plain_text(payload.get('old_invitee')),
    )
    key = (payload.get('tracking') or {}).get('utm_content')
    return Meeting(booking, str(key or ''), moved=bool(payload.get('rescheduled')))


def _place(location: Mapping[str, Any]) -> str:
    return plain_text(location.get('join_url') or location.get('location'))


def _link(value: object) -> str:
    """Keep an address only if a browser may follow it from our page."""
    return plain_text(value, limit=2000) if urlsplit(str(value or '')).scheme in ('http', 'https') else ''


def _time(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError('a time without a zone')
    if not 2000 <= moment.year < 3000:
        raise ValueError('a time that nobody meets at')
    return moment.astimezone(UTC)


def _names_nothing(error: CalendarUnavailable) -> bool:
    """Whether Calendly said that what we named does not exist."""
    cause = error.__cause__
    return isinstance(cause, httpx.HTTPStatusError) and cause.response.status_code in (400, 403, 404, 422)


def _same_address(one: str, other: str) -> bool:
    a, b = urlsplit(one), urlsplit(other)
    same_host = a.hostname == b.hostname or {a.hostname, b.hostname} <= LOOPBACK
    return same_host and a.path.rstrip('/').lower() == b.path.rstrip('/').lower()
