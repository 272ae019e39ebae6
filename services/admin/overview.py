"""The overview: what needs a hand, who comes, what came in."""

from dataclasses import dataclass
from datetime import date, datetime

from services.admin.attention import NeedsHand
from services.money import Money


@dataclass(frozen=True)
class Meeting:
    """A meeting of today or tomorrow; times in UTC, ``day`` in the zone of the shop.

    Attributes:
        join_url: the link to join, '' where there is none.
        place: where it takes place, if that is no link.
        link_follows: whether Calendly has not made the link yet.
        title: what was bought.
        reference: of the order.
        warning: what is wrong with the order in words, such as "refunded"; '' where nothing is.
    """

    day: date
    start: datetime
    end: datetime
    name: str
    email: str
    phone: str
    join_url: str
    place: str
    link_follows: bool
    no_show: bool
    title: str
    reference: str
    warning: str


@dataclass(frozen=True)
class Period:
    """Money of the last days, today included, and of as many days before them; net of refunds.

    Attributes:
        days: how many: 1, 7 or 30.
        now: what came in.
        before: what had come in on the days before; for today, of yesterday as a whole.
        payments: how many payments.
        payments_before: how many there were on the days before.
    """

    days: int
    now: Money
    before: Money
    payments: int
    payments_before: int


@dataclass(frozen=True)
class Takings:
    """The figures of one currency; the most used one comes first."""

    currency: str
    periods: tuple[Period, ...]


@dataclass(frozen=True)
class Day:
    """One day of the chart, in the zone of the shop.

    Attributes:
        day: which.
        money: net of refunds, in the currency most used.
        bookings: how many meetings that take place were to begin on it.
    """

    day: date
    money: Money
    bookings: int


@dataclass(frozen=True)
class Overview:
    """Everything that the overview page shows.

    Attributes:
        at: when it was read, in UTC.
        zone: the name of the shop's time zone, in which its days are.
        attention: what needs a hand.
        meetings: those of today and tomorrow, the earliest first; canceled ones are left out.
        takings: by currency.
        days: the last thirty days, the oldest first.
        looking: how many are looking at the shop's pages now.
    """

    at: datetime
    zone: str
    attention: NeedsHand
    meetings: tuple[Meeting, ...]
    takings: tuple[Takings, ...]
    days: tuple[Day, ...]
    looking: int
