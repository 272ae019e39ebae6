"""Reads the free times of the event type that is sold."""

from datetime import UTC, datetime
from typing import Any

from services.errors import CalendarRefused, CalendarUnavailable
from services.scheduling.api import CalendlyApi, has_status
from services.scheduling.bookings import time_of
from services.scheduling.check import problem_of_error
from services.scheduling.event_type import EventType


class FreeTimes:
    """Reads free times; it needs the scope ``availability:read``."""

    def __init__(self, api: CalendlyApi, event_type: EventType) -> None:
        self._api = api
        self._event_type = event_type

    async def read(self, start: datetime, end: datetime) -> tuple[datetime, ...]:
        """Read the free times of a period, in UTC, soonest first.

        It is one request (GET /event_type_available_times, developer.calendly.com). The event type must have
        been found before: what finds it is the check of the calendar.

        Args:
            start: in the future; Calendly refuses the present.
            end: at most 31 days later.

        Raises:
            CalendarRefused: Calendly answered and refuses, such as for a token without the scope.
            CalendarUnavailable: Calendly cannot be reached, or the event type has not been found yet.
        """
        if not self._event_type.uri:
            raise CalendarUnavailable('the event type has not been found yet')
        try:
            answer = await self._read(start, end)
        except CalendarRefused as error:
            raise CalendarRefused(problem_of_error(error).problem) from error
        try:
            times = {time_of(each['start_time']) for each in answer['collection'] if _can_be_booked(each)}
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise CalendarUnavailable(f'the free times cannot be read: {error!r}') from error
        return tuple(sorted(times))

    async def _read(self, start: datetime, end: datetime) -> dict[str, Any]:
        try:
            return await self._ask(start, end)
        except CalendarRefused as error:
            if not has_status(error, 400, 404, 422) or await self._event_type.read() is None:
                raise
            return await self._ask(start, end)  # the event type was made anew under the same address

    async def _ask(self, start: datetime, end: datetime) -> dict[str, Any]:
        wanted = {
            'event_type': self._event_type.uri,
            'start_time': _written(start),
            'end_time': _written(end),
        }
        return await self._api.ask('GET', '/event_type_available_times', params=wanted)


def _can_be_booked(time: dict[str, Any]) -> bool:
    return bool(time.get('status', 'available') == 'available')


def _written(time: datetime) -> str:
    return time.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')
