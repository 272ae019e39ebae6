"""What the ledger keeps beside orders and bookings: journal lines, deliveries, effects and list cursors."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.orders import AlertKind, Cause, MailKind, Order


class Source(enum.StrEnum):
    """Who sends deliveries."""

    STRIPE = 'stripe'
    CALENDLY = 'calendly'


class UnmatchedReason(enum.StrEnum):
    """Why a meeting in the coach's calendar is not one that an order paid for."""

    NO_KEY = 'no key'
    UNKNOWN_KEY = 'unknown key'
    NOT_PAID = 'not paid'
    REFUNDED = 'refunded'
    SECOND_MEETING = 'second meeting'
    OTHER_LENGTH = 'other length'
    OTHER_EVENT_TYPE = 'other event type'
    CALENDLY_PAYMENT = 'calendly payment'
    DETACHED = 'detached'


class UnmatchedState(enum.StrEnum):
    """What became of it: open for the operator, canceled, right again, or handled by the operator.

    It is right again when its order became known, was paid or got its money again (a refund failed), or when
    another meeting of the order was canceled, so that this one is not one too many.
    """

    OPEN = 'open'
    CANCELED = 'canceled'
    RIGHT_AGAIN = 'right again'
    HANDLED = 'handled'


class MailState(enum.StrEnum):
    """What became of a mail.

    It is dropped when its reason is gone before it was sent. It is unknown when the connection was lost
    before the server's answer: it may have been sent, and is not sent again.
    """

    WANTED = 'wanted'
    SENDING = 'sending'
    SENT = 'sent'
    REFUSED = 'refused'
    GIVEN_UP = 'given up'
    UNKNOWN = 'unknown'
    DROPPED = 'dropped'


@dataclass(frozen=True)
class MailRules:
    """Which mails are written down: none where none is sent, so that none goes out later by surprise.

    ``reminder_after`` is how long after the payment the reminder is due, None where nobody is reminded;
    ``operator`` says whether alerts are sent.
    """

    customers: bool = False
    reminder_after: timedelta | None = None
    operator: bool = False


@dataclass(frozen=True)
class Mail:
    """One mail to be sent: to whom ('' is the customer of its order), how often tried, times in UTC."""

    id: str
    kind: MailKind
    order_id: str | None
    recipient: str
    tries: int
    due_at: datetime


@dataclass(frozen=True)
class MailRecord:
    """A mail of an order, and what became of it; times in UTC."""

    id: str
    kind: MailKind
    recipient: str
    state: MailState
    due_at: datetime
    finished_at: datetime | None
    error: str


@dataclass(frozen=True)
class NewMail:
    """A mail to the customer of an order to write down; its id is made of the order and the ``key``."""

    kind: MailKind
    key: str

    def id_for(self, order: Order) -> str:
        """Return the id of the mail of an order."""
        return f'{order.id}.{self.kind}.{self.key}'


@dataclass(frozen=True)
class Alert:
    """One matter that needs the operator's hand; ``key`` tells it from others of its kind."""

    key: str
    kind: AlertKind
    order_id: str | None
    text: str


class EffectKind(enum.StrEnum):
    """What is to be done elsewhere because of an order."""

    MAKE_LINK = 'make link'
    DELETE_LINK = 'delete link'
    CANCEL_MEETING = 'cancel meeting'
    REFUND = 'refund'
    DRAFT_EVIDENCE = 'draft evidence'


class EffectState(enum.StrEnum):
    """What became of an effect.

    It is dropped when its reason is gone before it was carried out, and given up when it failed for days.
    """

    WANTED = 'wanted'
    DONE = 'done'
    REFUSED = 'refused'
    DROPPED = 'dropped'
    GIVEN_UP = 'given up'


@dataclass(frozen=True)
class NewEffect:
    """An outside effect to write down; ``details`` say who wants it and how, where a person does."""

    kind: EffectKind
    target: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Effect:
    """One outside effect: what it does to which target, for which order, and how often it was tried.

    ``details`` are empty for what follows from the money of an order by itself. What the operator wants has
    details, with its ``actor``.
    """

    id: int
    kind: EffectKind
    order_id: str
    target: str
    tries: int
    created_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
    state: EffectState = EffectState.WANTED
    error: str = ''
    finished_at: datetime | None = None

    @property
    def actor(self) -> str:
        """The person who wants it, '' where none does."""
        return str(self.details.get('actor', ''))


@dataclass(frozen=True)
class UnmatchedBooking:
    """A meeting that nobody paid for in this form; times in UTC.

    ``order_id`` is None where no order is known. ``note`` is what the operator wrote when it was handled.
    """

    invitee_id: str
    reason: UnmatchedReason
    order_id: str | None
    start: datetime
    end: datetime
    event_type: str
    email: str
    name: str
    first_seen: datetime
    state: UnmatchedState = UnmatchedState.OPEN
    note: str = ''


@dataclass(frozen=True)
class PaidOrder:
    """What is compared of an order beside another of the same customer; the time is in UTC."""

    id: str
    reference: str
    completed_at: datetime
    duplicate_of: str


@dataclass(frozen=True)
class KnownBooking:
    """What the ledger knows of a booking, to be compared with Calendly; times in UTC.

    One that belongs to no order has no ``place`` and no ``link_follows``.
    """

    invitee_id: str
    active: bool
    start: datetime
    end: datetime
    place: str | None = None
    link_follows: bool | None = None


@dataclass(frozen=True)
class JournalLine:
    """One move of an order: the version it made, when (UTC), who caused it and what it was.

    ``actor`` is the person who acted, '' where none did.
    """

    version: int
    at: datetime
    because: Cause
    line: str
    actor: str = ''


@dataclass(frozen=True)
class Delivery:
    """One signed delivery: who sent it, the sender's id for it, and the kind of event it names.

    ``payload`` is what it takes to process it without the sender; it is forgotten once it is handled.
    """

    source: Source
    event_id: str
    kind: str
    payload: str = field(default='', repr=False)


@dataclass(frozen=True)
class Arrivals:
    """Whether deliveries arrive, as known at the time ``at``; times in UTC.

    ``last_at`` is when the last one came. ``missed`` are the times since then at which an event had to be
    found in the sender's list, because it was not delivered.
    """

    at: datetime
    last_at: datetime | None
    missed: tuple[datetime, ...]


@dataclass(frozen=True)
class ListCursor:
    """How far one of Stripe's lists was read: everything created before ``since`` has been seen.

    A reading goes from ``until`` back to ``since``, page by page; ``after`` is where the next page begins.
    """

    name: str
    since: datetime
    until: datetime | None = None
    after: str = ''


@dataclass(frozen=True)
class SignIn:
    """A sign-in to the admin; ``id`` is a hash of the value in its cookie."""

    id: str = field(repr=False)
    client_ip: str
    created_at: datetime
    last_seen: datetime


@dataclass(frozen=True)
class AdminLine:
    """A line of the admin journal: what happened in the admin that belongs to no order."""

    at: datetime
    actor: str
    line: str


class VersionState(enum.StrEnum):
    """What a version of the site's texts is."""

    DRAFT = 'draft'
    PUBLISHED = 'published'
    DISCARDED = 'discarded'


@dataclass(frozen=True)
class SiteVersion:
    """A version of the site's texts: the whole site.toml, who wrote it and when (UTC).

    ``file_digest`` says which words the file had then.
    """

    version: int
    state: VersionState
    toml: str
    file_digest: str
    actor: str
    at: datetime


@dataclass(frozen=True)
class Switch:
    """Something that the operator has switched on or off, with a text, for all processes."""

    name: str
    is_on: bool
    text: str
    actor: str
    at: datetime


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal that is wanted, under way or over; times in UTC.

    Attributes:
        id: of the form or of the night that it is for.
        actor: who wants it.
        wanted_at: since when.
        next_try: when it is due, or until when a process has claimed it.
        tries: how often it was begun.
        finished_at: when it ended, None until then.
        hops: what became of each hop, as JSON.
        problem: why there is no result, or not all of it; '' otherwise.
    """

    id: str
    actor: str
    wanted_at: datetime
    next_try: datetime | None
    tries: int
    finished_at: datetime | None
    hops: str
    problem: str
