"""Shares: single-use links of a one-on-one event type that can be listed and deleted.

POST, GET and DELETE /shares, https://developer.calendly.com/api-docs/calendly-api/shares
"""

import asyncio
import enum
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from services.errors import CalendarRefused, CalendarUnavailable
from services.scheduling.api import PAGES, CalendlyApi, has_status, words_of
from services.scheduling.bookings import time_of
from services.scheduling.event_type import EventType

LIST_LIFETIME = 30.0  # seconds for which one reading of the list serves all orders
SKEW = timedelta(minutes=2)  # between Calendly's clock and ours


class ShareStatus(enum.StrEnum):
    """What became of a share; gone: the list does not have it, because it was deleted or switched off."""

    ACTIVE = 'active'
    BOOKED = 'booked'
    EXPIRED = 'expired'
    GONE = 'gone'


@dataclass(frozen=True)
class Share:
    """One share of the list: Calendly's name for it, its status and when it was made."""

    uri: str
    status: ShareStatus
    created_at: datetime


@dataclass(frozen=True)
class ShareList:
    """All shares that were made since a time, as they were at one moment, or why they could not be read."""

    since: datetime
    read_at: float
    shares: dict[str, Share]
    error: CalendarUnavailable | None = None


class Shares:
    """Reads and deletes the shares of the event type that is sold; `SingleUseLinks` makes them."""

    def __init__(self, api: CalendlyApi, event_type: EventType) -> None:
        self._api = api
        self._event_type = event_type
        self._list: ShareList | None = None
        self._reading = asyncio.Lock()

    async def status(self, uri: str, *, made_at: datetime) -> ShareStatus:
        """Return the status of a share; one reading of the list serves all orders for half a minute.

        Args:
            uri: Calendly's name of the share.
            made_at: when it was made, in UTC.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, refuses, or has too many shares to read.
        """
        since = made_at - SKEW
        async with self._reading:  # who comes while the list is read waits for it
            known = self._list
            if known is None or known.since > since or time.monotonic() - known.read_at > LIST_LIFETIME:
                try:
                    known = ShareList(since, time.monotonic(), await self._read(since))
                except CalendarUnavailable as error:
                    known = ShareList(since, time.monotonic(), {}, error)
                self._list = known
        if known.error:
            raise CalendarUnavailable(str(known.error)) from known.error
        share = known.shares.get(uri)
        return share.status if share else ShareStatus.GONE

    async def made_since(self, since: datetime) -> list[Share]:
        """Return the shares of the event type that were made since a time, in UTC.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, refuses, or has too many shares to read.
        """
        await self._event_type.known_uri()
        return list((await self._read(since - SKEW)).values()) if self._event_type.is_one_on_one else []

    async def delete(self, uri: str) -> str:
        """Delete a share; returns '' when it is gone, or why Calendly keeps it, such as one that was booked.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses the token.
        """
        try:
            await self._api.ask('DELETE', f'/shares/{quote(uri.rpartition("/")[2], safe="")}')
        except CalendarRefused as error:
            if has_status(error, 401):
                raise
            return '' if has_status(error, 404) else words_of(error) or str(error)
        finally:
            self._list = None
        return ''

    async def _read(self, since: datetime) -> dict[str, Share]:
        event_type = await self._event_type.known_uri()
        wanted = {'event_type': event_type, 'min_created_at': f'{since:%Y-%m-%dT%H:%M:%SZ}'}
        found: dict[str, Share] = {}
        try:
            async for each in self._api.pages('/shares', wanted, owner='user'):
                share = _share_from(each)
                found[share.uri] = share
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise CalendarUnavailable(f'the links cannot be read: {error!r}') from error
        if len(found) >= PAGES * 100:
            raise CalendarUnavailable(f'{len(found)} links are too many to read')
        return found


def _share_from(resource: dict[str, Any]) -> Share:
    return Share(str(resource['uri']), ShareStatus(resource['status']), time_of(resource['created_at']))
