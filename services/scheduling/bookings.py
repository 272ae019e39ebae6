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

    ``event_type`` is Calendly's name of its event type, '' where it does not say. ``has_payment`` says that
    Calendly itself took a payment for it. ``was_read`` says that it was read at Calendly just now; a delivery
    may be late.
    """

    booking: Booking
    booking_key: str
    moved: bool = False
    event_type: str = ''
    has_payment: bool = False
    was_read: bool = False


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
        return update_from(event['payload'], was_read=False)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise BadRequest('This is not a delivery of a Calendly invitee.') from error


def update_from(payload: Mapping[str, Any], *, was_read: bool = True) -> BookingUpdate:
    """Translate an invitee of API v2 that has its ``scheduled_event`` in it, as deliveries do.

    Args:
        payload: the invitee.
        was_read: whether it was read at Calendly just now.

    Raises:
        ValueError, LookupError, TypeError: it is none.
    """
    event = payload['scheduled_event']
    location = event.get('location') or {}
    cancellation = payload.get('cancellation') or {}
    is_canceled = 'canceled' in (payload.get('status'), event.get('status'))
    booking = Booking(
        invitee_id=plain_text(payload['uri']),
        state=BookingState.CANCELED if is_canceled else BookingState.ACTIVE,
        start=time_of(event['start_time']),
        end=time_of(event['end_time']),
        timezone=plain_text(payload.get('timezone')),
        email=plain_text(payload.get('email')),
        name=plain_text(payload.get('name')),
        phone=plain_text(payload.get('text_reminder_number')),
        place=place_of(location),
        link_follows=link_follows(location),
        reschedule_url=_link(payload.get('reschedule_url')),
        cancel_url=_link(payload.get('cancel_url')),
        canceled_by=_canceler(cancellation.get('canceler_type')),
        cancel_reason=plain_text(cancellation.get('reason')),
        replaces=plain_text(payload.get('old_invitee')),
        no_show=bool(payload.get('no_show')),
    )
    key = (payload.get('tracking') or {}).get('utm_content')
    return BookingUpdate(
        booking,
        str(key or ''),
        moved=bool(payload.get('rescheduled')),
        event_type=plain_text(event.get('event_type')),
        has_payment=bool(payload.get('payment')),
        was_read=was_read,
    )


def place_of(location: Mapping[str, Any]) -> str:
    """Return where a meeting takes place: the link to join it, or an address or a phone number."""
    return plain_text(location.get('join_url') or location.get('location'), limit=2000)


def link_follows(location: Mapping[str, Any]) -> bool:
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
