"""Reads meetings at Calendly: those of one order, or one by its name."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from services.errors import CalendarRefused, CalendarUnavailable
from services.scheduling.api import DEADLINE, CalendlyApi, has_status
from services.scheduling.bookings import BookingUpdate, time_of, update_from
from services.scheduling.event_type import EventType

MAX_MEETINGS = 50  # booked since an order was made
SKEW = timedelta(hours=1)  # between Calendly's clock and ours, at most


class Meetings:
    """Reads meetings of the event type that is sold."""

    def __init__(self, api: CalendlyApi, event_type: EventType) -> None:
        self._api = api
        self._event_type = event_type

    async def of_order(self, booking_key: str, *, since: datetime) -> list[BookingUpdate]:
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

    async def read(self, invitee_id: str) -> BookingUpdate | None:
        """Read one booking as it is now (GET /scheduled_events/…, developer.calendly.com).

        None when Calendly does not know it, such as one that was deleted.

        Args:
            invitee_id: the URI of the invitee, which ends in ``/scheduled_events/…/invitees/…``.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses.
        """
        event_id, _, invitee = (quote(part, safe='') for part in f'//{invitee_id}'.split('/')[-3:])
        try:
            event = (await self._api.ask('GET', f'/scheduled_events/{event_id}'))['resource']
            answer = await self._api.ask('GET', f'/scheduled_events/{event_id}/invitees/{invitee}')
            return update_from(answer['resource'] | {'scheduled_event': event})
        except CalendarRefused as error:
            if has_status(error, 404):
                return None
            raise
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise CalendarRefused(f'the booking cannot be read: {error!r}') from error

    async def _invitees(self, since: datetime) -> list[dict[str, Any]]:
        """Read who booked our event type since then, each with the event in it, oldest booking first."""
        event_type = await self._event_type.known_uri()
        wanted = {'min_start_time': since.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}
        later = [
            event
            async for event in self._api.pages('/scheduled_events', wanted, owner=self._event_type.owner)
            if event['event_type'] == event_type and time_of(event['created_at']) >= since
        ]
        if len(later) > MAX_MEETINGS:
            raise CalendarUnavailable(f'{len(later)} meetings are too many to read')
        found: list[dict[str, Any]] = []
        for event in sorted(later, key=lambda event: time_of(event['created_at'])):
            name = quote(event['uri'].rpartition('/')[2], safe='')
            answer = await self._api.ask('GET', f'/scheduled_events/{name}/invitees')
            found += [invitee | {'scheduled_event': event} for invitee in answer['collection']]
        return found


def _of_order(invitees: list[dict[str, Any]], booking_key: str) -> list[dict[str, Any]]:
    """Return those who carry a key, and those who took their places."""
    found: dict[str, dict[str, Any]] = {}
    for invitee in invitees:
        carried = (invitee.get('tracking') or {}).get('utm_content')
        if carried == booking_key or invitee.get('old_invitee') in found:
            found[invitee['uri']] = invitee
    return list(found.values())
