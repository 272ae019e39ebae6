"""The event types of the account at Calendly that a shop could sell, and making one."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from services.errors import CalendarRefused, CalendarUnavailable
from services.orders import plain_text
from services.scheduling.api import CalendlyApi

PATH = '/event_types'
LONGEST_NAME = 55


@dataclass(frozen=True)
class ListedEventType:
    """An event type that can be booked; ``link`` is its public address."""

    uri: str
    name: str
    link: str
    minutes: int
    is_secret: bool = False
    is_paid: bool = False

    @property
    def concern(self) -> str:
        """What the operator should know before choosing it; '' for nothing."""
        if self.is_paid:
            return 'takes a payment of its own: customers would pay twice'
        return '' if self.is_secret else 'is on your public page: anybody can book it there without paying'


class EventTypes:
    """The event types that the token may see."""

    def __init__(self, api: CalendlyApi) -> None:
        """Make it; nothing is requested yet.

        Args:
            api: sends the requests.
        """
        self._api = api

    async def read_all(self) -> tuple[ListedEventType, ...]:
        """Return the active event types of the user, then those of the organization.

        Raises:
            CalendarUnavailable: Calendly cannot be reached or refuses.
        """
        found = {each.uri: each for each in await self._of('user')}
        with suppress(CalendarRefused):  # only an admin may read the organization
            found |= {each.uri: each for each in await self._of('organization') if each.uri not in found}
        return tuple(found.values())

    async def make(self, name: str, minutes: int) -> ListedEventType:
        """Make an active one-on-one event type.

        Calendly's API cannot make it secret, nor choose a place or questions: the operator does that there.

        Args:
            name: what invitees see.
            minutes: its length.

        Raises:
            CalendarUnavailable: Calendly cannot be reached or refuses.
        """
        owner = (await self._api.me())['uri']
        body = {'name': name[:LONGEST_NAME], 'owner': owner, 'duration': minutes, 'active': True}
        return _from((await self._api.ask('POST', PATH, json=body))['resource'])

    async def _of(self, owner: str) -> list[ListedEventType]:
        pages = self._api.pages(PATH, {'active': 'true'}, owner=owner)
        try:
            return [_from(each) async for each in pages if not each.get('deleted_at')]
        except (LookupError, TypeError, AttributeError) as error:
            raise CalendarUnavailable(f'the event types cannot be read: {error!r}') from error


def _from(data: Mapping[str, Any]) -> ListedEventType:
    return ListedEventType(
        uri=str(data['uri']),
        name=plain_text(data.get('name')),
        link=str(data['scheduling_url']),
        minutes=int(data.get('duration') or 0),
        is_secret=bool(data.get('secret')),
        is_paid=bool(data.get('is_paid')),
    )
