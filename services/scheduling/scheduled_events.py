"""Reads Calendly's scheduled events: when each takes place, and who booked it.

A list of them has no invitee in it, and no filter by event type, booking key or time of booking
(developer.calendly.com, scheduled events). So the invitees are read event by event.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from services.errors import CalendarRefused, CalendarUnavailable
from services.orders import BookingState, plain_text
from services.scheduling.api import CalendlyApi
from services.scheduling.bookings import BookingUpdate, link_follows, place_of, time_of, update_from
from services.scheduling.event_type import EventType

VERSION = ('updated_at', 'status', 'start_time', 'end_time', 'location', 'invitees_counter')


@dataclass(frozen=True)
class ScheduledEvent:
    """One event of the event type that is sold, as a list shows it; times in UTC.

    ``invitees`` counts those who booked it, ``active`` those of them who have not canceled. ``version`` is
    another one after each change of the event.
    """

    uri: str
    state: BookingState
    start: datetime
    end: datetime
    place: str
    link_follows: bool
    created_at: datetime
    invitees: int
    active: int
    version: str
    resource: Mapping[str, Any] = field(repr=False, compare=False)


class ScheduledEvents:
    """Reads the events of the event type that is sold."""

    def __init__(self, api: CalendlyApi, event_type: EventType) -> None:
        self._api = api
        self._event_type = event_type

    async def since(self, start: datetime, *, patient: bool = False) -> list[ScheduledEvent]:
        """List the events that start at a time or later, canceled ones too, the oldest booking first.

        Args:
            start: in UTC.
            patient: wait for turns while Calendly's limit is reached, and leave room for customers.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses.
        """
        ours = await self._event_type.known_uri()
        wanted = {'min_start_time': start.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}
        owner = self._event_type.owner
        try:
            found = [
                _event(resource)
                async for resource in self._api.pages(
                    '/scheduled_events', wanted, owner=owner, patient=patient
                )
                if resource['event_type'] == ours
            ]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise CalendarUnavailable(f'the scheduled events cannot be read: {error!r}') from error
        return sorted(found, key=lambda event: event.created_at)

    async def bookings(self, event: ScheduledEvent, *, patient: bool = False) -> list[BookingUpdate]:
        """Read who booked an event, earliest first.

        Args:
            event: from the list.
            patient: wait for a turn while Calendly's limit is reached, and leave room for customers.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses.
        """
        name = quote(event.uri.rpartition('/')[2], safe='')
        path = f'/scheduled_events/{name}/invitees'
        answer = await self._api.ask('GET', path, patient=patient, params={'count': '100'})
        try:
            invitees = sorted(answer['collection'], key=lambda invitee: str(invitee.get('created_at') or ''))
            return [update_from(invitee | {'scheduled_event': event.resource}) for invitee in invitees]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise CalendarRefused(f'the invitees of an event cannot be read: {error!r}') from error


def _event(resource: Mapping[str, Any]) -> ScheduledEvent:
    location, counter = resource.get('location') or {}, resource.get('invitees_counter') or {}
    seen = json.dumps([resource.get(name) for name in VERSION], sort_keys=True)
    canceled = resource.get('status') == 'canceled'
    return ScheduledEvent(
        uri=plain_text(resource['uri']),
        state=BookingState.CANCELED if canceled else BookingState.ACTIVE,
        start=time_of(resource['start_time']),
        end=time_of(resource['end_time']),
        place=place_of(location),
        link_follows=link_follows(location),
        created_at=time_of(resource['created_at']),
        invitees=int(counter.get('total') or 1),
        active=0 if canceled else int(counter.get('active') or 1),
        version=hashlib.sha256(seen.encode()).hexdigest(),
        resource=resource,
    )
