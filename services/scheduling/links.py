"""Makes single-use links: each books one meeting."""

from urllib.parse import urlsplit

from services.errors import CalendarUnavailable
from services.scheduling.api import CalendlyApi, answer_of, has_status
from services.scheduling.check import CalendarProblem, problem_of_error
from services.scheduling.event_type import EventType

HOST = 'calendly.com'


class SingleUseLinks:
    """Makes links, and keeps why the last one was refused."""

    def __init__(self, api: CalendlyApi, event_type: EventType, *, hosts: frozenset[str]) -> None:
        """Make it; nothing is requested yet.

        Args:
            api: sends the requests.
            event_type: what the links book.
            hosts: host names, besides Calendly's own, that a calendar may be at.
        """
        self._api = api
        self._event_type = event_type
        self._hosts = hosts
        self.refusal: CalendarProblem | None = None

    async def make(self) -> str:
        """Make a link that books once (POST /scheduling_links, developer.calendly.com).

        Raises:
            CalendarUnavailable: Calendly cannot be reached or refuses.
        """
        try:
            link = await self._make_for_known()
        except CalendarUnavailable as error:
            if answer_of(error) is not None:
                problem = problem_of_error(error)
                self.refusal = problem if problem.certain else None
            raise
        self.refusal = None
        return link

    async def _make_for_known(self) -> str:
        remembered = self._event_type.uri
        try:
            return await self._make(await self._event_type.known_uri())
        except CalendarUnavailable as error:
            if not remembered or not has_status(error, 400, 403, 404, 422):
                raise
            # The event type was made anew under the same address.
            return await self._make(await self._event_type.find())

    async def _make(self, event_type: str) -> str:
        body = {'max_event_count': 1, 'owner': event_type, 'owner_type': 'EventType'}
        answer = await self._api.ask('POST', '/scheduling_links', json=body)
        try:
            link = str(answer['resource']['booking_url'])
        except (KeyError, TypeError) as error:
            raise CalendarUnavailable('Calendly answered without a link') from error
        host = urlsplit(link).hostname or ''
        if host != HOST and not host.endswith(f'.{HOST}') and host not in self._hosts:
            raise CalendarUnavailable(f'the calendar is at an unexpected host: {host}')
        return link
