"""The overview: what needs a hand, who comes, what came in."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from services.admin.attention import AttentionReader, NeedsHand
from services.admin.days import span_of
from services.health import Check
from services.ledger import Ledger
from services.ledger.totals import ComingMeeting, Sum
from services.money import Money
from services.orders import CALENDAR_STATES, Environment, State

DAYS = 30  # of the chart, and the longest period
PERIODS = (1, 7, DAYS)
MEETINGS = 200  # of two days, at most
WEB = ('https://', 'http://')


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
        meetings: those of today and tomorrow, the earliest first, 200 at most; canceled ones are left out.
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


class OverviewReader:
    """Reads the overview."""

    def __init__(
        self,
        ledger: Ledger,
        attention: AttentionReader,
        *,
        environment: Callable[[], Environment],
        zone: Callable[[], tzinfo],
        clock: Callable[[], datetime],
    ) -> None:
        """Make it.

        Args:
            ledger: where everything is read.
            attention: reads what needs a hand.
            environment: where the shop sells; nothing else is counted.
            zone: returns the time zone of the shop, in which days begin.
            clock: the present time in UTC.
        """
        self._ledger = ledger
        self._attention = attention
        self._environment = environment
        self._zone = zone
        self._clock = clock

    async def read(self, *, checks: Iterable[Check], looking: int) -> Overview:
        """Read everything that the page shows.

        Args:
            checks: the results of the shop's health checks.
            looking: how many are looking at the shop's pages now.
        """
        now, here, totals = self._clock(), self._environment(), self._ledger.totals
        today = now.astimezone(self._zone()).date()
        days = [today - timedelta(days=number) for number in range(DAYS)]  # today is the first
        spans = [span_of(day, self._zone()) for day in days]
        before = span_of(days[-1] - timedelta(days=DAYS), self._zone(), days=DAYS)
        sums = await totals.sums([*spans, before], here)
        begun = await totals.meetings_in(spans, here)
        coming = await totals.meetings(span_of(today, self._zone(), days=2), here, limit=MEETINGS)
        takings = _takings(sums)
        currency = takings[0].currency if takings else ''
        chart = [
            Day(day, _in_currency(of_day, currency)[0], meetings)
            for day, of_day, meetings in zip(days, sums, begun, strict=False)
        ]
        return Overview(
            at=now,
            zone=str(self._zone()),
            attention=await self._attention.read(checks),
            meetings=tuple(_meeting(meeting, self._zone()) for meeting in coming),
            takings=takings,
            days=tuple(reversed(chart)),
            looking=looking,
        )


def _takings(sums: Sequence[Sequence[Sum]]) -> tuple[Takings, ...]:
    """Add up the sums by currency; the one with the most payments comes first.

    Args:
        sums: of each day, today first, and at the end of as many days before them.
    """
    payments: Counter[str] = Counter()
    for of_day in sums:
        payments.update({each.taken.currency: each.payments for each in of_day})
    currencies = [currency for currency, _ in payments.most_common() if currency]
    return tuple(
        Takings(currency, tuple(_period(sums, days, currency) for days in PERIODS)) for currency in currencies
    )


def _period(sums: Sequence[Sequence[Sum]], days: int, currency: str) -> Period:
    now, payments = _in_currency([each for of_day in sums[:days] for each in of_day], currency)
    before, before_payments = _in_currency(
        [each for of_day in sums[days : 2 * days] for each in of_day], currency
    )
    return Period(days, now, before, payments, before_payments)


def _in_currency(sums: Iterable[Sum], currency: str) -> tuple[Money, int]:
    own = [each for each in sums if each.taken.currency == currency]
    return Money(sum(each.taken.amount for each in own), currency), sum(each.payments for each in own)


def _meeting(meeting: ComingMeeting, zone: tzinfo) -> Meeting:
    booking, is_paid = meeting.booking, meeting.state in CALENDAR_STATES
    is_link = booking.place.startswith(WEB)
    return Meeting(
        day=booking.start.astimezone(zone).date(),
        start=booking.start,
        end=booking.end,
        name=booking.name or meeting.name,
        email=booking.email or meeting.email,
        phone=booking.phone or meeting.phone,
        join_url=booking.place if is_link else '',
        place='' if is_link else booking.place,
        link_follows=booking.link_follows,
        no_show=booking.no_show,
        title=meeting.title,
        reference=meeting.reference,
        warning='' if is_paid and meeting.state is not State.DISPUTED else meeting.state.value,
    )
