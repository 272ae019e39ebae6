"""The client of Calendly: calendar links for orders, the bookings that came of them, and a check of both."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from services.errors import CalendarUnavailable
from services.orders import Order
from services.scheduling.api import CalendlyApi
from services.scheduling.bookings import BookingUpdate
from services.scheduling.cancellations import CancelAnswer, Cancellations
from services.scheduling.check import NOT_FOUND, CalendarProblem, problem_of_error, problem_of_event_type
from services.scheduling.event_type import EventType
from services.scheduling.event_types import EventTypes
from services.scheduling.frame_url import frame_url
from services.scheduling.free_times import FreeTimes
from services.scheduling.links import SingleUseLink, SingleUseLinks
from services.scheduling.meetings import Meetings
from services.scheduling.public_page import PublicPage
from services.scheduling.scheduled_events import ScheduledEvent, ScheduledEvents
from services.scheduling.scopes import Scopes
from services.scheduling.shares import Share, Shares, ShareStatus
from services.scheduling.subscriptions import Subscriptions


class Scheduling:
    """Calendly, as far as this shop needs it."""

    def __init__(
        self,
        link: str,
        *,
        token: str,
        api_base: str,
        domain: str,
        hosts: frozenset[str],
        accent: Callable[[], str] = lambda: '',
    ) -> None:
        """Make a client; nothing is requested yet.

        Args:
            link: the event type's public address.
            token: a personal access token, or '' when single-use links cannot be made.
            api_base: another address of the API, or '' for Calendly's own.
            domain: the shop's public address; the frame is given its host.
            hosts: host names, besides Calendly's own, that a calendar may be at.
            accent: returns the shop's colour, such as ``#0b5d3b``; '' leaves Calendly's own.
        """
        self._link = link
        self._accent = accent
        self._host = urlsplit(domain).netloc
        self._api = CalendlyApi(token, base=api_base)
        self._event_type = EventType(self._api, link)
        self._links = SingleUseLinks(self._api, self._event_type, hosts=hosts)
        self._shares = Shares(self._api, self._event_type)
        self._events = ScheduledEvents(self._api, self._event_type)
        self._meetings = Meetings(self._api, self._events)
        self._cancellations = Cancellations(self._api)
        self.scopes = Scopes(self._api)
        self.event_types = EventTypes(self._api)
        self.subscriptions = Subscriptions(self._api, f'{domain}/webhooks/calendly')
        self._free_times = FreeTimes(self._api, self._event_type)
        self._public_page = PublicPage(link)

    async def close(self) -> None:
        """Close the connections to Calendly."""
        await self._api.close()
        await self._public_page.close()

    @property
    def event_type(self) -> str:
        """The API's name of the event type that is sold, '' while it is not known."""
        return self._event_type.uri

    @property
    def is_public(self) -> bool:
        """Whether the host's page at Calendly lists the event type, as the last check read it."""
        return self._event_type.is_public

    @property
    def makes_links(self) -> bool:
        """Whether every order gets a single-use link of its own."""
        return self._api.has_token

    @property
    def links_can_be_deleted(self) -> bool:
        """Whether a link that is made now can be deleted, as far as it is known."""
        return self._links.are_shares

    async def check(self, minutes: int) -> CalendarProblem | None:
        """Check that what is sold can be booked; None when nothing is wrong.

        With a token: Calendly accepts it, and the event type exists, is active, takes no payment and has the
        right length. Without one: its public page exists.

        Args:
            minutes: the length that is sold.
        """
        if not self._api.has_token:
            return await self._public_page.check()
        try:
            event_type = await self._event_type.read()
        except CalendarUnavailable as error:
            return problem_of_error(error)
        if event_type is None:
            return await self._public_page.check() or NOT_FOUND
        return problem_of_event_type(event_type, minutes) or self._links.refusal

    async def public_page_answers(self) -> bool:
        """Whether the public page of the event type answers at all; it is asked every few seconds at most."""
        return await self._public_page.answers()

    async def make_link(self) -> SingleUseLink:
        """Make a link that books once.

        Raises:
            CalendarUnavailable: Calendly cannot be reached or refuses.
        """
        return await self._links.make()

    async def read_share_status(self, share: str, *, made_at: datetime) -> ShareStatus:
        """Return what became of a link that was made as a share.

        Args:
            share: Calendly's name for it.
            made_at: when it was made, in UTC.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, refuses, or has too many to read.
        """
        return await self._shares.status(share, made_at=made_at)

    async def find_shares(self, *, since: datetime) -> list[Share]:
        """Find the shares of the event type that were made since a time in UTC, by whomever.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, refuses, or has too many to read.
        """
        return await self._shares.made_since(since)

    async def delete_share(self, share: str) -> str:
        """Delete an unused link; returns '' when it is gone, or why Calendly keeps it.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses the token.
        """
        return await self._shares.delete(share)

    async def cancel(self, invitee_id: str, *, reason: str) -> CancelAnswer:
        """Cancel a meeting.

        Args:
            invitee_id: the URI of the invitee.
            reason: for the invitee.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses the token.
        """
        return await self._cancellations.cancel(invitee_id, reason)

    def url_for(self, order: Order, link: str = '') -> str:
        """Return the address of the frame: the link, prefilled, with the order's booking key.

        Args:
            order: a verified order.
            link: its single-use link, or '' for the public address of the event type.
        """
        return frame_url(
            link or self._link,
            order,
            host=self._host,
            accent=self._accent(),
            phone_answer=self._event_type.phone_answer,
        )

    async def find_bookings(self, booking_key: str, *, since: datetime) -> list[BookingUpdate]:
        """Find the bookings of an order, moved and canceled ones too, oldest booking first.

        Args:
            booking_key: of the order.
            since: when the order was made, in UTC.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, refuses, or has too many to read.
        """
        return await self._meetings.of_order(booking_key, since=since)

    async def read_booking(self, invitee_id: str, *, patient: bool = False) -> BookingUpdate | None:
        """Read one booking as it is now; None when Calendly does not know it.

        Args:
            invitee_id: the URI of the invitee.
            patient: wait for turns while Calendly's limit is reached, and leave room for customers.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses.
        """
        return await self._meetings.read(invitee_id, patient=patient)

    async def list_events(self, since: datetime) -> list[ScheduledEvent]:
        """List the events that start at a time or later, the oldest booking first; wait for turns.

        Args:
            since: the earliest start, in UTC.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses.
        """
        return await self._events.since(since, patient=True)

    async def read_event(self, event: ScheduledEvent) -> list[BookingUpdate]:
        """Read the bookings of an event; wait for a turn.

        Args:
            event: from the list.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses.
        """
        return await self._events.bookings(event, patient=True)

    async def check_subscription(self) -> CalendarProblem | None:
        """Check that Calendly delivers bookings to this shop; None when nothing is wrong.

        Raises:
            CalendarUnavailable: it cannot be known, because Calendly cannot be reached or refuses.
        """
        return await self.subscriptions.check()

    async def read_free_times(self, start: datetime, end: datetime) -> tuple[datetime, ...]:
        """Read the free times of a period of at most 31 days, in UTC, soonest first, with one request.

        Args:
            start: in the future.
            end: of the period.

        Raises:
            CalendarRefused: Calendly refuses; asking again helps only once something was changed there.
            CalendarUnavailable: Calendly cannot be reached, or the event type has not been found yet.
        """
        return await self._free_times.read(start, end)
