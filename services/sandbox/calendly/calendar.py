"""The calendar of one host: free times, single-use links, bookings, subscriptions and sent mails."""

import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.sandbox.config import SandboxConfig
from services.sandbox.types import Json

TRACKING = ('utm_campaign', 'utm_source', 'utm_medium', 'utm_content', 'utm_term', 'salesforce_uuid')
HORIZON = timedelta(days=14)
LINK_LIFETIME = timedelta(days=90)
NOTICE = timedelta(hours=2)
PAGE_OPEN = timedelta(minutes=10)  # for which a time that a page has offered can still be booked


def zone(name: str) -> ZoneInfo:
    """Return the time zone of that name, or UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo('UTC')


@dataclass(slots=True, eq=False)
class Booking:
    """A scheduled event with its invitee."""

    id: str
    invitee: str
    start: datetime
    end: datetime
    name: str
    email: str
    phone: str | None
    timezone: str
    tracking: dict[str, str]
    created: datetime
    updated: datetime
    status: str = 'active'
    rescheduled: bool = False
    cancellation: Json | None = None
    old: 'Booking | None' = None
    new: 'Booking | None' = None
    event_type: str = ''
    no_show: Json | None = None
    payment: Json | None = None
    scheduling_method: str | None = None
    link_status: str | None = None  # of its own; without one that of the calendar


@dataclass(slots=True, eq=False)
class Link:
    """A single-use link; one that is a share has an `uuid` and its own `settings`.

    `event_type` is the id of an event type that was made through the API, '' for the calendar's own.
    `max_booking_time` of the settings counts as minutes from now on; Calendly does not document its unit.
    """

    id: str
    created: datetime
    used: bool = False
    uuid: str = ''
    settings: Json = field(default_factory=dict)
    expired: bool = False
    event_type: str = ''


@dataclass(slots=True, eq=False)
class Subscription:
    """A webhook subscription."""

    id: str
    url: str
    events: list[str]
    scope: str
    signing_key: str
    created: datetime
    updated: datetime
    state: str = 'active'
    retry_started: datetime | None = None

    def disable(self, now: datetime) -> None:
        """Disable the subscription after the last retry; Calendly does not enable it again."""
        self.state, self.updated = 'disabled', now


@dataclass(slots=True)
class Mail:
    """A message that Calendly would have sent."""

    to: str
    subject: str
    text: str
    at: datetime


@dataclass
class Calendar:
    """One host with one event type and its bookings.

    `made_event_types` are the ones made through the API; they have pages and links, and the same free times.
    `team` puts the event type under the organization only. `admin` says whether the token may read the
    organization, `may_cancel` whether it may cancel meetings. `other_event_type` is the id of another event
    type of the host, for which no page exists.
    """

    config: SandboxConfig
    now: Callable[[], datetime]
    user: str = field(default_factory=lambda: str(uuid.uuid4()))
    organization: str = field(default_factory=lambda: str(uuid.uuid4()))
    event_type: str = field(default_factory=lambda: str(uuid.uuid4()))
    active: bool = True
    secret: bool = True
    framed: bool = True
    redirect: str | None = None
    link_status: str | None = 'pushed'
    deleted_at: str | None = None
    is_paid: bool = False
    kind: str = 'solo'
    pooling_type: str | None = None
    team: bool = False
    admin: bool = True
    may_cancel: bool = True
    minutes: int = 60
    offered: list[datetime] | None = None
    duration_options: list[int] | None = None
    location: str = 'google_conference'
    token_revoked: bool = False
    missing_scopes: set[str] = field(default_factory=set)
    other_event_type: str = field(default_factory=lambda: str(uuid.uuid4()))
    made_event_types: dict[str, Json] = field(default_factory=dict)
    bookings: dict[str, Booking] = field(default_factory=dict)
    invitees: dict[str, Booking] = field(default_factory=dict)
    no_shows: dict[str, Booking] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    shares: dict[str, Link] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    outbox: deque[Mail] = field(default_factory=lambda: deque(maxlen=500))

    @property
    def bookable(self) -> bool:
        """Whether the event type has a page with times."""
        return self.active and self.deleted_at is None

    def lacks(self, scope: str) -> bool:
        """Return whether the token lacks a scope; a token that may not read may not write."""
        reading = scope.removesuffix(':write') + ':read' if scope.endswith(':write') else scope
        return not self.missing_scopes.isdisjoint((scope, reading))

    @property
    def one_on_one(self) -> bool:
        """Whether one invitee meets one host, which shares are for."""
        return self.kind == 'solo' and self.pooling_type is None

    def has_expired(self, link: Link) -> bool:
        """Return whether an unused link is too old, or its own period is over."""
        now = self.now()
        last_day = link.settings.get('end_date')
        over = (
            last_day is not None and f'{now.astimezone(zone(self.config.host_timezone)):%Y-%m-%d}' > last_day
        )
        return not link.used and (link.expired or over or now - link.created > LINK_LIFETIME)

    def permits(self, link: Link | None, start: datetime) -> bool:
        """Return whether a link's own period, if it has one, includes a time."""
        settings = link.settings if link is not None else {}
        day = f'{start.astimezone(zone(self.config.host_timezone)):%Y-%m-%d}'
        first, last = settings.get('start_date') or day, settings.get('end_date') or day
        most = settings.get('max_booking_time')
        return first <= day <= last and (most is None or start <= self.now() + timedelta(minutes=most))

    def free(self, start: datetime, end: datetime, *, notice: timedelta = NOTICE) -> list[datetime]:
        """Return the free start times of a period.

        They are those of `offered` if it is set, otherwise the working hours of two weeks.
        """
        earliest = max(start, self.now() + notice)
        taken = {item.start for item in self.bookings.values() if item.status == 'active'}
        times = self._working_hours(earliest, end) if self.offered is None else self.offered
        return [time for time in times if earliest <= time < end and time not in taken]

    def _working_hours(self, earliest: datetime, end: datetime) -> list[datetime]:
        """Return all start times within the working hours of weekdays in the host's time zone."""
        timezone = zone(self.config.host_timezone)
        length = timedelta(minutes=self.minutes)
        latest = min(end, self.now() + HORIZON)
        found: list[datetime] = []
        day = earliest.astimezone(timezone).date()
        while day <= latest.astimezone(timezone).date():
            begin = datetime.combine(day, time(9), timezone).astimezone(zone('UTC'))
            close = datetime.combine(day, time(17), timezone).astimezone(zone('UTC'))
            while day.weekday() < 5 and begin + length <= close:
                if begin < latest:
                    found.append(begin)
                begin += length
            day += timedelta(days=1)
        return found

    def all_free(self) -> list[datetime]:
        """Return all free start times that can be booked now."""
        return self.free(self.now(), self._horizon())

    def may_book(self, start: datetime) -> bool:
        """Return whether a time is free that a page has offered a short time ago."""
        now = self.now()
        return start in self.free(now, self._horizon(), notice=NOTICE - PAGE_OPEN)

    def _horizon(self) -> datetime:
        """Return the end of the last period that is offered."""
        return max([self.now() + HORIZON, *(time + timedelta(minutes=1) for time in self.offered or ())])

    def book(
        self, start: datetime, who: Json, link: Link | None = None, old: Booking | None = None
    ) -> Booking:
        """Book a free time.

        Args:
            start: when the meeting begins.
            who: name, email, phone, timezone, tracking; perhaps minutes, event_type, payment and
                scheduling_method.
            link: the single-use link that is used up.
            old: the booking that is rescheduled.
        """
        now = self.now()
        own = link.settings.get('duration') if link is not None else None
        end = start + timedelta(minutes=int(who.get('minutes') or own or self.minutes))
        booking = Booking(
            str(uuid.uuid4()), str(uuid.uuid4()), start, end, who['name'], who['email'],
            who.get('phone') or None, who.get('timezone') or 'UTC', dict(who.get('tracking', {})), now, now,
            old=old, payment=who.get('payment'), scheduling_method=who.get('scheduling_method'),
            event_type=str(who.get('event_type') or (old.event_type if old else self.event_type)),
        )  # fmt: skip
        self.bookings[booking.id] = self.invitees[booking.invitee] = booking
        if link is not None:
            link.used = True
        if old is not None:
            old.new = booking
        while len(self.bookings) > self.config.max_closed:
            oldest = self.bookings.pop(next(iter(self.bookings)))
            self.invitees.pop(oldest.invitee, None)
            self.no_shows.pop(str((oldest.no_show or {}).get('uri', '')).rpartition('/')[2], None)
        return booking

    def cancel(self, booking: Booking, by: str, kind: str, reason: str, rescheduled: bool = False) -> None:
        """Cancel a booking; `kind` is `host` or `invitee`."""
        now = self.now()
        booking.status, booking.rescheduled, booking.updated = 'canceled', rescheduled, now
        booking.cancellation = {
            'canceled_by': by, 'reason': reason, 'canceler_type': kind,
            'created_at': now.strftime('%Y-%m-%dT%H:%M:%S.%fZ'),
        }  # fmt: skip

    def new_link(self, event_type: str = '') -> Link:
        """Create a single-use link."""
        parts = (uuid.uuid4().hex[:4], uuid.uuid4().hex[:3], uuid.uuid4().hex[:3])
        link = Link('-'.join(parts), self.now(), event_type=event_type)
        self.links[link.id] = link
        while len(self.links) > self.config.max_closed:
            oldest = self.links.pop(next(iter(self.links)))
            self.shares.pop(oldest.uuid, None)
        return link

    def new_share(self, settings: Json, event_type: str = '') -> Link:
        """Create a single-use link that is a share."""
        link = self.new_link(event_type)
        link.uuid, link.settings = str(uuid.uuid4()), settings
        self.shares[link.uuid] = link
        return link

    def delete_share(self, link: Link) -> None:
        """Delete a share and its link."""
        del self.shares[link.uuid], self.links[link.id]

    def mail(self, booking: Booking, subject: str, text: str) -> None:
        """Add a message to the invitee to the outbox."""
        self.outbox.append(Mail(booking.email, subject, text, self.now()))
