"""Makes single-use links: each books one meeting."""

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from services.errors import CalendarRefused, CalendarUnavailable
from services.scheduling.api import CalendlyApi, answer_of, has_status, words_of
from services.scheduling.check import CalendarProblem, problem_of_error
from services.scheduling.event_type import EventType

log = logging.getLogger(__name__)

HOST = 'calendly.com'
WITHOUT_SHARES = 6 * 3600.0  # seconds until shares are tried again after they were refused


@dataclass(frozen=True)
class SingleUseLink:
    """A link that books once; ``share`` is Calendly's name for it where it can be listed and deleted."""

    url: str
    share: str = ''


class SingleUseLinks:
    """Makes links, as shares where that is possible, and keeps why the last one was refused."""

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
        self._no_shares_until = 0.0
        self.refusal: CalendarProblem | None = None

    @property
    def are_shares(self) -> bool:
        """Whether links are made as shares, as far as it is known."""
        return self._event_type.is_one_on_one and time.monotonic() >= self._no_shares_until

    async def make(self) -> SingleUseLink:
        """Make a link that books once.

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

    async def _make_for_known(self) -> SingleUseLink:
        remembered = self._event_type.uri
        try:
            return await self._make(await self._event_type.known_uri())
        except CalendarUnavailable as error:
            if not remembered or not has_status(error, 400, 403, 404, 422):
                raise
            # The event type was made anew under the same address.
            return await self._make(await self._event_type.find())

    async def _make(self, event_type: str) -> SingleUseLink:
        """Make a share; where Calendly refuses that, and only that, make the other kind for some hours."""
        if not self.are_shares:
            return await self._make_scheduling_link(event_type)
        try:
            return await self._make_share(event_type)
        except CalendarRefused as refusal:
            if has_status(refusal, 401):
                raise
            link = await self._make_scheduling_link(event_type)
            self._no_shares_until = time.monotonic() + WITHOUT_SHARES
            log.info(
                'calendar links are made without shares, so that unused ones cannot be deleted: %s',
                words_of(refusal) or refusal,
            )
            with suppress(CalendarUnavailable):  # it may have become a team's since: others list its meetings
                await self._event_type.find()
            return link

    async def _make_share(self, event_type: str) -> SingleUseLink:
        """POST /shares (developer.calendly.com); what is not sent comes from the event type."""
        answer = await self._api.ask('POST', '/shares', json={'event_type': event_type})
        try:
            resource = answer['resource']
            return self._checked(resource['scheduling_links'][0], share=str(resource.get('uri') or ''))
        except (LookupError, TypeError, AttributeError) as error:
            raise CalendarUnavailable('Calendly answered without a link') from error

    async def _make_scheduling_link(self, event_type: str) -> SingleUseLink:
        """POST /scheduling_links (developer.calendly.com)."""
        body = {'max_event_count': 1, 'owner': event_type, 'owner_type': 'EventType'}
        answer = await self._api.ask('POST', '/scheduling_links', json=body)
        try:
            return self._checked(answer['resource'])
        except (LookupError, TypeError) as error:
            raise CalendarUnavailable('Calendly answered without a link') from error

    def _checked(self, resource: dict[str, Any], *, share: str = '') -> SingleUseLink:
        """Return the link of an answer; a browser is sent there, so its host is checked."""
        link = SingleUseLink(str(resource['booking_url']), share)
        host = urlsplit(link.url).hostname or ''
        if host != HOST and not host.endswith(f'.{HOST}') and host not in self._hosts:
            raise CalendarUnavailable(f'the calendar is at an unexpected host: {host}')
        return link
