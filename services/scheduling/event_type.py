"""Finds the event type that is sold: the one behind the public address in CALENDLY_LINK."""

from typing import Any
from urllib.parse import urlsplit

from services.errors import CalendarUnavailable
from services.scheduling.api import CalendlyApi, has_status
from services.scheduling.check import NOT_FOUND
from services.scheduling.shared_call import SharedCall
from services.settings import LOOPBACK

ANSWERS = 10  # that a link can fill in


class EventType:
    """Knows the API's name of the event type once it was found, and who lists it."""

    def __init__(self, api: CalendlyApi, link: str) -> None:
        """Make it; nothing is requested yet.

        Args:
            api: sends the requests.
            link: the event type's public address.
        """
        self._api = api
        self._link = link
        self._finding: SharedCall[str] = SharedCall()
        self.uri = ''
        self.owner = 'user'  # or 'organization'
        self.is_one_on_one = False
        self.is_public = False  # it is told that the host's page lists it
        self.phone_answer = ''  # the parameter that fills in its question for a telephone number, if any

    async def known_uri(self) -> str:
        """Return the API's name of the event type; asks Calendly only while it is not known.

        Raises:
            CalendarUnavailable: it cannot be found.
        """
        return self.uri or await self._finding.run(self.find)

    async def find(self) -> str:
        """Find the API's name of the event type; it is remembered.

        Raises:
            CalendarUnavailable: it cannot be found.
        """
        if await self.read() is None:
            raise CalendarUnavailable(NOT_FOUND.problem)
        return self.uri

    async def read(self) -> dict[str, Any] | None:
        """Read the event type (GET /event_types); None when neither user nor organization lists it.

        Of several under one address, one that can be booked is meant: the others were deleted or replaced.

        Raises:
            CalendarUnavailable: Calendly cannot be reached or refuses.
        """
        for owner in ('user', 'organization'):
            try:
                found = [
                    event_type
                    async for event_type in self._api.pages('/event_types', {}, owner=owner)
                    if _same_url(event_type.get('scheduling_url', ''), self._link)
                ]
                if found:
                    chosen = min(
                        found, key=lambda each: (bool(each.get('deleted_at')), not each.get('active'))
                    )
                    self.uri, self.owner = str(chosen['uri']), owner
                    self.is_one_on_one = _is_one_on_one(chosen)
                    self.is_public = chosen.get('secret') is False
                    self.phone_answer = phone_answer(chosen)
                    return chosen
            except CalendarUnavailable as error:
                if owner == 'user' or not has_status(error, 403):
                    raise  # only an admin may read the organization
            except (LookupError, TypeError, AttributeError) as error:
                raise CalendarUnavailable(f'the event types cannot be read: {error!r}') from error
        return None


def _is_one_on_one(event_type: dict[str, Any]) -> bool:
    """Whether one host meets one invitee: not a group, and not a team's round robin or collective."""
    return event_type.get('kind') == 'solo' and not event_type.get('pooling_type')


def phone_answer(event_type: dict[str, Any]) -> str:
    """Return ``a1`` where its first question asks for a telephone number, and so on; '' where none does.

    A link can fill in the answers to ten questions (calendly.com/help, "Pre-populate invitee information").
    """
    for question in event_type.get('custom_questions') or ():
        position = question.get('position')
        asks = question.get('type') == 'phone_number' and question.get('enabled')
        if asks and isinstance(position, int) and position < ANSWERS:
            return f'a{position + 1}'
    return ''


def _same_url(one: str, other: str) -> bool:
    a, b = urlsplit(one), urlsplit(other)
    same_host = a.hostname == b.hostname or {a.hostname, b.hostname} <= LOOPBACK
    return same_host and a.path.rstrip('/').lower() == b.path.rstrip('/').lower()
