"""Reads meetings at Calendly: those of one order, or one by its name."""

import asyncio
from datetime import datetime, timedelta
from urllib.parse import quote

from services.errors import CalendarRefused, CalendarUnavailable
from services.scheduling.api import DEADLINE, CalendlyApi, has_status
from services.scheduling.bookings import BookingUpdate, update_from
from services.scheduling.scheduled_events import ScheduledEvents

MAX_MEETINGS = 50  # booked since an order was made
SKEW = timedelta(hours=1)  # between Calendly's clock and ours, at most


class Meetings:
    """Reads meetings of the event type that is sold."""

    def __init__(self, api: CalendlyApi, events: ScheduledEvents) -> None:
        self._api = api
        self._events = events

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
                return _of_order(await self._booked(since - SKEW), booking_key)
        except TimeoutError as error:
            raise CalendarUnavailable(f'the bookings cannot be read: {error!r}') from error

    async def read(self, invitee_id: str, *, patient: bool = False) -> BookingUpdate | None:
        """Read one booking as it is now (GET /scheduled_events/…, developer.calendly.com).

        None when Calendly does not know it, such as one that was deleted.

        Args:
            invitee_id: the URI of the invitee, which ends in ``/scheduled_events/…/invitees/…``.
            patient: wait for turns while Calendly's limit is reached, and leave room for customers.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses.
        """
        event_id, _, invitee = (quote(part, safe='') for part in f'//{invitee_id}'.split('/')[-3:])
        try:
            path = f'/scheduled_events/{event_id}'
            event = (await self._api.ask('GET', path, patient=patient))['resource']
            answer = await self._api.ask('GET', f'{path}/invitees/{invitee}', patient=patient)
            return update_from(answer['resource'] | {'scheduled_event': event})
        except CalendarRefused as error:
            if has_status(error, 404):
                return None
            raise
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise CalendarRefused(f'the booking cannot be read: {error!r}') from error

    async def _booked(self, since: datetime) -> list[BookingUpdate]:
        """Read what was booked of our event type since then, oldest booking first."""
        later = [event for event in await self._events.since(since) if event.created_at >= since]
        if len(later) > MAX_MEETINGS:
            raise CalendarUnavailable(f'{len(later)} meetings are too many to read')
        return [update for event in later for update in await self._events.bookings(event)]


def _of_order(updates: list[BookingUpdate], booking_key: str) -> list[BookingUpdate]:
    """Return those who carry a key, and those who took their places."""
    found: dict[str, BookingUpdate] = {}
    for update in updates:
        if update.booking_key == booking_key or update.booking.replaces in found:
            found[update.booking.invitee_id] = update
    return list(found.values())
