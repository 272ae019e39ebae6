"""Bookings as Calendly describes them, in deliveries and in lists."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.errors import BadRequest
from services.orders import Booking, BookingState, Canceler, plain_text

ONLINE = frozenset('gotomeeting webex zoom'.split())
"""The kinds of online meeting that are not called ``…_conference``."""


@dataclass(frozen=True)
class BookingUpdate:
    """A booking as it is now, the key of its order, and whether another meeting takes its place.

    ``event_type`` is Calendly's name of its event type, '' where it does not say.
    """

    booking: Booking
    booking_key: str
    moved: bool = False
    event_type: str = ''


def read_kind(body: bytes) -> str:
    """Return the kind of a delivery whose signature was checked.

    Raises:
        BadRequest: the body is no delivery.
    """
    try:
        event = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise BadRequest('This is not JSON.') from error
    if not isinstance(event, dict) or not isinstance(event.get('event'), str):
        raise BadRequest('This is not a delivery of Calendly.')
    return str(event['event'])


def read_id(body: bytes) -> str:
    """Return an id for a delivery, which has none of its own; one that is sent again has the same."""
    try:
        event: dict[str, Any] = json.loads(body.decode())
        named = f'{event["event"]} {event["payload"]["uri"]} {event["created_at"]}'.encode()
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        named = body
    return hashlib.sha256(named).hexdigest()


def read_update(body: bytes) -> BookingUpdate:
    """Return the content of a delivery about an invitee.

    Args:
        body: the raw bytes, as they arrived.

    Raises:
        BadRequest: the body is not such a delivery.
    """
    try:
        event: dict[str, Any] = json.loads(body.decode())
        return update_from(event['payload'])
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise BadRequest('This is not a delivery of a Calendly invitee.') from error


def update_from(payload: Mapping[str, Any]) -> BookingUpdate:
    """Translate an invitee of API v2 that has its ``scheduled_event`` in it, as deliveries do.

    Raises:
        ValueError, LookupError, TypeError: it is none.
    """
    event = payload['scheduled_event']
    location = event.get('location') or {}
    cancellation = payload.get('cancellation') or {}
    booking = Booking(
        invitee_id=plain_text(payload['uri']),
        state=BookingState.CANCELED if payload.get('status') == 'canceled' else BookingState.ACTIVE,
        start=time_of(event['start_time']),
        end=time_of(event['end_time']),
        timezone=plain_text(payload.get('timezone')),
        email=plain_text(payload.get('email')),
        name=plain_text(payload.get('name')),
        phone=plain_text(payload.get('text_reminder_number')),
        place=_place(location),
        link_follows=_link_follows(location),
        reschedule_url=_link(payload.get('reschedule_url')),
        cancel_url=_link(payload.get('cancel_url')),
        canceled_by=_canceler(cancellation.get('canceler_type')),
        cancel_reason=plain_text(cancellation.get('reason')),
        replaces=plain_text(payload.get('old_invitee')),
    )
    key = (payload.get('tracking') or {}).get('utm_content')
    moved, event_type = bool(payload.get('rescheduled')), plain_text(event.get('event_type'))
    return BookingUpdate(booking, str(key or ''), moved=moved, event_type=event_type)


def _place(location: Mapping[str, Any]) -> str:
    return plain_text(location.get('join_url') or location.get('location'), limit=2000)


def _link_follows(location: Mapping[str, Any]) -> bool:
    """Whether a meeting is online and has no link yet; only a location that is ``pushed`` has one."""
    kind = str(location.get('type') or '')
    return (kind in ONLINE or kind.endswith('_conference')) and not location.get('join_url')


def _canceler(value: object) -> Canceler:
    known = {canceler.value: canceler for canceler in Canceler}
    return known.get(str(value), Canceler.UNKNOWN)


def _link(value: object) -> str:
    """Keep an address only if a browser may follow it from our page."""
    link = plain_text(value, limit=2000)
    return link if link.lower().startswith(('https://', 'http://')) else ''


def time_of(value: str) -> datetime:
    """Read a time as Calendly writes it; ValueError when it is none."""
    time = datetime.fromisoformat(value)
    if time.tzinfo is None:
        raise ValueError('a time without a zone')
    if not 2000 <= time.year < 3000:
        raise ValueError('a time out of range')
    return time.astimezone(UTC)
